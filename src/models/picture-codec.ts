import type { Picture } from '../geometry/picture.js';

/** Compresses and decompresses reference pictures (WebP: both Node's sharp and browsers have it). */
export interface PictureCodec {
  /** WebP bytes of a picture; `quality` 1–100. */
  encode(picture: Picture, quality: number): Promise<Uint8Array>;
  /** Rejects where the bytes are no picture or larger than `maxSide` on a side. */
  decode(bytes: Uint8Array, maxSide: number): Promise<Picture>;
}
