import type { PictureCodec } from './picture-codec.js';

function canvasOf(width: number, height: number) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) throw new Error('this browser gives no 2D canvas');
  return { canvas, context };
}

/**
 * A picture codec on `OffscreenCanvas` and `createImageBitmap`; works in a worker. `encode` rejects
 * in a browser whose canvas writes no WebP (Safari).
 */
export function createBrowserPictureCodec(): PictureCodec {
  return {
    async encode({ width, height, data }, quality) {
      const { canvas, context } = canvasOf(width, height);
      context.putImageData(new ImageData(data, width, height), 0, 0);
      const blob = await canvas.convertToBlob({ type: 'image/webp', quality: quality / 100 });
      if (blob.type !== 'image/webp') throw new Error('this browser writes no WebP');
      return new Uint8Array(await blob.arrayBuffer());
    },
    async decode(bytes, maxSide) {
      const blob = new Blob([Uint8Array.from(bytes)], { type: 'image/webp' });
      const bitmap = await createImageBitmap(blob, { colorSpaceConversion: 'none' });
      try {
        const { width, height } = bitmap;
        if (width > maxSide || height > maxSide)
          throw new Error(`the picture is ${width}×${height}, over ${maxSide} on a side`);
        const { context } = canvasOf(width, height);
        context.drawImage(bitmap, 0, 0);
        return { width, height, data: context.getImageData(0, 0, width, height).data };
      } finally {
        bitmap.close();
      }
    },
  };
}
