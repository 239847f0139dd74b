import { solveSymmetric } from '../../geometry/fit.js';
import { CROP_UNITS, type Landmarks } from '../../geometry/landmarks.js';
import type { Picture } from '../../geometry/picture.js';
import { resampleSquare, type Square, whole } from '../../geometry/resample.js';
import { smoothstep } from '../../geometry/smoothstep.js';
import {
  createNodeShares,
  NODE_OFFSETS,
  nodeShares,
  SURROUND_COUNT,
  SURROUND_SIDE,
  type SurroundMotion,
  withSurround,
} from '../../geometry/surround.js';
import { TRIANGLES } from '../../geometry/topology.js';
import type { DecoderReference } from '../decoder.js';
import { createFaceWarp } from './face-warp.js';

/** Finds the surround points of pictures of a person: what the warped references look like there. */
export interface SurroundFit {
  /**
   * The motion around the face of this geometry (crop units) in a square of a picture, searched for
   * from `start`, that of the frame before; from rest where there was none.
   */
  fit(
    picture: Picture,
    square: Square,
    geometry: Landmarks,
    start?: SurroundMotion,
  ): SurroundMotion;
}

/** Pixels across the pictures that are compared. */
const SIZE = 64;
/** Pixels across them, step by step: coarse first, for motion of more than a pixel. */
const STEPS = [16, 32, 64, 64];
/** Times that the references are warped anew: more from rest, as the motion is larger. */
const PASSES = { fromRest: 2, following: 1 } as const;
/** Grey levels (0–255) of difference from where on a pixel is taken for something else (a hand). */
const OUTLIER = 60;
/**
 * What a crop unit costs, in squared grey levels of the 64 × 64 picture: between neighbouring nodes,
 * away from rest, and away from the frame before, which saves 40 % of the bits for 0.05 dB.
 */
const SMOOTHNESS = 50;
const REST = 5;
const PERSISTENCE = 8000;
/**
 * The share of the error around a node that its motion must take away to be kept in part, and in full:
 * a fine texture at rest shows nothing of itself at 64 × 64, and must not be moved for noise.
 */
const LEAST_GAIN = 0.2;
const FULL_GAIN = 0.5;
/** Crop units that a node is moved at most. */
const FARTHEST = 60;

const VALUES = 2 * SURROUND_COUNT;
const FACE_TRIANGLES = TRIANGLES.length / 3;

/**
 * Least squares over the grid's nodes (Lucas and Kanade 1981, with a bilinear grid for the motion
 * model and the weights of Geman and McClure against occlusion), by which the references, warped to
 * the face's geometry, come nearest to the picture outside the face.
 */
