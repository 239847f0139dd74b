import type { Picture } from '../geometry/picture.js';

/** Cells along a side of the grid that pictures are compared on. */
export const GRID_SIDE = 8;
export const GRID_CELLS = GRID_SIDE * GRID_SIDE;
/** Pixels across the pictures that are compared: 4 crop units each. */
export const WATCHED_SIZE = 64;

const SIZE = WATCHED_SIZE;
const PIXELS = SIZE * SIZE;
const CELL = SIZE / GRID_SIDE;
/** What a difference in one of the two colour differences counts beside one in luma. */
const CHROMA_WEIGHT = 1;

/** Luma and the two colour differences of BT.601 (full range) of a picture, with their local ranges. */
interface Plane {
  readonly values: Float32Array;
  readonly least: Float32Array;
  readonly most: Float32Array;
}

/** A picture of `WATCHED_SIZE`, made ready to be compared. */
export type Compared = readonly [luma: Plane, blue: Plane, red: Plane];

/** Makes a picture of `WATCHED_SIZE × WATCHED_SIZE` ready to be compared. */
export function prepareCompared({ data }: Picture): Compared {
  const planes = [0, 1, 2].map(() => new Float32Array(PIXELS));
  for (let i = 0, at = 0; i < PIXELS; i++, at += 4) {
    const luma = 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
    planes[0][i] = luma;
    planes[1][i] = 0.564 * (data[at + 2] - luma);
    planes[2][i] = 0.713 * (data[at] - luma);
  }
  const [luma, blue, red] = planes.map(withRanges);
  return [luma, blue, red];
}

/**
 * How far two pictures differ, cell by cell, in levels (0–255) a pixel: only what lies beyond the values that the
 * other has within a pixel around counts, so that what is softer or a little beside does not.
 */
export function compareCells(a: Compared, b: Compared): Float32Array {
  const cells = new Float32Array(GRID_CELLS);
  for (let plane = 0; plane < 3; plane++) {
    const weight = (plane === 0 ? 1 : CHROMA_WEIGHT) / (CELL * CELL);
    const [one, other] = [a[plane], b[plane]];
    for (let y = 0, i = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++, i++) {
        const cell = ((y / CELL) | 0) * GRID_SIDE + ((x / CELL) | 0);
        cells[cell] +=
          weight * Math.max(beyond(one.values[i], other, i), beyond(other.values[i], one, i));
      }
    }
  }
  return cells;
}

const beyond = (value: number, { least, most }: Plane, i: number): number =>
  Math.max(0, value - most[i], least[i] - value);

/** A plane with the least and the most of the 3 × 3 values around each. */
function withRanges(values: Float32Array): Plane {
  const rows = { least: new Float32Array(PIXELS), most: new Float32Array(PIXELS) };
  const least = new Float32Array(PIXELS);
  const most = new Float32Array(PIXELS);
  for (let i = 0; i < PIXELS; i++) {
    const x = i % SIZE;
    const [left, right] = [x > 0 ? i - 1 : i, x < SIZE - 1 ? i + 1 : i];
    rows.least[i] = Math.min(values[left], values[i], values[right]);
    rows.most[i] = Math.max(values[left], values[i], values[right]);
  }
  for (let i = 0; i < PIXELS; i++) {
    const above = i >= SIZE ? i - SIZE : i;
    const below = i < PIXELS - SIZE ? i + SIZE : i;
    least[i] = Math.min(rows.least[above], rows.least[i], rows.least[below]);
    most[i] = Math.max(rows.most[above], rows.most[i], rows.most[below]);
  }
  return { values, least, most };
}
