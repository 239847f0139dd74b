import { type FileHandle, open, stat } from 'node:fs/promises';
import type { Picture } from '../../geometry/picture.js';
import { UserError } from '../user-error.js';
import { openFfmpegClip } from './ffmpeg-clip.js';
import { isSharpPicture, openSharpClip } from './sharp-clip.js';

/** A clip as a constant-rate sequence of pictures. */
export interface ClipSource {
  /** Pixels across each picture, after rotation, pixel aspect and the cap of `maxSide`. */
  readonly width: number;
  /** Pixels down each picture. */
  readonly height: number;
  /** Pictures a second: the clip's own mean rate. Picture `i` is what the clip shows at `i / fps`. */
  readonly fps: number;
  /** How many pictures to expect: exact for WebP and GIF, else what the container says; may be absent. */
  readonly frameCount?: number;
  /**
   * The pictures from the first on; each becomes the caller's. Decoding waits for the caller, so that
   * memory is bounded whatever the clip's length. Leaving the loop early stops it; each call starts
   * anew. Throws UserError where the clip breaks off with an error, and the signal's reason on abort.
   */
  frames(): AsyncIterable<Picture>;
  /** Ends everything that still runs for this clip. Safe to call twice. */
  close(): Promise<void>;
}

export interface OpenClipOptions {
  readonly signal?: AbortSignal | undefined;
  /** Pictures with a longer side are scaled down to it; at most and by default `MAX_SIDE`. */
  readonly maxSide?: number;
}

/** No face can be found in less. */
export const MIN_SIDE = 16;

/** Enough to tell a picture format, and an animated AVIF from a still one. */
const HEAD_BYTES = 64;

/**
 * Opens a clip: WebP, GIF and still pictures through sharp, anything else through ffmpeg where it is
 * installed. Throws UserError where the file cannot be used.
 */
export async function openClip(path: string, options: OpenClipOptions = {}): Promise<ClipSource> {
  options.signal?.throwIfAborted();
  const head = await readHead(path);
  const clip = isSharpPicture(head)
    ? await openSharpClip(path, options)
    : await openFfmpegClip(path, options);
  if (clip.width < MIN_SIDE || clip.height < MIN_SIDE) {
    await clip.close();
    throw new UserError(
      `${path} is ${clip.width}×${clip.height} pixels: too small to show a face; give a clip of at least ${MIN_SIDE}×${MIN_SIDE}`,
    );
  }
  return clip;
}

async function readHead(path: string): Promise<Uint8Array> {
  let file: FileHandle | undefined;
  try {
    const info = await stat(path);
    if (info.isDirectory()) throw new UserError(`${path} is a folder: give a clip in it`);
    if (!info.isFile()) throw new UserError(`${path} is not a file: give a video file`);
    if (info.size === 0) throw new UserError(`${path} is empty: give a video file`);
    file = await open(path);
    const { buffer, bytesRead } = await file.read(new Uint8Array(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw error instanceof UserError ? error : unreadable(path, error);
  } finally {
    await file?.close();
  }
}

function unreadable(path: string, error: unknown): UserError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new UserError(`${path} does not exist: check the path of the clip`, { cause: error });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new UserError(`${path} may not be read: check the file's permissions`, { cause: error });
  }
  return new UserError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
}
