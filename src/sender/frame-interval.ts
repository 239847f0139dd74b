/** The past counts ever less: by a factor e in this time. */
const MEMORY_MS = 4_000;
/** Before so much has been seen, frames come as they were said to. */
const LEAST_MS = 2_000;
/** A longer gap is a pause of the source, not its rate. */
const PAUSE_FRAMES = 5;
/** Within this factor they do: cameras are never quite at their rate. */
const TOLERANCE = 1.25;

/** How far frames lie apart: a slow tracker, or two directions on few cores, gives fewer than were announced. */
export class FrameInterval {
  readonly #nominalMs: number;
  #lastMs: number | undefined;
  #frames = 0;
  #seenMs = 0;

  /** `fps`: nominal frames a second. */
  constructor(fps: number) {
    this.#nominalMs = 1000 / fps;
  }

  /** Notes the capture time of the next frame. */
  note(captureMs: number): void {
    const gapMs = captureMs - (this.#lastMs ?? captureMs);
    this.#lastMs = captureMs;
    if (gapMs <= 0 || gapMs > PAUSE_FRAMES * this.ms) return;
    const kept = Math.exp(-gapMs / MEMORY_MS);
    this.#frames = this.#frames * kept + 1;
    this.#seenMs = this.#seenMs * kept + gapMs;
  }

  /** Milliseconds from one frame to the next. */
  get ms(): number {
    const meanMs = this.#seenMs / this.#frames;
    const factor = meanMs / this.#nominalMs;
    const asSaid = factor < TOLERANCE && factor > 1 / TOLERANCE;
    return this.#seenMs < LEAST_MS || asSaid ? this.#nominalMs : meanMs;
  }
}
