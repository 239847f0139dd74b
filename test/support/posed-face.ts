/** The canonical face, posed: nobody, as far as an enrolment asks of them. */
import { CANONICAL_FACE } from '../../src/geometry/canonical-face.js';
import { CROP_UNITS, type Landmarks } from '../../src/geometry/landmarks.js';
import { applyPose } from '../../src/geometry/pose.js';
import { LEFT_LIDS, LIPS, LIPS_INNER, RIGHT_LIDS } from '../../src/geometry/regions.js';

export interface FacePose {
  /** Centre in pixels; default 320, 240. */
  readonly x?: number;
  readonly y?: number;
  /** Face height in pixels; default 128. */
  readonly size?: number;
  /** Degrees towards the person's own left; default 0. */
  readonly turn?: number;
  /** Gap of the lips, crop units of the canonical face; default 0. */
  readonly mouth?: number;
  /** Width of the mouth over what it is at rest; default 1. */
  readonly smile?: number;
  /** Gap of the lids, likewise; default 1. */
  readonly eyes?: number;
}

/** Puts the two sides of a ring of points `gapOf(gap)` apart where they were `gap`. */
function close(face: Landmarks, ring: readonly number[], gapOf: (gap: number) => number): void {
  for (let i = 1; i < ring.length / 2; i++) {
    const [a, b] = [3 * ring[i] + 1, 3 * ring[ring.length - i] + 1];
    const middle = (face[a] + face[b]) / 2;
    const half = gapOf(Math.abs(face[a] - face[b])) / 2;
    const sign = Math.sign(face[a] - face[b]);
    face[a] = middle + sign * half;
    face[b] = middle - sign * half;
  }
}

/** Landmarks in pixels. */
export function posedFace({
  x = 320,
  y = 240,
  size = 128,
  turn = 0,
  mouth = 0,
  smile = 1,
  eyes = 1,
}: FacePose): Landmarks {
  const centre = CROP_UNITS / 2;
  const face = CANONICAL_FACE.map((value, i) => (i % 3 === 2 ? value : value - centre));
  close(face, LIPS_INNER, () => mouth);
  for (const lids of [RIGHT_LIDS, LEFT_LIDS]) close(face, lids, (gap) => gap * eyes);
  for (const point of LIPS) face[3 * point] *= smile;
  const angle = (-turn * Math.PI) / 180;
  const logScale = Math.log(size / (CROP_UNITS / 2));
  return applyPose({ logScale, rotation: [0, angle, 0], x, y }, face, face);
}
