/** A drawing of the synthetic face, for pages: something to look at that is nobody. */
import type { Landmarks } from '../../src/geometry/landmarks.js';
import type { Picture } from '../../src/geometry/picture.js';
import {
  FACE_OVAL,
  LEFT_IRIS,
  LEFT_LIDS,
  LIPS,
  LIPS_INNER,
  LIPS_OUTER,
  RIGHT_IRIS,
  RIGHT_LIDS,
} from '../../src/geometry/regions.js';

/** Where the synthetic face has its mouth, open or not, in crop units. */
export const MOUTH = { x: 116, y: 130, width: 24, height: 26 } as const;

/** The face with its lips apart by `opening` crop units more than at rest, the lower lip most. */
export function openMouth(face: Landmarks, opening: number): Landmarks {
  const open = face.slice();
  const centre = LIPS.reduce((sum, p) => sum + face[3 * p + 1], 0) / LIPS.length;
  for (const p of LIPS) {
    const lower = face[3 * p + 1] > centre;
    open[3 * p + 1] += lower ? 0.8 * opening : -0.2 * opening;
  }
  return open;
}

/** Draws the face (crop units) in a picture of 256 × 256; runs in a page. */
export function drawFace(face: Landmarks): Picture {
  const context = new OffscreenCanvas(256, 256).getContext('2d')!;
  const fill = (points: readonly number[], colour: string) => {
    context.fillStyle = colour;
    context.beginPath();
    for (const p of points) context.lineTo(face[3 * p], face[3 * p + 1]);
    context.fill();
  };
  const wall = context.createLinearGradient(0, 0, 256, 256);
  wall.addColorStop(0, '#204060');
  wall.addColorStop(1, '#80a0b0');
  context.fillStyle = wall;
  context.fillRect(0, 0, 256, 256);
  fill(FACE_OVAL, '#c89878');
  for (const [lids, iris] of [
    [RIGHT_LIDS, RIGHT_IRIS],
    [LEFT_LIDS, LEFT_IRIS],
  ]) {
    fill(lids, '#f0f0f0');
    fill(iris.slice(1), '#302010');
  }
  fill(LIPS_OUTER, '#a03040');
  fill(LIPS_INNER, '#301010');
  return context.getImageData(0, 0, 256, 256);
}
