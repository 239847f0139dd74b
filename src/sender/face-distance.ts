import type { Landmarks } from '../geometry/landmarks.js';
import { type CropSquare, faceBox } from './crop.js';
import type { TrackedFace } from './tracker.js';

/**
 * A head turned further than this from the camera shows half a face, and the other half would have
 * to be made up. Measured over the clips of bench/enrolment.ts: 60 % and more of each first second of
 * a talking head are within 25°, and at most 27 % of any second of the music video.
 */
export const FRONTAL_DEGREES = 25;
/** A face that is farther from its last place than this many of its sizes is another: a cut. */
export const CUT_DISTANCE = 0.5;
/** A second face at least this large beside the first is another person, not a picture on a wall. */
const SECOND_FACE_SIZE = 0.6;
/** Outer corners of the right and the left eye. */
const RIGHT_EYE = 33;
const LEFT_EYE = 263;

/** How far apart two faces are, in sizes of the second. */
export function faceDistance(a: TrackedFace, b: TrackedFace): number {
  const [from, to] = [faceBox(a.landmarks), faceBox(b.landmarks)];
  return Math.hypot(from.x - to.x, from.y - to.y) / to.size;
}

/** The face of a frame that continues `previous`: the nearest; undefined where there is none. */
export function continueFace(
  faces: readonly TrackedFace[],
  previous: TrackedFace,
): TrackedFace | undefined {
  return faces.toSorted((a, b) => faceDistance(a, previous) - faceDistance(b, previous))[0];
}

/**
 * How far the head is turned, in degrees: positive towards the person's own left, which is the right
 * of the picture and the left of a mirrored one. From the depth of the eyes' outer corners.
 */
export function turnDegrees(landmarks: Landmarks): number {
  const [x, y, z] = [0, 1, 2].map(
    (axis) => landmarks[LEFT_EYE * 3 + axis] - landmarks[RIGHT_EYE * 3 + axis],
  );
  return (Math.atan2(z, Math.hypot(x, y)) * 180) / Math.PI;
}

/** Whether the tracker's faces (largest first) are two people's. */
export function isCrowded([first, second]: readonly TrackedFace[]): boolean {
  if (!first || !second) return false;
  return faceBox(second.landmarks).size >= SECOND_FACE_SIZE * faceBox(first.landmarks).size;
}

/** The faces whose middle lies in a square. */
export function facesInside(
  faces: readonly TrackedFace[],
  { x, y, side }: CropSquare,
): readonly TrackedFace[] {
  return faces.filter(({ landmarks }) => {
    const box = faceBox(landmarks);
    return box.x > x && box.x < x + side && box.y > y && box.y < y + side;
  });
}
