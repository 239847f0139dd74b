import sharp from 'sharp';
import type { PictureCodec } from './picture-codec.js';

/** A picture codec on sharp (libvips). Alpha is dropped. */
export function createNodePictureCodec(): PictureCodec {
  return {
    async encode({ width, height, data }, quality) {
      const raw = { width, height, channels: 4 as const };
      const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      return new Uint8Array(
        await sharp(bytes, { raw })
          .removeAlpha()
          .webp({ quality, smartSubsample: true })
          .toBuffer(),
      );
    },
    async decode(bytes, maxSide) {
      // A peer's bytes: one page, refused before a pixel of it is decompressed.
      const image = sharp(bytes, { limitInputPixels: maxSide * maxSide, pages: 1 });
      const { width, height, format } = await image.metadata();
      if (format !== 'webp') throw new Error(`the picture is ${format}, not WebP`);
      if (width > maxSide || height > maxSide)
        throw new Error(`the picture is ${width}×${height}, over ${maxSide} on a side`);
      const pixels = await image.ensureAlpha().raw().toBuffer();
      return { width, height, data: new Uint8ClampedArray(pixels) };
    },
  };
}
