/** A camera's driver keeps about so many frames, with their times, for a reader that is late. */
const KEPT_FRAMES = 4;

/**
 * The clock of a clip that is played as a camera would give it. Sans IO: times are milliseconds of one clock that
 * never goes back.
 */
export class ClipClock {
  readonly #startMs: number;
  readonly #intervalMs: number;
  /** How far the clip has slipped because its reader did not keep up. */
  #slipMs = 0;

  /** The first frame is due at `startMs`, each next one `intervalMs` later. */
  constructor(startMs: number, intervalMs: number) {
    this.#startMs = startMs;
    this.#intervalMs = intervalMs;
  }

  /** When a frame is due; frames count from 0. */
  dueMs(frame: number): number {
    return this.#startMs + frame * this.#intervalMs;
  }

  /**
   * The capture time of a frame that was taken up at `nowMs`, in the order of the frames: regular, as a camera's is,
   * while the reader is at most four frames late. A busy machine would else make the motion irregular, which is shown,
   * and costs three bytes a message (explicit intervals). At most `nowMs`, and never back.
   */
  captureMs(frame: number, nowMs: number): number {
    const lateMs = nowMs - this.dueMs(frame);
    const leastMs = lateMs - KEPT_FRAMES * this.#intervalMs;
    this.#slipMs = Math.min(lateMs, Math.max(leastMs, this.#slipMs));
    return this.dueMs(frame) + this.#slipMs;
  }
}
