import { CROP_UNITS, type Landmarks, POINT_COUNT } from './landmarks.js';
import { LEFT_LIDS, LIPS, RIGHT_LIDS } from './regions.js';
import { SURROUNDED_NUMBERS } from './surround.js';

/**
 * Appearance: how mouth and eyes look beside the warped references, as coefficients of a linear basis
 * (the texture parameters of Active Appearance Models, Cootes, Edwards, Taylor 2001, on what the warp
 * leaves). They are numbers of a geometry behind its surround points: the mouth's, the right eye's,
 * the left eye's.
 */
export interface AppearanceBasis {
  /** Coefficients of the mouth, and of each eye. */
  readonly mouthValues: number;
  readonly eyeValues: number;
  /** Rows of `MOUTH_PATCH` width × height × 3: R, G, B differences (1 is full scale) for a coefficient of 1. */
  readonly mouth: Float32Array;
  /** Alike for the right eye; the left one is its mirror image. */
  readonly eye: Float32Array;
}

/** Cells of a patch, across and down. */
export interface PatchSize {
  readonly width: number;
  readonly height: number;
}
export const MOUTH_PATCH: PatchSize = { width: 32, height: 24 };
export const EYE_PATCH: PatchSize = { width: 24, height: 16 };

export const appearanceValues = ({ mouthValues, eyeValues }: AppearanceBasis): number =>
  mouthValues + 2 * eyeValues;

/** The appearance numbers of a geometry; none where it has none. */
export const appearanceOf = (geometry: Landmarks): Float32Array =>
  geometry.subarray(SURROUNDED_NUMBERS);

/** A geometry with surround points and these appearance numbers. */
export function withAppearance(geometry: Landmarks, values: ArrayLike<number>): Landmarks {
  const out = new Float32Array(SURROUNDED_NUMBERS + values.length);
  out.set(geometry.subarray(0, SURROUNDED_NUMBERS));
  out.set(values, SURROUNDED_NUMBERS);
  return out;
}

/** A box in whole crop units: left, top, right, bottom. */
export type Box = readonly [number, number, number, number];

/** A part whose appearance is coded. */
export interface Patch {
  readonly box: Box;
  readonly size: PatchSize;
  /** Rows of the basis, the first of its coefficients and their number. */
  readonly basis: Float32Array;
  readonly first: number;
  readonly count: number;
  /** Whether the basis is to be read from right to left. */
  readonly mirrored: boolean;
}

/** Shares of their width that the boxes of mouth and eyes reach beyond the points. */
const MOUTH_MARGIN = 0.15;
const EYE_MARGIN = 0.3;
/** The smallest box, in crop units. */
const LEAST_SIDE = 4;

/** The boxes of mouth, right and left eye of a geometry (crop units), within the crop. */
export function featureBoxes(geometry: Landmarks): [Box, Box, Box] {
  const [l, t, r, b] = boxOf(geometry, RIGHT_LIDS, EYE_MARGIN);
  const left = boxOf(geometry, LEFT_LIDS, EYE_MARGIN);
  // Neighbouring eyes share what is between them.
  const border = r > left[0] ? Math.round((r + left[0]) / 2) : undefined;
  return [
    boxOf(geometry, LIPS, MOUTH_MARGIN),
    [l, t, Math.max(border ?? r, l + LEAST_SIDE), b],
    [Math.min(border ?? left[0], left[2] - LEAST_SIDE), left[1], left[2], left[3]],
  ];
}

/** The patches of a geometry. */
export function patchesOf(geometry: Landmarks, basis: AppearanceBasis): Patch[] {
  const [mouth, right, left] = featureBoxes(geometry);
  const { mouthValues, eyeValues } = basis;
  const eye = { size: EYE_PATCH, basis: basis.eye, count: eyeValues };
  return [
    {
      box: mouth,
      size: MOUTH_PATCH,
      basis: basis.mouth,
      first: 0,
      count: mouthValues,
      mirrored: false,
    },
    { box: right, ...eye, first: mouthValues, mirrored: false },
    { box: left, ...eye, first: mouthValues + eyeValues, mirrored: true },
  ];
}

function boxOf(geometry: Landmarks, points: readonly number[], margin: number): Box {
  const limited = (value: number) => Math.min(Math.max(Math.round(value), 0), CROP_UNITS);
  const range = (axis: number): [number, number] => {
    const values = points.map((p) => geometry[3 * p + axis]);
    return [Math.min(...values), Math.max(...values)];
  };
  const [left, right] = range(0);
  const [top, bottom] = range(1);
  const grow = margin * (right - left);
  const side = ([low, high]: [number, number]): [number, number] => {
    const from = Math.min(limited(low - grow), CROP_UNITS - LEAST_SIDE);
    return [from, Math.max(limited(high + grow), from + LEAST_SIDE)];
  };
  const [l, r] = side([left, right]);
  const [t, b] = side([top, bottom]);
  return [l, t, r, b];
}

/** Numbers behind the surround points at most: a motion frame's largest vector. */
const MOST_MORE = 512;

/** Whether a geometry may have so many numbers. */
export const fitsGeometry = (length: number): boolean =>
  length === 3 * POINT_COUNT ||
  (length >= SURROUNDED_NUMBERS && length <= SURROUNDED_NUMBERS + MOST_MORE);
