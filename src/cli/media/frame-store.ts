import type { Picture } from '../../geometry/picture.js';

/** What a frame shows: the exact crop given to the codec, or what the receiver showed for it. */
export type FrameKind = 'src' | 'dec';

/** Frames on disk, read back at random. */
export interface FrameStore {
  /** The source frame numbers there are, ascending. */
  readonly indices: readonly number[];
  /** The frame; the picture becomes the caller's. */
  read(index: number): Promise<Picture>;
  /** Closes the files. Safe to call twice. */
  close(): Promise<void>;
}

/** The frame numbers that both stores have, ascending. */
export function commonIndices(a: FrameStore, b: FrameStore): number[] {
  const there = new Set(b.indices);
  return a.indices.filter((index) => there.has(index));
}

/** Writes frames to disk as they come. */
export interface FrameWriter {
  /**
   * Takes a frame; the picture becomes the writer's. Resolves as soon as there is room for the next
   * one, not when this one is written. Rejects with a UserError once a frame could not be written:
   * what was written before stays.
   */
  write(index: number, picture: Picture): Promise<void>;
  /** Waits for what is in flight and gives the number of frames written. Rejects as `write`. */
  finish(): Promise<number>;
}
