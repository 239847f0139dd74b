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
import { allOf, runEnd, shownBy } from './reference-blend.js';

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
const PIXELS = SIZE * SIZE;
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
const VALUES_ACROSS = 2 * SURROUND_SIDE;
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
  const used = new Uint8Array(small.length);
  const made = new Float32Array(PIXELS);
  const outside = new Float32Array(PIXELS);
  const target = new Float32Array(PIXELS);
  const shifted = new Float32Array(PIXELS);
  const levels = STEPS.map((size) => createLevel(size));
  const [fine] = levels.slice(-1);
  const pairs = new Float64Array(3 * SURROUND_COUNT * SURROUND_COUNT);
  const normal = new Float64Array(VALUES * VALUES);
  const right = new Float64Array(VALUES);
  const shares = new Float64Array(4);
  const line = new Float64Array(VALUES_ACROSS);

  function render(geometry: Landmarks): void {
    warp.update(geometry);
    made.fill(0);
    const { ids } = warp.map;
    for (let row = 0, i = 0; row < SIZE; row++) {
      const y = row + 0.5;
      for (let column = 0; column < SIZE; ) {
        const id = ids[i];
        const end = runEnd(ids, i, column, SIZE);
        const plain = warp.isPlain(id);
        const m = warp.map.triangle(plain ? id : 0);
        const active = plain ? shownBy(m, column, end, y, used) : allOf(used);
        for (; column < end; column++, i++) {
          outside[i] = id < FACE_TRIANGLES ? 0 : 1;
          const x = column + 0.5;
          for (let a = 0; a < active; a++) {
            const share = warp.share(used[a], x, y, i);
            warp.locate(used[a], x, y, i);
            made[i] += share * grey(warp.colour(used[a], warp.at.x, warp.at.y));
          }
        }
      }
    }
  }

  /** Adds what one step says to the change of a motion. */
  function improve(
    { size, axis, from, target, mask }: Level,
    motion: SurroundMotion,
    change: SurroundMotion,
    persistence: number,
  ): void {
    const unit = CROP_UNITS / size;
    pairs.fill(0);
    right.fill(0);
    for (let y = 1; y < size - 1; y++) {
      for (let x = 1; x < size - 1; x++) {
        const i = y * size + x;
        if (mask[i] < 0.5) continue;
        const gx = (from[i + 1] - from[i - 1] + target[i + 1] - target[i - 1]) / 4;
        const gy = (from[i + size] - from[i - size] + target[i + size] - target[i - size]) / 4;
        const difference = target[i] - from[i];
        const weight = 1 / (1 + (difference / OUTLIER) ** 2) ** 2;
        const first = nodesAt(axis, x, y, shares);
        for (let a = 0; a < 4; a++) {
          const node = first + NODE_OFFSETS[a];
          const share = weight * shares[a];
          right[2 * node] -= share * gx * difference * unit;
          right[2 * node + 1] -= share * gy * difference * unit;
          for (let b = a; b < 4; b++) {
            const both = share * shares[b];
            const at = 3 * (node * SURROUND_COUNT + first + NODE_OFFSETS[b]);
            pairs[at] += both * gx * gx;
            pairs[at + 1] += both * gx * gy;
            pairs[at + 2] += both * gy * gy;
          }
        }
      }
    }
    expand(pairs, normal);
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
      greys(resampleSquare(picture, square, SIZE), target);
      for (const level of levels) lower(target, level.size, level.target);
      const persistence = start ? PERSISTENCE : 0;
      for (let pass = start ? PASSES.following : PASSES.fromRest; pass > 0; pass--) {
        render(withSurround(geometry, motion));
        const change = new Float32Array(VALUES);
        for (const level of levels) {
          move(made, change, shifted);
          lower(shifted, level.size, level.from);
          lower(outside, level.size, level.mask);
          improve(level, motion, change, persistence);
        }
        for (let i = 0; i < VALUES; i++) motion[i] += change[i];
        if (pass > 1) continue;
        move(made, change, shifted);
        settle(geometry, motion);
      }
      return motion;
    },
  };

  /** Lets nodes rest around which their motion, in `shifted`, explains little more than rest does. */
  function settle(geometry: Landmarks, motion: SurroundMotion): void {
    render(withSurround(geometry, new Float32Array(VALUES)));
    const errors = {
      moved: new Float64Array(SURROUND_COUNT),
      resting: new Float64Array(SURROUND_COUNT),
    };
    for (let y = 0, i = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++, i++) {
        if (outside[i] === 0) continue;
        const error = Math.min(Math.abs(target[i] - shifted[i]), OUTLIER) ** 2;
        const atRest = Math.min(Math.abs(target[i] - made[i]), OUTLIER) ** 2;
        const first = nodesAt(fine.axis, x, y, shares);
        for (let a = 0; a < 4; a++) {
          const node = first + NODE_OFFSETS[a];
          errors.moved[node] += shares[a] * error;
          errors.resting[node] += shares[a] * atRest;
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
  function move(plane: Float32Array, motion: SurroundMotion, out: Float32Array): void {
    const { first, part } = fine.axis;
    const unit = CROP_UNITS / SIZE;
    for (let y = 0, i = 0; y < SIZE; y++) {
      // The motion of the row's nodes, x and y of each in turn, in pixels.
      const upper = VALUES_ACROSS * first[y];
      for (let value = 0; value < VALUES_ACROSS; value++) {
        const above = motion[upper + value];
        const below = motion[upper + VALUES_ACROSS + value];
        line[value] = (above + part[y] * (below - above)) / unit;
      }
      for (let x = 0; x < SIZE; x++, i++) {
        const left = 2 * first[x];
        const right = line[left] + part[x] * (line[left + 2] - line[left]);
        const down = line[left + 1] + part[x] * (line[left + 3] - line[left + 1]);
        const u = Math.min(Math.max(x - right, 0), SIZE - 1.001);
        const v = Math.min(Math.max(y - down, 0), SIZE - 1.001);
        const at = (v | 0) * SIZE + (u | 0);
        const across = u - (u | 0);
        const top = plane[at] + across * (plane[at + 1] - plane[at]);
        const bottom = plane[at + SIZE] + across * (plane[at + SIZE + 1] - plane[at + SIZE]);
        out[i] = top + (v - (v | 0)) * (bottom - top);
      }
    }
  }
}

/** Of each row or column the grid's line before it, and the part of the way to the next. */
interface Axis {
  readonly first: Uint8Array;
  readonly part: Float64Array;
}

/** One step of the search: what is compared, `size × size` each. */
interface Level {
  readonly size: number;
  readonly axis: Axis;
  readonly from: Float32Array;
  readonly target: Float32Array;
  /** Above a half outside the face. */
  readonly mask: Float32Array;
}

function createLevel(size: number): Level {
  const plane = () => new Float32Array(size * size);
  const axis = { first: new Uint8Array(size), part: new Float64Array(size) };
  const nodes = createNodeShares();
  for (let i = 0; i < size; i++) {
    nodeShares(((i + 0.5) * CROP_UNITS) / size, 0, nodes);
    axis.first[i] = nodes.first;
    axis.part[i] = nodes.shares[1];
  }
  return { size, axis, from: plane(), target: plane(), mask: plane() };
}

/** The shares of a pixel in the motion of its nodes, in their order; gives the first node. */
function nodesAt({ first, part }: Axis, x: number, y: number, shares: Float64Array): number {
  const u = part[x];
  const v = part[y];
  shares[0] = (1 - u) * (1 - v);
  shares[1] = u * (1 - v);
  shares[2] = (1 - u) * v;
  shares[3] = u * v;
  return first[y] * SURROUND_SIDE + first[x];
}

/** Writes the normal matrix of which `pairs` holds each two nodes' block: xx, xy, yy. */
function expand(pairs: Float64Array, normal: Float64Array): void {
  for (let p = 0; p < SURROUND_COUNT; p++) {
    for (let q = p; q < SURROUND_COUNT; q++) {
      const at = 3 * (p * SURROUND_COUNT + q);
      for (const [row, column] of [
        [2 * p, 2 * q],
        [2 * q, 2 * p],
      ]) {
        normal[row * VALUES + column] = pairs[at];
        normal[row * VALUES + column + 1] = pairs[at + 1];
        normal[(row + 1) * VALUES + column] = pairs[at + 1];
        normal[(row + 1) * VALUES + column + 1] = pairs[at + 2];
      }
    }
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

function greys({ data }: Picture, out: Float32Array): void {
  for (let i = 0; i < out.length; i++)
    out[i] = (data[4 * i] + 2 * data[4 * i + 1] + data[4 * i + 2]) / 4;
}

/** A plane of `SIZE` at `size` pixels across, the mean of each block. */
function lower(plane: Float32Array, size: number, out: Float32Array): void {
  const block = SIZE / size;
  if (block === 1) {
    out.set(plane);
    return;
  }
  out.fill(0);
  for (let y = 0, i = 0; y < SIZE; y++) {
    const row = Math.floor(y / block) * size;
    for (let x = 0; x < SIZE; x++, i++) out[row + Math.floor(x / block)] += plane[i];
  }
  for (let i = 0; i < out.length; i++) out[i] /= block * block;
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
