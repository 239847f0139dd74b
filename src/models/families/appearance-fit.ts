import {
  type AppearanceBasis,
  appearanceValues,
  type Patch,
  patchesOf,
} from '../../geometry/appearance.js';
import { CROP_UNITS, type Landmarks } from '../../geometry/landmarks.js';
import type { Picture } from '../../geometry/picture.js';
import { resampleSquare, type Square, whole } from '../../geometry/resample.js';
import type { DecoderReference } from '../decoder.js';
import { createFaceWarp } from './face-warp.js';
import { sample } from './sample.js';

/** Finds the appearance of mouth and eyes: what the warped references lack there. */
export interface AppearanceFit {
  /** The coefficients for a square of a picture with this geometry (crop units). */
  fit(picture: Picture, square: Square, geometry: Landmarks): Float32Array;
}

/** Pixels across the pictures that are compared: about a cell of a patch each. */
export const COMPARED_SIZE = 128;
const SIZE = COMPARED_SIZE;

/** A fit for references that are aligned (`alignReferences`). */
export function createAppearanceFit(
  references: readonly DecoderReference[],
  basis: AppearanceBasis,
): AppearanceFit {
  const small = references.map(({ picture, landmarks }) => ({
    picture: resampleSquare(picture, whole(picture), SIZE),
    landmarks,
  }));
  const warp = createFaceWarp(small, SIZE);
  const unit = SIZE / CROP_UNITS;

  /** Adds to the coefficients what a cell differs by from the references. */
  function compare(
    patch: Patch,
    cell: number,
    x: number,
    y: number,
    shown: number,
    out: Float32Array,
  ) {
    const index = Math.min(y | 0, SIZE - 1) * SIZE + Math.min(x | 0, SIZE - 1);
    let red = shown & 255;
    let green = (shown >>> 8) & 255;
    let blue = (shown >>> 16) & 255;
    for (let k = 0; k < small.length; k++) {
      const share = warp.share(k, x, y, index);
      if (share === 0) continue;
      warp.locate(k, x, y, index);
      const colour = warp.colour(k, warp.at.x, warp.at.y);
      red -= share * (colour & 255);
      green -= share * ((colour >>> 8) & 255);
      blue -= share * ((colour >>> 16) & 255);
    }
    const { basis: rows, count, first, size } = patch;
    const length = 3 * size.width * size.height;
    for (let i = 0, at = 3 * cell; i < count; i++, at += length)
      out[first + i] += (rows[at] * red + rows[at + 1] * green + rows[at + 2] * blue) / 255;
  }

  return {
    fit(picture, square, geometry) {
      const { data } = resampleSquare(picture, square, SIZE);
      const target = new Uint32Array(data.buffer, data.byteOffset, SIZE * SIZE);
      warp.update(geometry);
      const values = new Float32Array(appearanceValues(basis));
      for (const patch of patchesOf(geometry, basis)) {
        const { box, size, mirrored } = patch;
        const [left, top, right, bottom] = box;
        for (let row = 0, cell = 0; row < size.height; row++) {
          const y = unit * (top + ((row + 0.5) / size.height) * (bottom - top));
          for (let column = 0; column < size.width; column++, cell++) {
            const along = (mirrored ? size.width - 1 - column : column) + 0.5;
            const x = unit * (left + (along / size.width) * (right - left));
            compare(patch, cell, x, y, sample(target, SIZE, x, y), values);
          }
        }
      }
      return values;
    },
  };
}
