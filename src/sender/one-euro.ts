/** Parameters of a One-Euro filter. */
export interface OneEuroOptions {
  /** Samples a second. */
  readonly rate: number;
  /** Cutoff at rest in Hz: lower means less jitter and more lag. */
  readonly minCutoff: number;
  /** Hz of cutoff per unit a second of speed: higher means less lag in motion. */
  readonly beta: number;
  /** Cutoff of the speed's own filter, in Hz. */
  readonly speedCutoff: number;
}

/** Smoothing factor of a first-order low-pass filter, 0–1. */
function smoothing(cutoff: number, rate: number): number {
  const r = (2 * Math.PI * cutoff) / rate;
  return r / (r + 1);
}

/**
 * One-Euro filter (Casiez, Roussel, Vogel: "1€ Filter", CHI 2012) over a vector: each number has
 * its own state. The returned function filters `values` in place; `unit` is what counts as 1 in
 * the speed (the size of the object, say), so that `beta` means the same at every scale. The first
 * call passes its values through.
 */
export function createOneEuroFilter({ rate, minCutoff, beta, speedCutoff }: OneEuroOptions) {
  const speedShare = smoothing(speedCutoff, rate);
  let state: Float32Array | undefined;
  let speeds: Float32Array | undefined;
  return function filter(values: Float32Array, unit: number): void {
    if (!state || !speeds) {
      state = values.slice();
      speeds = new Float32Array(values.length);
      return;
    }
    for (let i = 0; i < values.length; i++) {
      const speed = ((values[i]! - state[i]!) * rate) / unit;
      speeds[i]! += speedShare * (speed - speeds[i]!);
      const share = smoothing(minCutoff + beta * Math.abs(speeds[i]!), rate);
      state[i]! += share * (values[i]! - state[i]!);
      values[i] = state[i]!;
    }
  };
}
