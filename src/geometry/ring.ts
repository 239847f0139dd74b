import { CROP_UNITS, type Landmarks } from './landmarks.js';

/** A closed outline in pixels, x y interleaved. */
export type Ring = Float32Array;

/** Points of a geometry (crop units) as an outline in a picture of `size`. */
export function ringOf(geometry: Landmarks, points: readonly number[], size: number): Ring {
  const scale = size / CROP_UNITS;
  const ring = new Float32Array(2 * points.length);
  points.forEach((p, i) => {
    ring[2 * i] = geometry[3 * p] * scale;
    ring[2 * i + 1] = geometry[3 * p + 1] * scale;
  });
  return ring;
}

/** How far inside the outline a position is, in pixels; negative outside. */
export function depthInside(ring: Ring, x: number, y: number): number {
  let least = Number.POSITIVE_INFINITY;
  let inside = false;
  let ax = ring[ring.length - 2];
  let ay = ring[ring.length - 1];
  for (let i = 0; i < ring.length; i += 2) {
    const bx = ring[i];
    const by = ring[i + 1];
    const dx = bx - ax;
    const dy = by - ay;
    const px = x - ax;
    const py = y - ay;
    const length = dx * dx + dy * dy;
    const t = length > 0 ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
    const distance = (px - t * dx) ** 2 + (py - t * dy) ** 2;
    if (distance < least) least = distance;
    if (ay > y !== by > y && x < ax + ((y - ay) * dx) / dy) inside = !inside;
    ax = bx;
    ay = by;
  }
  return inside ? Math.sqrt(least) : -Math.sqrt(least);
}

/** The mean distance between the two halves of a ring of even length that starts at one corner. */
export function gapOf(ring: Ring): number {
  const half = ring.length / 4;
  let sum = 0;
  for (let i = 1; i < half; i++) {
    const other = ring.length - 2 * i;
    sum += Math.hypot(ring[2 * i] - ring[other], ring[2 * i + 1] - ring[other + 1]);
  }
  return sum / (half - 1);
}
