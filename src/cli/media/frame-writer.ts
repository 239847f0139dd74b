import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import type { FrameKind, FrameStore, FrameWriter } from './frame-store.js';
import { queuedWriter, writeError } from './queued-writer.js';

/** sharp compresses on as many threads as there are cores; more frames would only hold memory. */
const MAX_IN_FLIGHT = 4;

/** zlib's fastest: a 256×256 frame takes a few milliseconds. */
const COMPRESSION_LEVEL = 1;

/** `src-000123.png`: a name that other tools rely on (docs/report.md). */
export const frameName = (kind: FrameKind, index: number): string =>
  `${kind}-${String(index).padStart(6, '0')}.png`;

/**
 * Writes `DIR/frames/src-000123.png` or `dec-000123.png`, without the alpha channel. A file gets its
 * name only when it is whole. Throws UserError where the folder cannot be made.
 */
export async function createFrameWriter(dir: string, kind: FrameKind): Promise<FrameWriter> {
  const folder = join(dir, 'frames');
  await mkdir(folder, { recursive: true }).catch((error) => {
    throw writeError(error, dir, 0);
  });
  // One frame may be written twice at once: made up first, then as it came.
  let writes = 0;
  return queuedWriter(dir, MAX_IN_FLIGHT, async (index, { width, height, data }) => {
    const turn = writes++;
    const png = await sharp(data, { raw: { width, height, channels: 4 } })
      .removeAlpha()
      .png({ compressionLevel: COMPRESSION_LEVEL, adaptiveFiltering: false })
      .toBuffer();
    const path = join(folder, frameName(kind, index));
    const part = `${path}.${turn}.part`;
    try {
      await writeFile(part, png);
      await rename(part, path);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  });
}

/** The frames of one kind in `DIR/frames`; none where the folder is not there. */
export async function openFrameFolder(dir: string, kind: FrameKind): Promise<FrameStore> {
  const folder = join(dir, 'frames');
  const names = await readdir(folder).catch(() => []);
  const pattern = new RegExp(`^${kind}-(\\d{6,})\\.png$`);
  const indices = names.flatMap((name) => pattern.exec(name)?.[1] ?? []).map(Number);
  return {
    indices: indices.sort((a, b) => a - b),
    async read(index) {
      const { data, info } = await sharp(join(folder, frameName(kind, index)))
        .toColourspace('srgb')
        .ensureAlpha()
        .raw({ depth: 'uchar' })
        .toBuffer({ resolveWithObject: true });
      return { width: info.width, height: info.height, data: new Uint8ClampedArray(data) };
    },
    async close() {},
  };
}
