import type { Picture } from '../geometry/picture.js';
import { STREAM_SIZES, type StreamSize } from '../protocol/limits.js';
import type { FaceTracker } from '../sender/tracker.js';
import { type EnrolledClip, enrolClip } from './enrol-clip.js';
import { type ClipSource, openClip } from './media/clip-source.js';

export interface OpenEnrolledOptions {
  /** The clip's path. */
  readonly clip: string;
  /** Undefined: what the head's crop has pixels for. */
  readonly size: StreamSize | undefined;
  readonly references: number;
  readonly enrolSeconds: number;
  readonly abort: AbortSignal;
  /** The clip can be read, and enrolling begins. */
  readonly onOpen: () => void;
}

/** A clip that is read on from where its person was enrolled. */
export interface OpenedClip {
  readonly clip: ClipSource;
  readonly frames: AsyncIterator<Picture>;
  readonly enrolled: EnrolledClip;
  close(): Promise<void>;
}

/**
 * Longest side of the pictures over the crop's: at 256×256 a 1920×1080 clip is read as 1280×720. A
 * face that is a tenth as high as the picture still fills half of its crop, and reading, tracking and
 * cropping cost half.
 */
const PICTURE_PER_CROP = 5;

/**
 * Opens a clip and enrols its person; the caller closes it. Where no size is given, the clip is read
 * large enough for the largest, and once more from its beginning where that was more than the head
 * needs. Throws as `openClip` and `enrolClip`.
 */
export async function openEnrolled(
  options: OpenEnrolledOptions,
  tracker: FaceTracker,
): Promise<OpenedClip> {
  const opened = await openAt(options.size ?? STREAM_SIZES.at(-1)!, options, tracker);
  const { clip, enrolled } = opened;
  const needed = PICTURE_PER_CROP * enrolled.size;
  if (options.size !== undefined || Math.max(clip.width, clip.height) <= needed) return opened;
  await opened.close();
  const again = { ...options, size: enrolled.size, onOpen: () => undefined };
  return openAt(enrolled.size, again, tracker);
}

/** As large as crops of `readSize` need. */
async function openAt(
  readSize: StreamSize,
  { clip: path, size, references, enrolSeconds, abort, onOpen }: OpenEnrolledOptions,
  tracker: FaceTracker,
): Promise<OpenedClip> {
  const clip = await openClip(path, { signal: abort, maxSide: PICTURE_PER_CROP * readSize });
  onOpen();
  const frames = clip.frames()[Symbol.asyncIterator]();
  const close = async () => {
    await frames.return?.();
    await clip.close();
  };
  try {
    const options = { path, size, references, seconds: enrolSeconds };
    const enrolled = await enrolClip(frames, clip, tracker, options);
    return { clip, frames, enrolled, close };
  } catch (error) {
    await close();
    throw error;
  }
}
