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
  const across = triangleTaps(x, side, size, width);
  const down = triangleTaps(y, side, size, height);
  const top = down.source[0];
  const rows = down.source[down.source.length - 1] - top + 1;
  const narrow = shrinkRows(data, width, top, rows, across, size);
  shrinkColumns(narrow, top, down, size, out.data);
  return out;
}

/** The rows from `top` on, each `size` pixels of R, G, B. */
function shrinkRows(
  data: Uint8ClampedArray,
  width: number,
  top: number,
  rows: number,
  { count, source, weights }: Taps,
  size: number,
): Float32Array {
  const narrow = new Float32Array(rows * size * 3);
  let to = 0;
  for (let row = 0; row < rows; row++) {
    const start = (top + row) * width;
    for (let tap = 0; tap < size * count; ) {
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
      narrow[to++] = r;
      narrow[to++] = g;
      narrow[to++] = b;
    }
  }
  return narrow;
}

function shrinkColumns(
  narrow: Float32Array,
  top: number,
  { count, source, weights }: Taps,
  size: number,
  out: Uint8ClampedArray,
): void {
  const line = new Float32Array(size * 3);
  for (let row = 0; row < size; row++) {
    line.fill(0);
    for (let tap = row * count; tap < (row + 1) * count; tap++) {
      const weight = weights[tap];
      const from = (source[tap] - top) * size * 3;
      for (let i = 0; i < line.length; i++) line[i] += weight * narrow[from + i];
    }
    let to = row * size * 4;
    for (let i = 0; i < line.length; to++) {
      out[to++] = line[i++];
      out[to++] = line[i++];
      out[to++] = line[i++];
      out[to] = 255;
    }
  }
}
