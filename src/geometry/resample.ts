import { createPicture, type Picture } from './picture.js';

interface Taps {
  /** Taps of each target pixel. */
  readonly count: number;
  /** Source pixel of each tap, within the picture. */
  readonly source: Int32Array;
  readonly weights: Float32Array;
}

/** Triangle filter as wide as a source or a target pixel, whichever is larger: no aliasing. */
function triangleTaps(offset: number, side: number, size: number, length: number): Taps {
  const ratio = side / size;
  const radius = Math.max(1, ratio);
  const count = Math.ceil(2 * radius);
  const source = new Int32Array(size * count);
  const weights = new Float32Array(size * count);
  for (let target = 0; target < size; target++) {
    const centre = (target + 0.5) * ratio - 0.5;
    const first = Math.ceil(centre - radius);
    let sum = 0;
    for (let tap = 0; tap < count; tap++) {
      sum += Math.max(0, 1 - Math.abs(first + tap - centre) / radius);
    }
    for (let tap = 0; tap < count; tap++) {
      const at = target * count + tap;
      weights[at] = Math.max(0, 1 - Math.abs(first + tap - centre) / radius) / sum;
      source[at] = Math.max(0, Math.min(length - 1, offset + first + tap));
    }
  }
  return { count, source, weights };
}

/** A square of a picture, in pixels. */
export interface Square {
  readonly x: number;
  readonly y: number;
  readonly side: number;
}

/** The square that a square picture is. */
export const whole = ({ width }: Picture): Square => ({ x: 0, y: 0, side: width });

/**
 * A square of a picture, resampled to `size × size` with a triangle (bilinear, antialiased) filter
 * that reads the picture's edge where it reaches beyond. The source stays the caller's and the
 * result becomes the caller's.
 */
export function resampleSquare(source: Picture, square: Square, size: number): Picture {
  const { x, y, side } = square;
  const { data, width, height } = source;
  const out = createPicture(size, size);
  if (side === size) {
    for (let row = 0; row < size; row++) {
      const from = ((y + row) * width + x) * 4;
      out.data.set(data.subarray(from, from + size * 4), row * size * 4);
    }
    return out;
  }
  shrink(source, triangleTaps(x, side, size, width), triangleTaps(y, side, size, height), out);
  return out;
}

/** Row by row: each of the source is shrunk once, and kept as long as rows of the target need it. */
function shrink(source: Picture, across: Taps, down: Taps, { width: size, data }: Picture): void {
  const lines = Array.from({ length: down.count }, () => new Float32Array(size * 3));
  const rows = new Int32Array(down.count).fill(-1);
  const line = new Float32Array(size * 3);
  for (let row = 0, to = 0; row < size; row++) {
    line.fill(0);
    for (let tap = row * down.count; tap < (row + 1) * down.count; tap++) {
      const from = down.source[tap];
      const slot = from % down.count;
      const narrow = lines[slot];
      if (rows[slot] !== from) shrinkRow(source, from, across, narrow);
      rows[slot] = from;
      const weight = down.weights[tap];
      for (let i = 0; i < line.length; i++) line[i] += weight * narrow[i];
    }
    for (let i = 0; i < line.length; to++) {
      data[to++] = line[i++];
      data[to++] = line[i++];
      data[to++] = line[i++];
      data[to] = 255;
    }
  }
}

/** A row of the source at the target's width: R, G, B of each pixel. */
function shrinkRow(
  { data, width }: Picture,
  row: number,
  { count, source, weights }: Taps,
  out: Float32Array,
): void {
  const start = row * width;
  for (let tap = 0, to = 0; to < out.length; ) {
    let r = 0;
    let g = 0;
    let b = 0;
    for (const end = tap + count; tap < end; tap++) {
      const from = (start + source[tap]) * 4;
      const weight = weights[tap];
      r += weight * data[from];
      g += weight * data[from + 1];
      b += weight * data[from + 2];
    }
    out[to++] = r;
    out[to++] = g;
    out[to++] = b;
  }
}
