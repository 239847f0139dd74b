import sharp from 'sharp';
import type { Picture } from '../../geometry/picture.js';
import { UserError } from '../user-error.js';
import type { ClipSource, OpenClipOptions } from './clip-source.js';
import { fitSide, MAX_SIDE } from './fit-side.js';

/**
 * Pages are decoded in groups of about this many bytes: page n of an animation is reached only
 * through all before it, so that page by page would take quadratic time. Two groups are held at once.
 */
const GROUP_BYTES = 64 * 2 ** 20;

/** Rate of a still picture, which has none of its own. */
const STILL_FPS = 25;

/** Browsers show a page whose delay is 10 ms or less for 100 ms, and files rely on it. */
const SHORTEST_DELAY_MS = 10;
const UNSET_DELAY_MS = 100;

const startsWith = (head: Uint8Array, offset: number, text: string): boolean =>
  Buffer.from(head).toString('latin1', offset, offset + text.length) === text;

/** Whether the first bytes of a file are those of WebP, GIF, PNG, JPEG, TIFF or a still AVIF. */
export function isSharpPicture(head: Uint8Array): boolean {
  return (
    (startsWith(head, 0, 'RIFF') && startsWith(head, 8, 'WEBP')) ||
    startsWith(head, 0, 'GIF8') ||
    startsWith(head, 0, '\x89PNG') ||
    startsWith(head, 0, '\xff\xd8\xff') ||
    startsWith(head, 0, 'II*\0') ||
    startsWith(head, 0, 'MM\0*') ||
    startsWith(head, 4, 'ftypavif')
  );
}

/** Opens an animated or still picture; see `openClip`. */
export async function openSharpClip(
  path: string,
  { signal, maxSide = MAX_SIDE }: OpenClipOptions,
): Promise<ClipSource> {
  const meta = await sharp(path)
    .metadata()
    .catch((error: Error) => {
      throw broken(path, error);
    });
  const pages = meta.delay === undefined ? 1 : (meta.pages ?? 1);
  const original = {
    width: meta.autoOrient.width,
    height: pages > 1 ? (meta.pageHeight ?? meta.height) : meta.autoOrient.height,
  };
  const { width, height } = fitSide(original.width, original.height, Math.min(maxSide, MAX_SIDE));
  const delays = (meta.delay ?? []).map((ms) => (ms <= SHORTEST_DELAY_MS ? UNSET_DELAY_MS : ms));
  const totalMs = delays.reduce((sum, ms) => sum + ms, 0);
  const fps = pages > 1 ? (pages * 1000) / totalMs : STILL_FPS;
  const order = pages > 1 ? pagesAtConstantRate(delays) : [0];
  const groupPages = Math.max(1, Math.floor(GROUP_BYTES / (width * height * 4)));

  const readGroup = async (first: number): Promise<Uint8Array> => {
    const count = Math.min(groupPages, pages - first);
    let image = sharp(path, pages > 1 ? { page: first, pages: count } : {});
    if (pages === 1) image = image.autoOrient();
    if (width !== original.width) image = image.resize(width, height, { fit: 'fill' });
    return image
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer()
      .catch((error: Error) => {
        throw broken(path, error);
      });
  };

  let closed = false;
  return {
    width,
    height,
    fps,
    frameCount: pages,
    async *frames() {
      let first = 0;
      let group = await readGroup(0);
      let next: Promise<Uint8Array> | undefined;
      for (const page of order) {
        signal?.throwIfAborted();
        if (closed) return;
        while (page >= first + groupPages) {
          first += groupPages;
          group = await (next ?? readGroup(first));
          next = undefined;
        }
        if (next === undefined && first + groupPages < pages) {
          next = readGroup(first + groupPages);
          // Whoever awaits it sees the failure; nobody does where the caller leaves early.
          next.catch(() => undefined);
        }
        yield pictureOf(group, page - first, width, height);
      }
    },
    async close() {
      closed = true;
    },
  };
}

function pictureOf(group: Uint8Array, page: number, width: number, height: number): Picture {
  const bytes = width * height * 4;
  return {
    width,
    height,
    data: Uint8ClampedArray.from(group.subarray(page * bytes, (page + 1) * bytes)),
  };
}

/** The page on show in the middle of each of `delays.length` equal parts of the whole time. */
function pagesAtConstantRate(delays: readonly number[]): number[] {
  const step = delays.reduce((sum, ms) => sum + ms, 0) / delays.length;
  let page = 0;
  let end = delays[0];
  return delays.map((_, index) => {
    while ((index + 0.5) * step >= end && page < delays.length - 1) end += delays[++page];
    return page;
  });
}

function broken(path: string, error: Error): UserError {
  const reason = error.message.split('\n')[0].replace(`${path}: `, '');
  return new UserError(`${path} is a damaged picture (${reason}): give another clip`, {
    cause: error,
  });
}
