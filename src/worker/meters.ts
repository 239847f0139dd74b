/** Values that a median is of. */
const WINDOW = 50;

/** The median of the last fifty values. */
export class MedianMeter {
  readonly #values: number[] = [];

  add(value: number): void {
    this.#values.push(value);
    if (this.#values.length > WINDOW) this.#values.shift();
  }

  /** Undefined before the first value. */
  get median(): number | undefined {
    return this.#values.toSorted((a, b) => a - b)[this.#values.length >> 1];
  }
}

/** How often something happened in the last second. */
export class RateMeter {
  readonly #timesMs: number[] = [];

  add(nowMs: number): void {
    this.#timesMs.push(nowMs);
    this.#forget(nowMs);
  }

  perSecond(nowMs: number): number {
    this.#forget(nowMs);
    return this.#timesMs.length;
  }

  #forget(nowMs: number): void {
    while (this.#timesMs.length > 0 && this.#timesMs[0] < nowMs - 1000) this.#timesMs.shift();
  }
}
