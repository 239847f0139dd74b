import { CROP_UNITS, type Landmarks } from '../../geometry/landmarks.js';
import type { Picture } from '../../geometry/picture.js';
import { LIPS_INNER } from '../../geometry/regions.js';
import { depthInside, gapOf, type Ring, ringOf } from '../../geometry/ring.js';

/** The mouth's inside where lips open wider than a reference shows. */
export interface Mouth {
  /** Lays out a frame (crop units). */
  update(geometry: Landmarks): void;
  /** How much of reference `k`'s pixel at `x`, `y` gives way to `colour`, 0–1. */
  darkness(k: number, x: number, y: number): number;
  /** R, G, B of the inside. */
  readonly colour: readonly [number, number, number];
}

/** How far the reference's opening is stretched before the inside is made up. */
const MOST_STRETCH = 1.7;
/** Crop units of opening over which what is made up fades in. */
const FADE_IN = 3;
/** The inside's colour, as shares of the mean skin's R, G, B: shadow, with the lips' red. */
const SHADOW = [0.26, 0.14, 0.13] as const;

const smooth = (from: number, to: number, x: number): number => {
  const t = Math.min(1, Math.max(0, (x - from) / (to - from)));
  return t * t * (3 - 2 * t);
};

/** A mouth of a person with these references (crop units) and pictures of `size`. */
export function createMouth(
  references: readonly { picture: Picture; landmarks: Landmarks }[],
  size: number,
): Mouth {
  const unit = size / CROP_UNITS;
  const gaps = references.map(({ landmarks }) => gapOf(ringOf(landmarks, LIPS_INNER, size)));
  const missing = gaps.map(() => 0);
  const skin = skinColour(references[0], size);
  const colour = SHADOW.map((share, i) => share * skin[i]) as [number, number, number];
  let ring: Ring = new Float32Array(0);
  let soft = 1;

  function update(geometry: Landmarks): void {
    ring = ringOf(geometry, LIPS_INNER, size);
    const gap = gapOf(ring);
    soft = Math.min(3 * unit, 0.3 * gap) + 1e-3;
    gaps.forEach((own, k) => {
      missing[k] = smooth(0, FADE_IN * unit, gap - MOST_STRETCH * own);
    });
  }

  function darkness(k: number, x: number, y: number): number {
    return missing[k] === 0 ? 0 : missing[k] * smooth(0, soft, depthInside(ring, x, y));
  }
  return { update, darkness, colour };
}

/** The mean colour of the cheeks. */
function skinColour(
  { picture, landmarks }: { picture: Picture; landmarks: Landmarks },
  size: number,
): number[] {
  const cheeks = [50, 101, 118, 205, 280, 330, 347, 425];
  const sum = [0, 0, 0];
  for (const p of cheeks) {
    const place = (value: number) =>
      Math.min(size - 1, Math.max(0, Math.floor((value * size) / CROP_UNITS)));
    const at = 4 * (place(landmarks[3 * p + 1]) * size + place(landmarks[3 * p]));
    for (let i = 0; i < 3; i++) sum[i] += picture.data[at + i] / cheeks.length;
  }
  return sum;
}
