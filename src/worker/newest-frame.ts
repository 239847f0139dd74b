/** A frame and when it was there, by `callClock`. */
export interface CapturedFrame {
  readonly frame: VideoFrame;
  readonly captureMs: number;
}

/** A place for one frame: a newer one takes it from an older one that nobody has taken. */
export class NewestFrame {
  #waiting: CapturedFrame | undefined;
  #taker: ((frame: CapturedFrame | undefined) => void) | undefined;
  #closed = false;
  #offered = 0;
  #dropped = 0;

  /** Frames that came, and those of them that were closed unseen. */
  get counts(): { readonly frames: number; readonly dropped: number } {
    return { frames: this.#offered, dropped: this.#dropped };
  }

  /** Takes over `frame`. */
  offer(frame: VideoFrame, captureMs: number): void {
    if (this.#closed) {
      frame.close();
      return;
    }
    this.#offered++;
    const taker = this.#taker;
    if (taker) {
      this.#taker = undefined;
      taker({ frame, captureMs });
      return;
    }
    if (this.#waiting) {
      this.#waiting.frame.close();
      this.#dropped++;
    }
    this.#waiting = { frame, captureMs };
  }

  /** The newest frame, the caller's to close; undefined after `close`. One call at a time. */
  take(): Promise<CapturedFrame | undefined> {
    const frame = this.#waiting;
    this.#waiting = undefined;
    if (frame || this.#closed) return Promise.resolve(frame);
    return new Promise((resolve) => {
      this.#taker = resolve;
    });
  }

  /** Closes what waits. Safe to call twice. */
  close(): void {
    this.#closed = true;
    this.#waiting?.frame.close();
    this.#waiting = undefined;
    this.#taker?.(undefined);
    this.#taker = undefined;
  }
}
