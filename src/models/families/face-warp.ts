import type { Landmarks } from '../../geometry/landmarks.js';
import { NO_TRIANGLE } from '../../geometry/rasteriser.js';
import { LEFT_IRIS, LEFT_LIDS, RIGHT_IRIS, RIGHT_LIDS } from '../../geometry/regions.js';
import {
  LEFT_EYE_TRIANGLES,
  MOUTH_TRIANGLES,
  RIGHT_EYE_TRIANGLES,
  type TriangleRange,
} from '../../geometry/topology.js';
import { COEFFICIENTS, createWarpMap, type WarpMap } from '../../geometry/warp-map.js';
import type { DecoderReference } from '../decoder.js';
import { sample } from './sample.js';
import { createEye, type Eye } from './warp-eyes.js';
import { createMouth } from './warp-mouth.js';
import { createReferenceChooser } from './warp-references.js';

/** Where each pixel of a frame comes from in each reference, eyeballs and teeth followed too. */
export interface FaceWarp {
  readonly map: WarpMap;
  /** Lays out a frame (crop units). */
  update(geometry: Landmarks): void;
  /** Turns to the position `x`, `y` (pixels, centres at halves), which lies in pixel `index`. */
  look(x: number, y: number, index: number): void;
  /** The share of reference `k` there, by the geometry alone; over all references they sum to 1. */
  share(k: number): number;
  /** The colour of reference `k` there: R in the lowest byte, then G and B. */
  colour(k: number): number;
}

const within = (id: number, { first, end }: TriangleRange): boolean => id >= first && id < end;

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
  const { ids } = map;
  let current = -1;
  let m: Float32Array = new Float32Array(0);
  let eye: Eye | undefined;
  let inMouth = false;
  let px = 0;
  let py = 0;

  function update(geometry: Landmarks): void {
    current = -1;
    map.update(geometry, chooser.choose(geometry));
    rightEye.update(geometry);
    leftEye.update(geometry);
    mouth.update(geometry);
  }

  function look(x: number, y: number, index: number): void {
    px = x;
    py = y;
    const id = ids[index];
    if (id !== current) {
      current = id;
      if (id === NO_TRIANGLE) return;
      m = map.triangle(id);
      inMouth = within(id, MOUTH_TRIANGLES);
      eye = undefined;
      if (within(id, RIGHT_EYE_TRIANGLES)) eye = rightEye;
      if (within(id, LEFT_EYE_TRIANGLES)) eye = leftEye;
    }
    if (inMouth && id !== NO_TRIANGLE) mouth.look(x, y);
  }

  function share(k: number): number {
    if (current === NO_TRIANGLE) return k === 0 ? 1 : 0;
    const c = COEFFICIENTS * k;
    return m[c + 6] * px + m[c + 7] * py + m[c + 8];
  }

  function colour(k: number): number {
    if (current === NO_TRIANGLE) return sample(pixels[k], size, px, py);
    const c = COEFFICIENTS * k;
    let u = m[c] * px + m[c + 1] * py + m[c + 2];
    let v = m[c + 3] * px + m[c + 4] * py + m[c + 5];
    if (eye !== undefined) {
      eye.source(k, px, py, u, v);
      u = eye.at.x;
      v = eye.at.y;
    }
    if (inMouth) {
      mouth.source(k, u, v);
      u = mouth.at.x;
      v = mouth.at.y;
    }
    return sample(pixels[k], size, u, v);
  }
  return { map, update, look, share, colour };
}
