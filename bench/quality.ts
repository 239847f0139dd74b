import type { Picture } from '../src/geometry/picture.js';

/** PSNR in decibels over R, G and B; 99 for equal pictures. Both must be of one size. */
export function psnr(a: Picture, b: Picture): number {
  let sum = 0;
  for (let i = 0; i < a.data.length; i += 4) {
    for (let c = 0; c < 3; c++) sum += (a.data[i + c] - b.data[i + c]) ** 2;
  }
  return sum === 0 ? 99 : 10 * Math.log10((255 ** 2 * 3 * a.width * a.height) / sum);
}

/**
 * Mean SSIM of the luma (BT.601) over windows of 8×8 pixels, 4 apart (Wang et al. 2004, with flat
 * windows).
 */
export function ssim(a: Picture, b: Picture): number {
  const luma = ({ data }: Picture) =>
    Float32Array.from(
      { length: data.length / 4 },
      (_, i) => 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2],
    );
  const x = luma(a);
  const y = luma(b);
  let total = 0;
  let windows = 0;
  for (let top = 0; top + 8 <= a.height; top += 4) {
    for (let left = 0; left + 8 <= a.width; left += 4, windows++) {
      let sx = 0;
      let sy = 0;
      let sxx = 0;
      let syy = 0;
      let sxy = 0;
      for (let row = top; row < top + 8; row++) {
        for (let i = row * a.width + left, end = i + 8; i < end; i++) {
          sx += x[i];
          sy += y[i];
          sxx += x[i] * x[i];
          syy += y[i] * y[i];
          sxy += x[i] * y[i];
        }
      }
      const mx = sx / 64;
      const my = sy / 64;
      const vx = sxx / 64 - mx * mx;
      const vy = syy / 64 - my * my;
      const cov = sxy / 64 - mx * my;
      total +=
        ((2 * mx * my + 6.5025) * (2 * cov + 58.5225)) /
        ((mx * mx + my * my + 6.5025) * (vx + vy + 58.5225));
    }
  }
  return total / windows;
}
