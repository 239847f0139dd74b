import { checkSizes, luma } from '../../src/cli/report/quality.js';
import type { Picture } from '../../src/geometry/picture.js';
import type { Box } from './face-boxes.js';

/** Mean absolute difference over R, G and B of all pixels, 0–255. */
export function meanAbsoluteError(a: Picture, b: Picture): number {
  checkSizes(a, b);
  let sum = 0;
  for (let at = 0; at < a.data.length; at += 4) {
    sum +=
      Math.abs(a.data[at] - b.data[at]) +
      Math.abs(a.data[at + 1] - b.data[at + 1]) +
      Math.abs(a.data[at + 2] - b.data[at + 2]);
  }
  return sum / ((a.data.length / 4) * 3);
}

/**
 * Mean squared difference over R, G and B of the pixels in all boxes together (a pixel in two counts
 * twice); undefined where they hold none.
 */
export function boxedSquaredError(
  a: Picture,
  b: Picture,
  boxes: readonly Box[],
): number | undefined {
  checkSizes(a, b);
  let sum = 0;
  let count = 0;
  for (const { left, top, right, bottom } of boxes) {
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const at = (y * a.width + x) * 4;
        for (let channel = at; channel < at + 3; channel++) {
          sum += (a.data[channel] - b.data[channel]) ** 2;
          count++;
        }
      }
    }
  }
  return count > 0 ? sum / count : undefined;
}

/**
 * Flicker: the mean over R, G and B of all pixels of |(d − d′) − (s − s′)|, 0–510, of a decoded picture
 * d and its source s with their predecessors d′ and s′. A steady error gives 0, one that comes and
 * goes gives its size.
 */
export function temporalError(
  source: Picture,
  previousSource: Picture,
  decoded: Picture,
  previousDecoded: Picture,
): number {
  for (const other of [previousSource, decoded, previousDecoded]) checkSizes(source, other);
  let sum = 0;
  for (let at = 0; at < source.data.length; at++) {
    if (at % 4 === 3) continue;
    const shown = decoded.data[at] - previousDecoded.data[at];
    sum += Math.abs(shown - (source.data[at] - previousSource.data[at]));
  }
  return sum / ((source.data.length / 4) * 3);
}

/**
 * High-frequency energy: the sum over a box (without the picture's border pixels) of the squared
 * Laplacian of the luma, 4·p − left − right − above − below: a high-pass whose gain is 0 for what is
 * flat or a ramp and largest for a checkerboard of single pixels.
 */
export function laplacianEnergy(picture: Picture, box: Box): number {
  const { width, height } = picture;
  const plane = luma(picture);
  let energy = 0;
  for (let y = Math.max(1, box.top); y < Math.min(height - 1, box.bottom); y++) {
    for (let x = Math.max(1, box.left); x < Math.min(width - 1, box.right); x++) {
      const at = y * width + x;
      const high =
        4 * plane[at] - plane[at - 1] - plane[at + 1] - plane[at - width] - plane[at + width];
      energy += high * high;
    }
  }
  return energy;
}
