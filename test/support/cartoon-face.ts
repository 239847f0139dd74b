/** A drawn face that is nobody's, on the canonical face: every point of it is known. */
import sharp from 'sharp';
import { CANONICAL_FACE } from '../../src/geometry/canonical-face.js';
import type { Landmarks } from '../../src/geometry/landmarks.js';
import type { Picture } from '../../src/geometry/picture.js';
import { rotationMatrix } from '../../src/geometry/pose.js';
import {
  LEFT_IRIS,
  LEFT_LIDS,
  LIPS_INNER,
  LIPS_OUTER,
  RIGHT_IRIS,
  RIGHT_LIDS,
} from '../../src/geometry/regions.js';
import { TRIANGLES } from '../../src/geometry/topology.js';
import type { DecoderReference } from '../../src/models/decoder.js';

/** Between the canonical face's lips, and half its width (crop units). */
const LIP_LINE = 155;
const HALF_WIDTH = 64;

/** The canonical face with all below its lips dropped by `opening` crop units, less to the sides. */
const openFace = (opening: number): Landmarks =>
  CANONICAL_FACE.map((value, i, face) => {
    const below = i % 3 === 1 && value > LIP_LINE;
    return below ? value + opening * (1 - ((face[i - 1] - 128) / HALF_WIDTH) ** 2) : value;
  });

/** The canonical face, turned by angles (radians, as `rotationMatrix`), its jaw dropped (crop units). */
export function cartoonGeometry(
  turn: readonly [number, number, number] = [0, 0, 0],
  opening = 0,
): Landmarks {
  const r = rotationMatrix(turn);
  return openFace(opening).map((_, i, face) => {
    const [x, y, z] = face.subarray(i - (i % 3), i - (i % 3) + 3);
    const row = 3 * (i % 3);
    const turned = r[row] * (x - 128) + r[row + 1] * (y - 128) + r[row + 2] * z;
    return turned + (i % 3 === 2 ? 0 : 128);
  });
}

/** Draws a face (crop units) as `size × size`: each triangle of a colour of its own. */
export async function drawCartoon(face: Landmarks, size: number): Promise<Picture> {
  const point = (p: number) => `${face[3 * p].toFixed(3)},${face[3 * p + 1].toFixed(3)}`;
  const polygon = (points: readonly number[], colour: string) =>
    `<polygon points="${points.map(point).join(' ')}" fill="${colour}" stroke="${colour}" stroke-width="0.4"/>`;
  const triangles = Array.from({ length: TRIANGLES.length / 3 }, (_, t) => ({
    corners: [...TRIANGLES.subarray(3 * t, 3 * t + 3)],
    shade: (Math.imul(t + 1, 2654435761) >>> 16) % 64,
  }));
  const depth = ({ corners }: { corners: number[] }) =>
    corners.reduce((sum, p) => sum + face[3 * p + 2], 0);
  const skin = triangles
    .sort((a, b) => depth(b) - depth(a))
    .map(({ corners, shade }) =>
      polygon(corners, `rgb(${150 + shade},${100 + shade},${70 + shade})`),
    );
  const eyes = [
    [RIGHT_LIDS, RIGHT_IRIS],
    [LEFT_LIDS, LEFT_IRIS],
  ].map(([lids, [, ...iris]]) => polygon(lids, '#f0f0f0') + polygon(iris, '#302010'));
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" viewBox="0 0 256 256">
    <defs><linearGradient id="wall" x2="1" y2="1"><stop stop-color="#204060"/><stop offset="1" stop-color="#80a0b0"/></linearGradient></defs>
    <rect width="256" height="256" fill="url(#wall)"/>
    ${skin.join('')}${eyes.join('')}${polygon(LIPS_OUTER, '#a03040')}${polygon(LIPS_INNER, '#301010')}</svg>`;
  const drawn = sharp(Buffer.from(svg)).toColourspace('srgb').ensureAlpha().raw();
  const { data, info } = await drawn.toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data: new Uint8ClampedArray(data) };
}

/** A reference of the drawn face. */
export const cartoonReference = async (
  landmarks: Landmarks,
  size: number,
): Promise<DecoderReference> => ({ picture: await drawCartoon(landmarks, size), landmarks });
