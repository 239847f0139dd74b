import { callClock } from '../call.js';
import type { Picture } from '../geometry/picture.js';
import type { FaceTracker, TrackedFace } from '../sender/tracker.js';
import { readFrames, trackProcessorClass } from './frame-source.js';
import { MedianMeter } from './meters.js';
import { NewestFrame } from './newest-frame.js';
import { createPictureReader } from './picture-reader.js';

/** A tracked picture; valid until the next one is asked for. */
export interface SeenPicture {
  readonly picture: Picture;
  /** Largest first, at most two. */
  readonly faces: readonly TrackedFace[];
  readonly captureMs: number;
}

/**
 * Of the time, what the frames may take: the rest is for the other half of the call, which shares the
 * processor, and the slower that makes a frame, the fewer are looked at.
 */
const BUSY_SHARE = 0.6;
/** No frame takes longer: who did not ask for the next one meanwhile was waiting for something else. */
const MAX_BUSY_MS = 250;

/** Frames of a source, tracked one at a time, at most `fps` a second: the newest wins. */
export class FaceFeed {
  readonly #tracker: FaceTracker;
  readonly #intervalMs: number;
  readonly #read = createPictureReader();
  readonly #newest = new NewestFrame();
  readonly #trackMs = new MedianMeter();
  #stopSource: () => Promise<void> = async () => {};
  #dueMs = -Infinity;
  /** When the picture that was given last was taken up. */
  #startMs = -Infinity;
  #isBehind = false;
  /** How many faces to look for. */
  wanted: 1 | 2 = 2;

  constructor(tracker: FaceTracker, fps: number) {
    this.#tracker = tracker;
    this.#intervalMs = 1000 / fps;
  }

  /** Frames that came, those of them that were not looked at, and the median time of those that were. */
  get stats() {
    return { ...this.#newest.counts, trackMs: this.#trackMs.median };
  }

  /** Whether the newest picture came later than `fps` asks for. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Takes over `track`, whose frames are looked at from now on. */
  setSource(track: MediaStreamTrack): void {
    void this.#stopSource();
    this.#stopSource = readFrames(trackProcessorClass()!, track, (frame) =>
      this.offer(frame, callClock()),
    );
  }

  /** Takes over a frame of the page's, which was there at `captureMs`. */
  offer(frame: VideoFrame, captureMs: number): void {
    this.#newest.offer(frame, captureMs);
  }

  /** The next picture; undefined after `close`. */
  async next(): Promise<SeenPicture | undefined> {
    const busyMs = Math.min(callClock() - this.#startMs, MAX_BUSY_MS);
    const intervalMs = Math.max(this.#intervalMs, busyMs / BUSY_SHARE);
    this.#isBehind = intervalMs > this.#intervalMs;
    for (;;) {
      const captured = await this.#newest.take();
      if (!captured) return undefined;
      const { frame, captureMs } = captured;
      // A source a little faster than that must not be halved: half an interval's slack.
      if (captureMs < this.#dueMs - this.#intervalMs / 2) {
        frame.close();
        continue;
      }
      this.#dueMs = Math.max(this.#dueMs, captureMs - intervalMs) + intervalMs;
      this.#startMs = callClock();
      const picture = await this.#read(frame).finally(() => frame.close());
      const faces = await this.#tracker.track(picture, this.wanted);
      this.#trackMs.add(callClock() - this.#startMs);
      return { picture, faces, captureMs };
    }
  }

  /** Resolves when the source has stopped. Safe to call twice. */
  async close(): Promise<void> {
    this.#newest.close();
    await this.#stopSource();
  }
}
