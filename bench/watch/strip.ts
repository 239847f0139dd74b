import sharp from 'sharp';
import type { Picture } from '../../src/geometry/picture.js';

const SIDE = 128;

/** Writes a PNG of columns of pictures, from left to right. */
export async function writeStrip(
  path: string,
  columns: readonly (readonly Picture[])[],
): Promise<void> {
  const tiles = await Promise.all(
    columns.flatMap((column, x) =>
      column.map(async ({ width, height, data }, y) => ({
        input: await sharp(Buffer.from(data.buffer), { raw: { width, height, channels: 4 } })
          .resize(SIDE, SIDE)
          .png()
          .toBuffer(),
        left: x * SIDE,
        top: y * SIDE,
      })),
    ),
  );
  const width = SIDE * columns.length;
  const height = SIDE * Math.max(...columns.map((column) => column.length));
  await sharp({ create: { width, height, channels: 3, background: '#000' } })
    .composite(tiles)
    .png()
    .toFile(path);
}
