import type { Picture } from '../../geometry/picture.js';

/** PSNR of pictures without a difference, in dB: more than 8 bits can show, and a number in JSON. */
export const IDENTICAL_DB = 100;

/** Mean squared difference over R, G and B of all pixels, 0–65025. Throws TypeError on other sizes. */
export function meanSquaredError(a: Picture, b: Picture): number {
  checkSizes(a, b);
  let sum = 0;
  for (let at = 0; at < a.data.length; at += 4) {
    const red = a.data[at] - b.data[at];
    const green = a.data[at + 1] - b.data[at + 1];
    const blue = a.data[at + 2] - b.data[at + 2];
    sum += red * red + green * green + blue * blue;
  }
  return sum / ((a.data.length / 4) * 3);
}

/** Peak signal-to-noise ratio of a mean squared error of 8-bit values, in dB, at most IDENTICAL_DB. */
export function psnrOf(mse: number): number {
  return mse === 0 ? IDENTICAL_DB : Math.min(IDENTICAL_DB, 10 * Math.log10(255 ** 2 / mse));
}

const WINDOW = gaussian(11, 1.5);
const C1 = (0.01 * 255) ** 2;
const C2 = (0.03 * 255) ** 2;

/**
 * Structural similarity of the luma (BT.601, full range), −1–1: the mean over all places where an
 * 11×11 Gaussian window of σ = 1.5 fits whole. Wang, Bovik, Sheikh and Simoncelli, "Image quality
 * assessment: from error visibility to structural similarity", IEEE TIP 13(4), 2004, with its
 * constants, at full resolution. Throws TypeError on different sizes and below 11×11.
 */
export function ssim(a: Picture, b: Picture): number {
  checkSizes(a, b);
  const { width, height } = a;
  if (width < WINDOW.length || height < WINDOW.length) {
    throw new TypeError(`pictures must be at least ${WINDOW.length} pixels a side for SSIM`);
  }
  return structure(luma(a), luma(b), width, height).similarity;
}

/** Means over the places of the window: SSIM, and its factor for contrast and structure alone. */
export interface Structure {
  readonly similarity: number;
  readonly contrast: number;
}

/** `ssim` of two planes of 0–255, `width × height` of at least 11×11 both. */
export function structure(
  x: Float64Array,
  y: Float64Array,
  width: number,
  height: number,
): Structure {
  const meanX = blur(x, width, height);
  const meanY = blur(y, width, height);
  const meanXX = blur(product(x, x), width, height);
  const meanYY = blur(product(y, y), width, height);
  const meanXY = blur(product(x, y), width, height);
  let similarity = 0;
  let contrast = 0;
  for (let at = 0; at < meanX.length; at++) {
    const mx = meanX[at];
    const my = meanY[at];
    const varianceX = meanXX[at] - mx * mx;
    const varianceY = meanYY[at] - my * my;
    const covariance = meanXY[at] - mx * my;
    const factor = (2 * covariance + C2) / (varianceX + varianceY + C2);
    contrast += factor;
    similarity += (factor * (2 * mx * my + C1)) / (mx * mx + my * my + C1);
  }
  return { similarity: similarity / meanX.length, contrast: contrast / meanX.length };
}

/** Throws TypeError on pictures of different sizes. */
export function checkSizes(a: Picture, b: Picture): void {
  if (a.width !== b.width || a.height !== b.height) {
    throw new TypeError(
      `pictures must have one size, not ${a.width}×${a.height} and ${b.width}×${b.height}`,
    );
  }
}

function gaussian(taps: number, sigma: number): Float64Array {
  const weights = Float64Array.from({ length: taps }, (_, at) =>
    Math.exp(-((at - (taps - 1) / 2) ** 2) / (2 * sigma ** 2)),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Luma of BT.601, full range: 0–255 for each pixel. */
export function luma({ data }: Picture): Float64Array {
  const values = new Float64Array(data.length / 4);
  for (let at = 0; at < values.length; at++) {
    values[at] = 0.299 * data[at * 4] + 0.587 * data[at * 4 + 1] + 0.114 * data[at * 4 + 2];
  }
  return values;
}

const product = (a: Float64Array, b: Float64Array): Float64Array => {
  const values = new Float64Array(a.length);
  for (let at = 0; at < a.length; at++) values[at] = a[at] * b[at];
  return values;
};

/** Weighted mean in the window wherever it fits whole: `(width − 10) × (height − 10)` values. */
function blur(values: Float64Array, width: number, height: number): Float64Array {
  const taps = WINDOW.length;
  const half = taps >> 1;
  const columns = width - taps + 1;
  const rows = height - taps + 1;
  const across = new Float64Array(columns * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < columns; x++) {
      const from = y * width + x;
      let sum = WINDOW[half] * values[from + half];
      for (let tap = 0; tap < half; tap++) {
        sum += WINDOW[tap] * (values[from + tap] + values[from + taps - 1 - tap]);
      }
      across[y * columns + x] = sum;
    }
  }
  const down = new Float64Array(columns * rows);
  for (let at = 0; at < down.length; at++) {
    let sum = WINDOW[half] * across[at + half * columns];
    for (let tap = 0; tap < half; tap++) {
      sum += WINDOW[tap] * (across[at + tap * columns] + across[at + (taps - 1 - tap) * columns]);
    }
    down[at] = sum;
  }
  return down;
}
