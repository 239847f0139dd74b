/**
 * The colour of a `size × size` picture (a word a pixel, R in the lowest byte) at a position in
 * pixels (centres at halves), bilinear, clamped to the border.
 */
export function sample(pixels: Uint32Array, size: number, x: number, y: number): number {
  const limit = size - 1;
  const px = Math.min(Math.max(x - 0.5, 0), limit);
  const py = Math.min(Math.max(y - 0.5, 0), limit);
  const x0 = px | 0;
  const y0 = py | 0;
  const fx = ((px - x0) * 256) | 0;
  const fy = ((py - y0) * 256) | 0;
  const at = y0 * size + x0;
  const right = x0 < limit ? 1 : 0;
  const below = y0 < limit ? size : 0;
  const p00 = pixels[at];
  const p10 = pixels[at + right];
  const p01 = pixels[at + below];
  const p11 = pixels[at + below + right];
  // Two channels at a time; the four weights sum to 256.
  const w11 = (fx * fy) >> 8;
  const w10 = fx - w11;
  const w01 = fy - w11;
  const w00 = 256 - fx - w01;
  const low =
    Math.imul(p00 & 0xff00ff, w00) +
    Math.imul(p10 & 0xff00ff, w10) +
    Math.imul(p01 & 0xff00ff, w01) +
    Math.imul(p11 & 0xff00ff, w11);
  const high =
    Math.imul((p00 >>> 8) & 0xff, w00) +
    Math.imul((p10 >>> 8) & 0xff, w10) +
    Math.imul((p01 >>> 8) & 0xff, w01) +
    Math.imul((p11 >>> 8) & 0xff, w11);
  return (((low + 0x800080) >>> 8) & 0xff00ff) | ((high + 0x80) & 0xff00);
}
