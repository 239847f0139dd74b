import type { Landmarks } from '../../geometry/landmarks.js';
import type { Picture } from '../../geometry/picture.js';

/** A rotated square of a picture, in pixels. */
export interface Region {
  readonly centreX: number;
  readonly centreY: number;
  /** Pixels along a side. */
  readonly size: number;
  /** Radians from the picture's x axis to the square's, clockwise as seen (y is down). */
  readonly angle: number;
}

/** How `sampleRegion` turns pixels into numbers. */
export interface Sampling {
  /** What the channel values 0 and 255 become. */
  readonly low: number;
  readonly high: number;
  /** Left and right swapped. */
  readonly mirrored?: boolean;
  /** Outside the picture: the nearest edge pixel, or black. */
  readonly outside: 'edge' | 'black';
  /** One bilinear sample per pixel, however large the region: no defence against aliasing. */
  readonly single?: boolean;
  /** Channel after channel, as a network of NCHW takes them. Default: pixel after pixel. */
  readonly planar?: boolean;
}

/**
 * Resamples a region to `side × side × 3` floats (R G B, rows top to bottom; `3 × side × side` where
 * `planar`) written to `out` from `offset`. Bilinear; where the region is at least twice as large as the output, each output pixel
 * is the mean of 2 × 2 bilinear samples, against aliasing.
 */
export function sampleRegion(
  picture: Picture,
  region: Region,
  side: number,
  out: Float32Array,
  offset: number,
  { low, high, mirrored = false, outside, single = false, planar = false }: Sampling,
): void {
  const { width, height, data } = picture;
  const step = region.size / side;
  const taps = step >= 2 && !single ? 2 : 1;
  const cos = Math.cos(region.angle) * step;
  const sin = Math.sin(region.angle) * step;
  const axisX = mirrored ? -cos : cos;
  const axisY = mirrored ? -sin : sin;
  const gain = (high - low) / (255 * taps * taps);
  const black = outside === 'black';
  const maxX = width - 1;
  const maxY = height - 1;
  const channel = planar ? side * side : 1;
  let write = offset;
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let tap = 0; tap < taps * taps; tap++) {
        const u = column + ((tap % taps) + 0.5) / taps - side / 2;
        const v = row + ((tap >> 1) + 0.5) / taps - side / 2;
        // Pixel centres lie at half integers.
        let x = region.centreX + axisX * u - sin * v - 0.5;
        let y = region.centreY + axisY * u + cos * v - 0.5;
        if (x < 0 || y < 0 || x > maxX || y > maxY) {
          if (black && (x < -0.5 || y < -0.5 || x > maxX + 0.5 || y > maxY + 0.5)) continue;
          x = x < 0 ? 0 : Math.min(x, maxX);
          y = y < 0 ? 0 : Math.min(y, maxY);
        }
        const left = x | 0;
        const top = y | 0;
        const fx = x - left;
        const fy = y - top;
        const a = (top * width + left) * 4;
        const b = left < maxX ? a + 4 : a;
        const down = top < maxY ? width * 4 : 0;
        const wa = (1 - fx) * (1 - fy);
        const wb = fx * (1 - fy);
        const wc = (1 - fx) * fy;
        const wd = fx * fy;
        const c = a + down;
        const d = b + down;
        red += wa * data[a]! + wb * data[b]! + wc * data[c]! + wd * data[d]!;
        green += wa * data[a + 1]! + wb * data[b + 1]! + wc * data[c + 1]! + wd * data[d + 1]!;
        blue += wa * data[a + 2]! + wb * data[b + 2]! + wc * data[c + 2]! + wd * data[d + 2]!;
      }
      out[write] = low + red * gain;
      out[write + channel] = low + green * gain;
      out[write + 2 * channel] = low + blue * gain;
      write += planar ? 1 : 3;
    }
  }
}

/**
 * Maps `count` points from a region's samples (x, y in `0..side`, z in the scale of x) back to
 * pixels of the picture. `points` and `out` are interleaved x, y, z and may be the same array.
 */
export function regionToPicture(
  region: Region,
  side: number,
  points: Float32Array,
  count: number,
  out: Float32Array,
  mirrored = false,
): void {
  const scale = region.size / side;
  const cos = Math.cos(region.angle) * scale;
  const sin = Math.sin(region.angle) * scale;
  for (let i = 0; i < count * 3; i += 3) {
    const u = mirrored ? side / 2 - points[i]! : points[i]! - side / 2;
    const v = points[i + 1]! - side / 2;
    out[i] = region.centreX + cos * u - sin * v;
    out[i + 1] = region.centreY + sin * u + cos * v;
    out[i + 2] = points[i + 2]! * scale;
  }
}

/**
 * The upright square around points `0..count` of a face: turned so that the line from point
 * `rightEye` to point `leftEye` lies along its x axis, `margin` times the longer side of the
 * points' extent.
 */
export function regionOfPoints(
  points: Landmarks,
  count: number,
  rightEye: number,
  leftEye: number,
  margin: number,
): Region {
  const angle = Math.atan2(
    points[leftEye * 3 + 1]! - points[rightEye * 3 + 1]!,
    points[leftEye * 3]! - points[rightEye * 3]!,
  );
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  let minU = Infinity;
  let maxU = -Infinity;
  let minV = Infinity;
  let maxV = -Infinity;
  for (let i = 0; i < count * 3; i += 3) {
    const u = cos * points[i]! + sin * points[i + 1]!;
    const v = cos * points[i + 1]! - sin * points[i]!;
    if (u < minU) minU = u;
    if (u > maxU) maxU = u;
    if (v < minV) minV = v;
    if (v > maxV) maxV = v;
  }
  const u = (minU + maxU) / 2;
  const v = (minV + maxV) / 2;
  return {
    centreX: cos * u - sin * v,
    centreY: sin * u + cos * v,
    size: Math.max(maxU - minU, maxV - minV) * margin,
    angle,
  };
}
