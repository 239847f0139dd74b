import { createPicture, type Picture } from './picture.js';

interface Taps {
  readonly first: Int32Array;
  readonly count: number;
  readonly weights: Float32Array;
}

/** Triangle filter as wide as a source or a target pixel, whichever is larger: no aliasing. */
function triangleTaps(from: number, to: number, offset: number): Taps {
  const ratio = from / to;
  const radius = Math.max(1, ratio);
  const count = Math.ceil(radius) * 2 + 1;
  const first = new Int32Array(to);
  const weights = new Float32Array(to * count);
  for (let target = 0; target < to; target++) {
    const centre = (target + 0.5) * ratio - 0.5;
    first[target] = Math.ceil(centre - radius);
    let sum = 0;
    for (let tap = 0; tap < count; tap++) {
      const weight = Math.max(0, 1 - Math.abs(first[target] + tap - centre) / radius);
      weights[target * count + tap] = weight;
      sum += weight;
    }
    for (let tap = 0; tap < count; tap++) weights[target * count + tap] /= sum;
    first[target] += offset;
  }
  return { first, count, weights };
}

/**
 * A square of a picture, resampled to `size × size` with a triangle (bilinear, antialiased) filter
 * that reads the picture's edge where it reaches beyond.
 * The source stays the caller's and the result becomes the caller's.
 */
export function resampleSquare(
  source: Picture,
  square: { readonly x: number; readonly y: number; readonly side: number },
  size: number,
): Picture {
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
  const across = triangleTaps(side, size, x);
  const down = triangleTaps(side, size, y);
  const top = Math.max(0, y - down.count);
  const bottom = Math.min(height, y + side + down.count);
  const narrow = new Float32Array((bottom - top) * size * 3);
  for (let row = top; row < bottom; row++) {
    for (let column = 0; column < size; column++) {
      let [r, g, b] = [0, 0, 0];
      for (let tap = 0; tap < across.count; tap++) {
        const weight = across.weights[column * across.count + tap];
        const at = Math.max(0, Math.min(width - 1, across.first[column] + tap));
        const from = (row * width + at) * 4;
        r += weight * data[from];
        g += weight * data[from + 1];
        b += weight * data[from + 2];
      }
      const to = ((row - top) * size + column) * 3;
      narrow[to] = r;
      narrow[to + 1] = g;
      narrow[to + 2] = b;
    }
  }
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      let [r, g, b] = [0, 0, 0];
      for (let tap = 0; tap < down.count; tap++) {
        const weight = down.weights[row * down.count + tap];
        const at = Math.max(top, Math.min(bottom - 1, down.first[row] + tap));
        const from = ((at - top) * size + column) * 3;
        r += weight * narrow[from];
        g += weight * narrow[from + 1];
        b += weight * narrow[from + 2];
      }
      const to = (row * size + column) * 4;
      out.data[to] = r;
      out.data[to + 1] = g;
      out.data[to + 2] = b;
      out.data[to + 3] = 255;
    }
  }
  return out;
}
