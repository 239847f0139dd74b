import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createPicture, type Picture } from '../../geometry/picture.js';
import { UserError } from '../user-error.js';
import { captionStrip } from './captions.js';
import { encodeMp4 } from './encode-mp4.js';
import { encodeWebp } from './encode-webp.js';
import { commonIndices, type FrameStore } from './frame-store.js';
import { writeError } from './queued-writer.js';

export interface ComparisonInput {
  /** Where `comparison.mp4` or `comparison.webp` goes. */
  readonly dir: string;
  /** Frames a second. */
  readonly fps: number;
  readonly source: FrameStore;
  readonly received: FrameStore;
  /** What stands over each half, such as "source" and "received · 1.9 kbps". */
  readonly captions: { readonly source: string; readonly received: string };
  readonly signal?: AbortSignal;
}

export interface Comparison {
  readonly file: `${'comparison' | 'received'}.${'mp4' | 'webp'}`;
  /** Frames in it. */
  readonly frames: number;
  /** 1, or n where only every n-th frame is in it. */
  readonly everyNth: number;
  /** What to tell the reader where it is not the whole at full size; else undefined. */
  readonly note?: string;
}

/** Pictures of the two halves, one beside the other, as an encoder takes them. */
export interface SideBySide {
  /** Pixels, both even. */
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly count: number;
  /** Picture `at` of `count`. */
  compose(at: number): Promise<Picture>;
}

/** Pixels between the two halves. */
const GAP = 8;

/** The captions' strip, as a part of a picture's height. */
const STRIP = 0.11;

const even = (value: number): number => 2 * Math.ceil(value / 2);

/**
 * Writes source and received side by side: `comparison.mp4` through ffmpeg, or an animated
 * `comparison.webp` where that is not installed or cannot encode H.264. Undefined where no frame is
 * in both stores. Throws UserError where the disk does not take it, and the signal's reason.
 */
export async function writeComparison(input: ComparisonInput): Promise<Comparison | undefined> {
  const pictures = await sideBySide(input);
  return pictures && writeVideo(pictures, 'comparison', input.dir, input.signal);
}

/**
 * Writes what was received alone, `received.mp4` or `received.webp`, where the source is on another
 * machine. As `writeComparison`.
 */
export async function writeReceived(
  input: Pick<ComparisonInput, 'dir' | 'fps' | 'received' | 'signal'>,
): Promise<Comparison | undefined> {
  const { received, fps } = input;
  const { indices } = received;
  if (indices.length === 0) return undefined;
  const { width, height } = await received.read(indices[0]);
  const compose = (at: number) => received.read(indices[at]);
  const pictures = { width, height, fps, count: indices.length, compose };
  return writeVideo(pictures, 'received', input.dir, input.signal);
}

async function writeVideo(
  pictures: SideBySide,
  name: 'comparison' | 'received',
  dir: string,
  signal: AbortSignal | undefined,
): Promise<Comparison> {
  try {
    const mp4 = `${name}.mp4` as const;
    const encoded = await whole(dir, mp4, (part) => encodeMp4(pictures, part, signal));
    if (encoded) return { file: mp4, frames: pictures.count, everyNth: 1 };
    const webp = `${name}.webp` as const;
    const result = await whole(dir, webp, (part) => encodeWebp(pictures, part, signal));
    return { ...result, file: webp };
  } catch (error) {
    throw error instanceof UserError ? error : writeError(error, dir, 0);
  }
}

/** Gives the file its name only once it is whole. */
async function whole<T>(
  dir: string,
  name: string,
  encode: (part: string) => Promise<T>,
): Promise<T> {
  const part = join(dir, `.part-${name}`);
  try {
    const result = await encode(part);
    if (result) await rename(part, join(dir, name));
    return result;
  } finally {
    await rm(part, { force: true });
  }
}

async function sideBySide(input: ComparisonInput): Promise<SideBySide | undefined> {
  const { source, received, captions, fps } = input;
  const indices = commonIndices(source, received);
  if (indices.length === 0) return undefined;
  const first = await source.read(indices[0]);
  const width = even(2 * first.width + GAP);
  const strip = await captionStrip(
    captions.source,
    captions.received,
    width,
    even(Math.max(20, first.height * STRIP)),
  );
  const top = strip?.height ?? 0;
  const height = even(first.height + top);
  return {
    width,
    height,
    fps,
    count: indices.length,
    async compose(at) {
      const [left, right] = await Promise.all([
        source.read(indices[at]),
        received.read(indices[at]),
      ]);
      const picture = createPicture(width, height);
      new Uint32Array(picture.data.buffer).fill(0xff1d1816);
      if (strip) picture.data.set(strip.data);
      copyInto(picture, left, 0, top);
      copyInto(picture, right, width - first.width, top);
      return picture;
    },
  };
}

/** Copies a picture to a place; what does not fit is cut off. */
function copyInto(target: Picture, picture: Picture, left: number, top: number): void {
  const columns = Math.min(picture.width, target.width - left);
  const rows = Math.min(picture.height, target.height - top);
  for (let y = 0; y < rows; y++) {
    const from = y * picture.width * 4;
    target.data.set(
      picture.data.subarray(from, from + columns * 4),
      ((top + y) * target.width + left) * 4,
    );
  }
}