export function createSurroundFit(references: readonly DecoderReference[]): SurroundFit {
  const small = references.map(({ picture, landmarks }) => ({
    picture: resampleSquare(picture, whole(picture), SIZE),
    landmarks,
  }));
  const warp = createFaceWarp(small, SIZE);
  const line = new Uint32Array(SIZE);
  const made = new Float32Array(SIZE * SIZE);
  const outside = new Float32Array(SIZE * SIZE);
  const normal = new Float64Array(VALUES * VALUES);
  const right = new Float64Array(VALUES);
  const nodes = createNodeShares();

  function render(geometry: Landmarks): void {
    warp.update(geometry);
    made.fill(0);
    for (let k = 0; k < small.length; k++) {
      for (let row = 0, i = 0; row < SIZE; row++) {
        warp.colours(k, row, line);
        for (let column = 0; column < SIZE; column++, i++)
          made[i] += warp.share(k, column + 0.5, row + 0.5, i) * grey(line[column]);
      }
    }
    const { ids } = warp.map;
    for (let i = 0; i < ids.length; i++) outside[i] = ids[i] < FACE_TRIANGLES ? 0 : 1;
  }

  /** Adds what one step at `size` says to the change of a motion. */
  function improve(
    from: Float32Array,
    target: Float32Array,
    mask: Float32Array,
    size: number,
    motion: SurroundMotion,
    change: SurroundMotion,
    persistence: number,
  ): void {
    const unit = CROP_UNITS / size;
    normal.fill(0);
    right.fill(0);
    for (let y = 1; y < size - 1; y++) {
      for (let x = 1; x < size - 1; x++) {
        const i = y * size + x;
        if (mask[i] < 0.5) continue;
        const gx = (from[i + 1] - from[i - 1] + target[i + 1] - target[i - 1]) / 4;
        const gy = (from[i + size] - from[i - size] + target[i + size] - target[i - size]) / 4;
        const difference = target[i] - from[i];
        const weight = 1 / (1 + (difference / OUTLIER) ** 2) ** 2;
        nodeShares((x + 0.5) * unit, (y + 0.5) * unit, nodes);
        for (let a = 0; a < 4; a++) {
          const at = 2 * (nodes.first + NODE_OFFSETS[a]);
          const share = weight * nodes.shares[a];
          right[at] -= share * gx * difference * unit;
          right[at + 1] -= share * gy * difference * unit;
          for (let b = 0; b < 4; b++) {
            const to = 2 * (nodes.first + NODE_OFFSETS[b]);
            const both = share * nodes.shares[b];
            normal[at * VALUES + to] += both * gx * gx;
            normal[at * VALUES + to + 1] += both * gx * gy;
            normal[(at + 1) * VALUES + to] += both * gx * gy;
            normal[(at + 1) * VALUES + to + 1] += both * gy * gy;
          }
        }
      }
    }
    regularise(normal, right, motion, change, persistence);
    const more = solveSymmetric(normal, right);
    for (let i = 0; i < VALUES; i++) {
      const least = -FARTHEST - motion[i];
      change[i] = Math.min(Math.max(change[i] + more[i], least), FARTHEST - motion[i]);
    }
  }

  return {
    fit(picture, square, geometry, start) {
      const motion = start ? start.slice() : new Float32Array(VALUES);
      const target = greys(resampleSquare(picture, square, SIZE));
      const persistence = start ? PERSISTENCE : 0;
      for (let pass = start ? PASSES.following : PASSES.fromRest; pass > 0; pass--) {
        render(withSurround(geometry, motion));
        const change = new Float32Array(VALUES);
        for (const size of STEPS) {
          const from = lowered(moved(made, change), size);
          const mask = lowered(outside, size);
          improve(from, lowered(target, size), mask, size, motion, change, persistence);
        }
        for (let i = 0; i < VALUES; i++) motion[i] += change[i];
        if (pass === 1) settle(moved(made, change), target, geometry, motion);
      }
      return motion;
    },
  };

  /** Lets nodes rest around which their motion explains little more than rest does. */
  function settle(
    from: Float32Array,
    target: Float32Array,
    geometry: Landmarks,
    motion: SurroundMotion,
  ): void {
    render(withSurround(geometry, new Float32Array(VALUES)));
    const errors = {
      moved: new Float64Array(SURROUND_COUNT),
      resting: new Float64Array(SURROUND_COUNT),
    };
    const unit = CROP_UNITS / SIZE;
    for (let y = 0, i = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++, i++) {
        if (outside[i] === 0) continue;
        nodeShares((x + 0.5) * unit, (y + 0.5) * unit, nodes);
        const error = Math.min(Math.abs(target[i] - from[i]), OUTLIER) ** 2;
        const atRest = Math.min(Math.abs(target[i] - made[i]), OUTLIER) ** 2;
        for (let a = 0; a < 4; a++) {
          const node = nodes.first + NODE_OFFSETS[a];
          errors.moved[node] += nodes.shares[a] * error;
          errors.resting[node] += nodes.shares[a] * atRest;
        }
      }
    }
    for (let node = 0; node < SURROUND_COUNT; node++) {
      const gain = 1 - errors.moved[node] / (errors.resting[node] + 1e-9);
      const kept = smoothstep(LEAST_GAIN, FULL_GAIN, gain);
      motion[2 * node] *= kept;
      motion[2 * node + 1] *= kept;
    }
  }

  /** A plane of `SIZE` with a motion: each pixel shows what is now there. */
  function moved(plane: Float32Array, motion: SurroundMotion): Float32Array {
    const out = new Float32Array(plane.length);
    const unit = CROP_UNITS / SIZE;
    for (let y = 0, i = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++, i++) {
        nodeShares((x + 0.5) * unit, (y + 0.5) * unit, nodes);
        let u = x;
        let v = y;
        for (let a = 0; a < 4; a++) {
          const node = 2 * (nodes.first + NODE_OFFSETS[a]);
          u -= (nodes.shares[a] * motion[node]) / unit;
          v -= (nodes.shares[a] * motion[node + 1]) / unit;
        }
        u = Math.min(Math.max(u, 0), SIZE - 1.001);
        v = Math.min(Math.max(v, 0), SIZE - 1.001);
        const at = (v | 0) * SIZE + (u | 0);
        const across = u - (u | 0);
        const top = plane[at] + across * (plane[at + 1] - plane[at]);
        const below = plane[at + SIZE] + across * (plane[at + SIZE + 1] - plane[at + SIZE]);
        out[i] = top + (v - (v | 0)) * (below - top);
      }
    }
    return out;
  }
}

