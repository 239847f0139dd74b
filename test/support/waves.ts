import type { Tensor } from '../../src/models/inference.js';

/** Lengths of the axes of a graph's inputs, by name. */
export type Shapes = Readonly<Record<string, readonly number[]>>;

/** Inputs of slow waves between 0 and 1, the same wherever they are made. */
export function waves(shapes: Shapes, phase = 0): Record<string, Tensor> {
  const wave = (dims: readonly number[]): Tensor => ({
    dims,
    data: Float32Array.from(
      { length: dims.reduce((product, side) => product * side, 1) },
      (_, i) => 0.5 + 0.4 * Math.sin(i * 0.037 + phase) + 0.1 * Math.sin(i / 97),
    ),
  });
  return Object.fromEntries(Object.entries(shapes).map(([name, dims]) => [name, wave(dims)]));
}
