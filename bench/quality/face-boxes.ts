import type { Landmarks } from '../../src/geometry/landmarks.js';
import { FACE_OVAL, LEFT_LIDS, LIPS, RIGHT_LIDS } from '../../src/geometry/regions.js';

/** Whole pixels of a picture; `right` and `bottom` are the first ones outside. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Parts of a face whose pixels are judged apart. */
export interface FaceBoxes {
  readonly mouth: Box;
  /** The right, then the left. */
  readonly eyes: readonly [Box, Box];
  /** Around the oval of the face, without a margin. */
  readonly face: Box;
}

/** Around the lips, in widths of their box: chin and moustache move with them. */
const MOUTH_MARGIN = 0.25;
/** Around the lids, in widths of their box: the lid's fold and the lashes. */
const EYE_MARGIN = 0.3;

/** The box of `points` with a margin of so many of its widths, clamped to the `size × size` picture. */
function boxAround(face: Landmarks, points: readonly number[], margin: number, size: number): Box {
  const xs = points.map((point) => face[3 * point]);
  const ys = points.map((point) => face[3 * point + 1]);
  const more = margin * (Math.max(...xs) - Math.min(...xs));
  const clamp = (value: number) => Math.max(0, Math.min(size, value));
  return {
    left: clamp(Math.floor(Math.min(...xs) - more)),
    top: clamp(Math.floor(Math.min(...ys) - more)),
    right: clamp(Math.ceil(Math.max(...xs) + more)),
    bottom: clamp(Math.ceil(Math.max(...ys) + more)),
  };
}

/** The parts of a face (landmarks in pixels) in a `size × size` picture. */
export function faceBoxes(face: Landmarks, size: number): FaceBoxes {
  return {
    mouth: boxAround(face, LIPS, MOUTH_MARGIN, size),
    eyes: [
      boxAround(face, RIGHT_LIDS, EYE_MARGIN, size),
      boxAround(face, LEFT_LIDS, EYE_MARGIN, size),
    ],
    face: boxAround(face, FACE_OVAL, 0, size),
  };
}
