import { CROP_UNITS, type Landmarks, POINT_COUNT } from './landmarks.js';

/**
 * Surround points: a grid over the crop that tells where what lies around the face has moved (hair,
 * shoulders, background), beyond what the face's own motion explains. They are points of a geometry
 * behind the face's 478, each at rest on its node.
 */

/** Nodes along a side of the grid, the outermost on the crop's border. */
export const SURROUND_SIDE = 4;
export const SURROUND_COUNT = SURROUND_SIDE * SURROUND_SIDE;
/** Numbers of a geometry with surround points. */
export const SURROUNDED_NUMBERS = 3 * (POINT_COUNT + SURROUND_COUNT);
/** Displacements, x and y of each node in turn, row by row, in crop units. */
export type SurroundMotion = Float32Array;

const SPACING = CROP_UNITS / (SURROUND_SIDE - 1);

/** Whether a geometry has surround points. */
export const hasSurround = (geometry: Landmarks): boolean => geometry.length >= SURROUNDED_NUMBERS;

/** A geometry with surround points in the place of those that it may have. */
export function withSurround(geometry: Landmarks, motion: SurroundMotion): Landmarks {
  const out = new Float32Array(SURROUNDED_NUMBERS);
  out.set(geometry.subarray(0, 3 * POINT_COUNT));
  for (let node = 0; node < SURROUND_COUNT; node++) {
    const at = 3 * (POINT_COUNT + node);
    out[at] = (node % SURROUND_SIDE) * SPACING + motion[2 * node];
    out[at + 1] = Math.floor(node / SURROUND_SIDE) * SPACING + motion[2 * node + 1];
  }
  return out;
}

/** The displacements of a geometry's surround points: all 0 where it has none. */
export function surroundMotion(geometry: Landmarks): SurroundMotion {
  const motion = new Float32Array(2 * SURROUND_COUNT);
  if (!hasSurround(geometry)) return motion;
  for (let node = 0; node < SURROUND_COUNT; node++) {
    const at = 3 * (POINT_COUNT + node);
    motion[2 * node] = geometry[at] - (node % SURROUND_SIDE) * SPACING;
    motion[2 * node + 1] = geometry[at + 1] - Math.floor(node / SURROUND_SIDE) * SPACING;
  }
  return motion;
}

/** The four nodes around a place and their shares of its motion (bilinear; the border's beyond it). */
export interface NodeShares {
  /** The first of them; the others are the next one and the two below. */
  first: number;
  readonly shares: Float64Array;
}

export const createNodeShares = (): NodeShares => ({ first: 0, shares: new Float64Array(4) });

/** What a place (crop units) takes from which nodes, into `out`. */
export function nodeShares(x: number, y: number, out: NodeShares): void {
  const across = Math.min(Math.max(x / SPACING, 0), SURROUND_SIDE - 1);
  const down = Math.min(Math.max(y / SPACING, 0), SURROUND_SIDE - 1);
  const column = Math.min(Math.floor(across), SURROUND_SIDE - 2);
  const row = Math.min(Math.floor(down), SURROUND_SIDE - 2);
  const u = across - column;
  const v = down - row;
  out.first = row * SURROUND_SIDE + column;
  out.shares[0] = (1 - u) * (1 - v);
  out.shares[1] = u * (1 - v);
  out.shares[2] = (1 - u) * v;
  out.shares[3] = u * v;
}

/** Nodes of `NodeShares` relative to the first. */
export const NODE_OFFSETS = [0, 1, SURROUND_SIDE, SURROUND_SIDE + 1] as const;
