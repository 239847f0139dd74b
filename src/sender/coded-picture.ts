import type { Picture } from '../geometry/picture.js';
import { resampleSquare, whole } from '../geometry/resample.js';
import type { PictureCodec } from '../models/picture-codec.js';

/**
 * Pixels that a byte of WebP is spent on: at 1–5 kB for a head of 256 × 256, more pixels blur into blocks and
 * fewer into softness (`bench/picture-bytes.ts`, docs/decisions.md).
 */
const PIXELS_PER_BYTE = 13;
const MIN_SIDE = 96;
/** Sides are multiples of this: whole macroblocks. */
const SIDE_STEP = 16;
const QUALITIES = { least: 5, most: 90 } as const;
const TRIES = 6;

/**
 * A square picture as a WebP file of `budget` bytes at most (more only where the poorest is more), of fewer pixels
 * where that shows more for the bytes. The picture stays the caller's.
 */
export async function codeWithin(
  codec: PictureCodec,
  picture: Picture,
  budget: number,
): Promise<Uint8Array> {
  const wanted = SIDE_STEP * Math.round(Math.sqrt(PIXELS_PER_BYTE * budget) / SIDE_STEP);
  const side = Math.min(picture.width, Math.max(MIN_SIDE, wanted));
  const small = resampleSquare(picture, whole(picture), side);
  let { least, most }: { least: number; most: number } = QUALITIES;
  let best: Uint8Array | undefined;
  for (let tried = 0; tried < TRIES && least <= most; tried++) {
    const quality = (least + most) >> 1;
    const bytes = await codec.encode(small, quality);
    if (bytes.length <= budget) {
      best = bytes;
      least = quality + 1;
    } else most = quality - 1;
  }
  return best ?? codec.encode(small, QUALITIES.least);
}
