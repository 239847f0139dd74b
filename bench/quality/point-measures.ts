import type { Landmarks } from '../../src/geometry/landmarks.js';

/** The irises' centres, the right and the left. */
const RIGHT_PUPIL = 468;
const LEFT_PUPIL = 473;
/** The middle of the inner edge of the upper and the lower lip. */
const UPPER_LIP = 13;
const LOWER_LIP = 14;
/** The middle of the upper and the lower lid, and the corners, of the right and the left eye. */
const EYES = [
  { upper: 159, lower: 145, outer: 33, inner: 133, pupil: RIGHT_PUPIL },
  { upper: 386, lower: 374, outer: 263, inner: 362, pupil: LEFT_PUPIL },
] as const;

function distance(face: Landmarks, a: number, b: number): number {
  return Math.hypot(face[3 * a] - face[3 * b], face[3 * a + 1] - face[3 * b + 1]);
}

/** Mean distance in the picture plane between the same `points` of two faces, in their unit. */
export function meanDistance(a: Landmarks, b: Landmarks, points: readonly number[]): number {
  let sum = 0;
  for (const p of points) sum += Math.hypot(a[3 * p] - b[3 * p], a[3 * p + 1] - b[3 * p + 1]);
  return sum / points.length;
}

/** Gap between the lips' inner edges over the distance between the irises' centres: 0 is closed. */
export function mouthOpening(face: Landmarks): number {
  return distance(face, UPPER_LIP, LOWER_LIP) / distance(face, RIGHT_PUPIL, LEFT_PUPIL);
}

/** Gap between the lids over the width of the eye, mean of both eyes: 0 is closed, 0.3 wide open. */
export function lidOpening(face: Landmarks): number {
  const [right, left] = EYES.map(
    ({ upper, lower, outer, inner }) => distance(face, upper, lower) / distance(face, outer, inner),
  );
  return (right + left) / 2;
}

/**
 * How far the irises are to a side of the middle between the corners, in widths of the eye, mean of
 * both eyes; positive to the picture's right.
 */
export function sidewaysGaze(face: Landmarks): number {
  const [right, left] = EYES.map(({ outer, inner, pupil }) => {
    const middle = (face[3 * outer] + face[3 * inner]) / 2;
    return (face[3 * pupil] - middle) / distance(face, outer, inner);
  });
  return (right + left) / 2;
}
