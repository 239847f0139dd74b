import { writeFile } from 'node:fs/promises';
import sharp from 'sharp';
import type { Comparison, SideBySide } from './comparison.js';
import { fitSide } from './fit-side.js';

/** sharp takes an animation as one piece: 300 pages of 520×284 are 177 MB. */
const MAX_PAGES = 300;
const MAX_PAGE_WIDTH = 520;

/** libwebp's effort, 0–6: at 2 a page takes about 10 ms. */
const EFFORT = 2;
const QUALITY = 80;

/** Encodes an animated WebP, of every n-th picture and scaled down where it would be too large. */
export async function encodeWebp(
  pictures: SideBySide,
  path: string,
  signal?: AbortSignal,
): Promise<Comparison> {
  const everyNth = Math.ceil(pictures.count / MAX_PAGES);
  const { width, height } = fitSide(pictures.width, pictures.height, MAX_PAGE_WIDTH);
  const pages = Math.ceil(pictures.count / everyNth);
  const pageBytes = width * height * 3;
  const all = Buffer.allocUnsafe(pages * pageBytes);
  for (let page = 0; page < pages; page++) {
    signal?.throwIfAborted();
    const picture = await pictures.compose(page * everyNth);
    const raw = { width: picture.width, height: picture.height, channels: 4 as const };
    const small = sharp(picture.data, { raw }).resize(width, height, { fit: 'fill' }).removeAlpha();
    (await small.raw().toBuffer()).copy(all, page * pageBytes);
  }
  const raw = { width, height: height * pages, channels: 3 as const, pageHeight: height };
  const webp = await sharp(all, { raw, limitInputPixels: false })
    .webp({
      quality: QUALITY,
      effort: EFFORT,
      loop: 0,
      delay: delays(pages, everyNth, pictures.fps),
    })
    .toBuffer();
  await writeFile(path, webp);

  const notes = [
    everyNth > 1 ? `one frame in ${everyNth}` : '',
    width < pictures.width ? `scaled to ${width}×${height}` : '',
  ].filter((note) => note !== '');
  return {
    file: 'comparison.webp',
    frames: pages,
    everyNth,
    ...(notes.length > 0 ? { note: `${notes.join(', ')} (install ffmpeg for the whole)` } : {}),
  };
}

/** Whole milliseconds whose sum stays with the clip's time. */
function delays(pages: number, everyNth: number, fps: number): number[] {
  const at = (page: number) => Math.round((page * everyNth * 1000) / fps);
  return Array.from({ length: pages }, (_, page) => at(page + 1) - at(page));
}
