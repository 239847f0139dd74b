import { createPicture, type Picture } from '../../geometry/picture.js';
import { resampleSquare } from '../../geometry/resample.js';
import type { DecoderOptions } from '../decoder.js';

/** A reference, and how much of each pixel is the person: R of a picture of the same size. */
export interface MaskedReference {
  readonly picture: Picture;
  readonly mask: Picture;
}

/** A mask below which a reference's pixel is background; at it, it counts for nothing. */
const BACKGROUND_BELOW = 0.5;
/** Blurred over so much of the picture's side, by three boxes one upon the other. */
const BLUR_SHARE = 1 / 24;
const BLUR_PASSES = 3;
/** R, G, B and the weight of a pixel. */
const CHANNELS = 4;

/** What stands behind a person with these references, all `size × size`, as the option says. */
export function backgroundOf(
  references: readonly MaskedReference[],
  size: number,
  option: NonNullable<DecoderOptions['background']>,
): Picture {
  if (typeof option === 'object') return centreSquare(option, size);
  const plate = cleanPlate(references, size);
  return option === 'blur' ? blurred(plate, Math.max(1, Math.round(size * BLUR_SHARE))) : plate;
}

/** The largest square in the middle of a picture. */
function centreSquare(picture: Picture, size: number): Picture {
  const side = Math.min(picture.width, picture.height);
  const x = (picture.width - side) >> 1;
  const y = (picture.height - side) >> 1;
  return resampleSquare(picture, { x, y, side }, size);
}

/**
 * What the references show beside the person: the mean of those in which a pixel is background, and where it is in
 * none what lies around it (pull-push, Gortler et al. 1996).
 */
function cleanPlate(references: readonly MaskedReference[], size: number): Picture {
  const pixels = new Float32Array(CHANNELS * size * size);
  for (const { picture, mask } of references) {
    for (let at = 0; at < pixels.length; at += CHANNELS) {
      const weight = Math.max(0, 1 - mask.data[at] / (255 * BACKGROUND_BELOW)) ** 2;
      for (let c = 0; c < 3; c++) pixels[at + c] += weight * picture.data[at + c];
      pixels[at + 3] += weight;
    }
  }
  pullPush(pixels, size);
  const plate = createPicture(size, size);
  for (let at = 0; at < pixels.length; at += CHANNELS) {
    const total = Math.max(pixels[at + 3], 1e-6);
    for (let c = 0; c < 3; c++) plate.data[at + c] = pixels[at + c] / total;
    plate.data[at + 3] = 255;
  }
  return plate;
}

/** Fills pixels (colours times weight, weight) that weigh less than 1 from a picture of half the side. */
function pullPush(pixels: Float32Array, size: number): void {
  if (size === 1) return;
  const half = (size + 1) >> 1;
  const small = new Float32Array(CHANNELS * half * half);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const from = CHANNELS * (y * size + x);
      const to = CHANNELS * ((y >> 1) * half + (x >> 1));
      for (let c = 0; c < CHANNELS; c++) small[to + c] += pixels[from + c];
    }
  }
  // A pixel that is known is not known better for four of them being so.
  for (let at = 0; at < small.length; at += CHANNELS) {
    const over = Math.max(1, small[at + 3]);
    for (let c = 0; c < CHANNELS; c++) small[at + c] /= over;
  }
  pullPush(small, half);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const at = CHANNELS * (y * size + x);
      const missing = 1 - pixels[at + 3];
      if (missing > 0) addFrom(small, half, (x - 0.5) / 2, (y - 0.5) / 2, missing, pixels, at);
    }
  }
}

/** Adds `share` of the small picture at `x`, `y` (pixels of its own, centres whole), between its pixels. */
function addFrom(
  small: Float32Array,
  side: number,
  x: number,
  y: number,
  share: number,
  out: Float32Array,
  to: number,
): void {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const inside = (value: number) => Math.min(Math.max(value, 0), side - 1);
  for (let corner = 0; corner < 4; corner++) {
    const [dx, dy] = [corner & 1, corner >> 1];
    const weight = (dx ? x - left : 1 - x + left) * (dy ? y - top : 1 - y + top) * share;
    const at = CHANNELS * (inside(top + dy) * side + inside(left + dx));
    for (let c = 0; c < CHANNELS; c++) out[to + c] += weight * small[at + c];
  }
}

function blurred(picture: Picture, radius: number): Picture {
  const out = { ...picture, data: picture.data.slice() };
  const { width: size, data } = out;
  for (let pass = 0; pass < BLUR_PASSES; pass++) {
    for (let line = 0; line < size; line++) {
      boxLine(data, 4 * line * size, 4, size, radius);
    }
    for (let line = 0; line < size; line++) boxLine(data, 4 * line, 4 * size, size, radius);
  }
  return out;
}

/** Means of `2 radius + 1` pixels along a line, which goes on beyond its ends as it ends. */
function boxLine(
  data: Uint8ClampedArray,
  first: number,
  step: number,
  count: number,
  radius: number,
): void {
  const line = new Float32Array(count);
  const at = (i: number) => line[Math.min(Math.max(i, 0), count - 1)];
  for (let c = 0; c < 3; c++) {
    for (let i = 0; i < count; i++) line[i] = data[first + i * step + c];
    let sum = 0;
    for (let i = -radius; i <= radius; i++) sum += at(i);
    for (let i = 0; i < count; i++) {
      data[first + i * step + c] = sum / (2 * radius + 1);
      sum += at(i + radius + 1) - at(i - radius);
    }
  }
}

/**
 * A person before a background, all of one size: `person` is on black, so what the mask (R) leaves is
 * the background's. Writes into `person`.
 */
export function placeBefore(person: Picture, mask: Picture, background: Picture): Picture {
  const { data } = person;
  for (let at = 0; at < data.length; at += 4) {
    const left = 1 - mask.data[at] / 255;
    for (let c = 0; c < 3; c++) data[at + c] += left * background.data[at + c];
  }
  return person;
}

/** What is `share` (0–1) of the way from one picture to another of its size. */
export function pictureBetween(from: Picture, to: Picture, share: number): Picture {
  const data = to.data.map((value, i) => from.data[i] + share * (value - from.data[i]));
  return { ...to, data };
}
