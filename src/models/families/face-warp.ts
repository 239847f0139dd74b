import type { Landmarks } from '../../geometry/landmarks.js';
import { NO_TRIANGLE } from '../../geometry/rasteriser.js';
import { LEFT_IRIS, LEFT_LIDS, RIGHT_IRIS, RIGHT_LIDS } from '../../geometry/regions.js';
import {
  LEFT_EYE_TRIANGLES,
  MOUTH_TRIANGLES,
  RIGHT_EYE_TRIANGLES,
} from '../../geometry/topology.js';
import { COEFFICIENTS, createWarpMap, type WarpMap } from '../../geometry/warp-map.js';
import type { DecoderReference } from '../decoder.js';
import { sample } from './sample.js';
import { createEye } from './warp-eyes.js';
import { createMouth } from './warp-mouth.js';
import { createReferenceChooser } from './warp-references.js';

/** Where each pixel of a frame comes from in each reference, eyeballs and teeth followed too. */
export interface FaceWarp {
  readonly map: WarpMap;
  /** Lays out a frame (crop units). */
  update(geometry: Landmarks): void;
  /**
   * The share of reference `k` at `x`, `y` (pixels, centres at halves), which lies in pixel `index`,
   * by the geometry alone; over all references the shares sum to 1.
   */
  share(k: number, x: number, y: number, index: number): number;
  /** Where that position is in reference `k`: in `at`, pixels. */
  locate(k: number, x: number, y: number, index: number): void;
  readonly at: { x: number; y: number };
  /** Whether a triangle's pixels lie where its affine maps (`map.triangle`) say: no eye, no mouth. */
  isPlain(id: number): boolean;
  /** The colour of reference `k` at `x`, `y` of its own: R in the lowest byte, then G and B. */
  colour(k: number, x: number, y: number): number;
  /** The colours of reference `k`, warped, at all pixels of a row. */
  colours(k: number, row: number, out: Uint32Array): void;
}

/** Parts of the face whose insides move by rules of their own. */
const RIGHT_EYE = 1;
const LEFT_EYE = 2;
const MOUTH = 3;

/** A warp of a person's references, pictures of `size × size`. */
export function createFaceWarp(references: readonly DecoderReference[], size: number): FaceWarp {
  const landmarks = references.map((reference) => reference.landmarks);
  const pixels = references.map(
    ({ picture }) => new Uint32Array(Uint8ClampedArray.from(picture.data).buffer),
  );
  const map = createWarpMap(landmarks, size);
  const chooser = createReferenceChooser(landmarks, map.mesh.vertexCount);
  const rightEye = createEye(landmarks, RIGHT_LIDS, RIGHT_IRIS, size);
  const leftEye = createEye(landmarks, LEFT_LIDS, LEFT_IRIS, size);
  const mouth = createMouth(references, size);
  const { ids, stride } = map;
  const parts = new Uint8Array(map.mesh.triangles.length / 3);
  parts.fill(RIGHT_EYE, RIGHT_EYE_TRIANGLES.first, RIGHT_EYE_TRIANGLES.end);
  parts.fill(LEFT_EYE, LEFT_EYE_TRIANGLES.first, LEFT_EYE_TRIANGLES.end);
  parts.fill(MOUTH, MOUTH_TRIANGLES.first, MOUTH_TRIANGLES.end);
  let maps: Float32Array = new Float32Array(0);
  const at = { x: 0, y: 0 };

  function update(geometry: Landmarks): void {
    map.update(geometry, chooser.choose(geometry));
    maps = map.all();
    rightEye.update(geometry);
    leftEye.update(geometry);
    mouth.update(geometry);
  }

  function share(k: number, x: number, y: number, index: number): number {
    const id = ids[index];
    if (id === NO_TRIANGLE) return k === 0 ? 1 : 0;
    const c = id * stride + COEFFICIENTS * k + 6;
    return Math.min(Math.max(maps[c] * x + maps[c + 1] * y + maps[c + 2], 0), 1);
  }

  function locate(k: number, x: number, y: number, index: number): void {
    const id = ids[index];
    if (id === NO_TRIANGLE) {
      at.x = x;
      at.y = y;
      return;
    }
    const c = id * stride + COEFFICIENTS * k;
    at.x = maps[c] * x + maps[c + 1] * y + maps[c + 2];
    at.y = maps[c + 3] * x + maps[c + 4] * y + maps[c + 5];
    const part = parts[id];
    if (part !== 0) locateInside(part, k, x, y);
  }

  function locateInside(part: number, k: number, x: number, y: number): void {
    if (part === MOUTH) {
      mouth.look(x, y);
      mouth.source(k, at.x, at.y);
      at.x = mouth.at.x;
      at.y = mouth.at.y;
      return;
    }
    const eye = part === RIGHT_EYE ? rightEye : leftEye;
    eye.source(k, x, y, at.x, at.y);
    at.x = eye.at.x;
    at.y = eye.at.y;
  }

  const colour = (k: number, x: number, y: number): number => sample(pixels[k], size, x, y);

  function colours(k: number, row: number, out: Uint32Array): void {
    const y = row + 0.5;
    const reference = pixels[k];
    for (let column = 0, i = row * size; column < size; ) {
      const id = ids[i];
      if (id === NO_TRIANGLE || parts[id] !== 0) {
        locate(k, column + 0.5, y, i);
        out[column] = sample(reference, size, at.x, at.y);
        column++;
        i++;
        continue;
      }
      const c = id * stride + COEFFICIENTS * k;
      const du = maps[c];
      const dv = maps[c + 3];
      const u = maps[c + 1] * y + maps[c + 2];
      const v = maps[c + 4] * y + maps[c + 5];
      do {
        const x = column + 0.5;
        out[column] = sample(reference, size, du * x + u, dv * x + v);
        column++;
        i++;
      } while (column < size && ids[i] === id);
    }
  }

  const isPlain = (id: number): boolean => id !== NO_TRIANGLE && parts[id] === 0;

  return { map, update, isPlain, share, locate, at, colour, colours };
}
