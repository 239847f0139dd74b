import { callClock } from '../call.js';
import { NewestFrame } from '../worker/newest-frame.js';
import type { WorkerLink } from './worker-link.js';

/**
 * Gives frames to the pipeline: each goes when the one before has arrived, the newest wins. A stream
 * transferred to the worker would need no page in between, but Chromium 156 leaves some of its frames
 * unclosed; the messages that come of a frame pass through the page anyway.
 */
export class FrameRelay {
  readonly #link: WorkerLink;
  readonly #newest = new NewestFrame();
  #closed = false;
  #arrived: () => void = () => {};

  constructor(link: WorkerLink) {
    this.#link = link;
    void this.#run();
  }

  /** Frames that were closed unseen. */
  get dropped(): number {
    return this.#newest.counts.dropped;
  }

  /** Takes over `frame`, which was there just now. */
  offer(frame: VideoFrame): void {
    this.#newest.offer(frame, callClock());
  }

  /** The pipeline has the frame. */
  frameArrived(): void {
    this.#arrived();
  }

  /** To be called before the link is closed. Safe to call twice. */
  close(): void {
    this.#closed = true;
    this.#newest.close();
  }

  async #run(): Promise<void> {
    for (;;) {
      const captured = await this.#newest.take();
      if (this.#closed) captured?.frame.close();
      if (!captured || this.#closed) return;
      const arrived = new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
      this.#link.post({ type: 'frame', ...captured }, [captured.frame]);
      await arrived;
    }
  }
}
