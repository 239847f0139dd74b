/** Red and blue of a word, and green. */
const RED_BLUE = 0xff00ff;
const GREEN = 0xff00;

/**
 * The colour of a `size × size` picture (a word a pixel, R in the lowest byte) at a position in
 * pixels (centres at halves), bilinear, clamped to the border.
 */
export function sample(pixels: Uint32Array, size: number, x: number, y: number): number {
  // In 256ths of a pixel, centres at whole numbers.
  const last = (size - 1) << 8;
  const u = Math.min(Math.max(((x - 0.5) * 256) | 0, 0), last);
  const v = Math.min(Math.max(((y - 0.5) * 256) | 0, 0), last);
  const column = Math.min(u >> 8, size - 2);
  const row = Math.min(v >> 8, size - 2);
  return between(pixels, row * size + column, size, u - (column << 8), v - (row << 8));
}

/** Between four pixels, the first at `at`: `fx` and `fy` 256ths of the way. */
function between(pixels: Uint32Array, at: number, size: number, fx: number, fy: number): number {
  const p00 = pixels[at];
  const p10 = pixels[at + 1];
  const p01 = pixels[at + size];
  const p11 = pixels[at + size + 1];
  // The four weights sum to 256; red and blue are weighed at a time.
  const w11 = (fx * fy) >> 8;
  const w10 = fx - w11;
  const w01 = fy - w11;
  const w00 = 256 - fx - w01;
  const redBlue =
    Math.imul(p00 & RED_BLUE, w00) +
    Math.imul(p10 & RED_BLUE, w10) +
    Math.imul(p01 & RED_BLUE, w01) +
    Math.imul(p11 & RED_BLUE, w11);
  const green =
    (p00 & GREEN) * w00 + (p10 & GREEN) * w10 + (p01 & GREEN) * w01 + (p11 & GREEN) * w11;
  return (((redBlue + 0x800080) >>> 8) & RED_BLUE) | (((green + 0x8000) >>> 8) & GREEN);
}