/** Smoothness of the grid, its rest where nothing is known, and its persistence. */
function regularise(
  normal: Float64Array,
  right: Float64Array,
  motion: SurroundMotion,
  change: SurroundMotion,
  persistence: number,
): void {
  const now = (value: number) => motion[value] + change[value];
  const pull = (value: number, other: number | undefined, strength: number) => {
    normal[value * VALUES + value] += strength;
    right[value] -= strength * (now(value) - (other === undefined ? 0 : now(other)));
    if (other === undefined) return;
    normal[value * VALUES + other] -= strength;
  };
  for (let node = 0; node < SURROUND_COUNT; node++) {
    const column = node % SURROUND_SIDE;
    for (let axis = 0; axis < 2; axis++) {
      const value = 2 * node + axis;
      pull(value, undefined, REST);
      normal[value * VALUES + value] += persistence;
      right[value] -= persistence * change[value];
      for (const [next, there] of [
        [node + 1, column < SURROUND_SIDE - 1],
        [node + SURROUND_SIDE, node + SURROUND_SIDE < SURROUND_COUNT],
      ] as const) {
        if (!there) continue;
        pull(value, 2 * next + axis, SMOOTHNESS);
        pull(2 * next + axis, value, SMOOTHNESS);
      }
    }
  }
}

const grey = (colour: number): number =>
  ((colour & 255) + 2 * ((colour >>> 8) & 255) + ((colour >>> 16) & 255)) / 4;

function greys({ data }: Picture): Float32Array {
  const out = new Float32Array(data.length / 4);
  for (let i = 0; i < out.length; i++)
    out[i] = (data[4 * i] + 2 * data[4 * i + 1] + data[4 * i + 2]) / 4;
  return out;
}

/** A plane of `SIZE` at `size` pixels across, the mean of each block. */
function lowered(plane: Float32Array, size: number): Float32Array {
  const block = SIZE / size;
  if (block === 1) return plane;
  const out = new Float32Array(size * size);
  for (let y = 0, i = 0; y < SIZE; y++) {
    const row = Math.floor(y / block) * size;
    for (let x = 0; x < SIZE; x++, i++) out[row + Math.floor(x / block)] += plane[i];
  }
  for (let i = 0; i < out.length; i++) out[i] /= block * block;
  return out;
}

/**
 * The references, each but the first with surround points: how what is around the face lies in it beside
 * where it lies in the first. Both ends compute them from the same pictures.
 */
export function alignReferences(references: readonly DecoderReference[]): DecoderReference[] {
  const [first, ...others] = references;
  const fit = createSurroundFit([first]);
  return [
    first,
    ...others.map(({ picture, landmarks }) => ({
      picture,
      landmarks: withSurround(landmarks, fit.fit(picture, whole(picture), landmarks)),
    })),
  ];
}
