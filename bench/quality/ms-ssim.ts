import { checkSizes, luma, structure } from '../../src/cli/report/quality.js';
import type { Picture } from '../../src/geometry/picture.js';

/** Exponents of the five scales, finest first: Wang, Simoncelli and Bovik 2003, section 3.2. */
const WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
/** The 11×11 window fits at the coarsest scale from here on. */
const MIN_SIDE = 11 * 2 ** (WEIGHTS.length - 1);

/** The mean of each 2×2 pixels; an odd last row or column is left out. */
function halve(plane: Float64Array, width: number, height: number): Float64Array {
  const [columns, rows] = [width >> 1, height >> 1];
  const half = new Float64Array(columns * rows);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const from = 2 * y * width + 2 * x;
      half[y * columns + x] =
        (plane[from] + plane[from + 1] + plane[from + width] + plane[from + width + 1]) / 4;
    }
  }
  return half;
}

/** SSIM and multi-scale SSIM of the luma of two pictures. */
export interface Similarity {
  /** −1–1, as `ssim` of src/cli/report/quality.ts. */
  readonly ssim: number;
  /** 0–1. */
  readonly msSsim: number;
}

/**
 * SSIM and its multi-scale form over five scales, each half the one before (2×2 means): the product
 * of the mean contrast-structure terms of the first four and the mean SSIM of the last, to the powers
 * of the paper; a negative mean counts as 0. Wang, Simoncelli and Bovik, "Multi-scale structural
 * similarity for image quality assessment", Asilomar 2003, as its authors' MATLAB code averages. Throws
 * TypeError on different sizes and below 176×176.
 */
export function similarity(a: Picture, b: Picture): Similarity {
  checkSizes(a, b);
  if (Math.min(a.width, a.height) < MIN_SIDE) {
    throw new TypeError(`pictures must be at least ${MIN_SIDE} pixels a side for MS-SSIM`);
  }
  let [x, y] = [luma(a), luma(b)];
  let { width, height } = a;
  let ssim = 0;
  let msSsim = 1;
  WEIGHTS.forEach((weight, scale) => {
    if (scale > 0) {
      [x, y] = [halve(x, width, height), halve(y, width, height)];
      [width, height] = [width >> 1, height >> 1];
    }
    const means = structure(x, y, width, height);
    if (scale === 0) ssim = means.similarity;
    const factor = scale === WEIGHTS.length - 1 ? means.similarity : means.contrast;
    msSsim *= Math.max(0, factor) ** weight;
  });
  return { ssim, msSsim };
}
