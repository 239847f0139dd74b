import { type FileHandle, open } from 'node:fs/promises';
import type { FrameStore, FrameWriter } from './frame-store.js';
import { queuedWriter, writeError } from './queued-writer.js';

/** A file of raw frames: magic, width, height (32 bits each), then frame number and RGBA for each. */
const RAW_HEADER_BYTES = 12;
const RAW_MAGIC = 0x31465656; // "VVF1"

/** What a full disk is given back, at most: a few seconds of video and the report need less. */
const SPARE_BYTES = 4 * 2 ** 20;

/**
 * Writes frames, all of one size, into one file without compression: for what is needed only until
 * the report is made. Where the disk is full the last of them are given up, so that there is room
 * for a report of the others. Throws UserError where the file cannot be made.
 */
export async function createRawFrameWriter(path: string): Promise<FrameWriter> {
  const file: FileHandle = await open(path, 'w').catch((error) => {
    throw writeError(error, path, 0);
  });
  let size: { width: number; height: number } | undefined;
  const writer = queuedWriter(path, 1, async (index, { width, height, data }) => {
    if (size === undefined) {
      size = { width, height };
      await file.appendFile(words(RAW_MAGIC, width, height));
    }
    if (width !== size.width || height !== size.height) {
      throw new TypeError(`frame ${index} is ${width}×${height}, not ${size.width}×${size.height}`);
    }
    await file.appendFile(words(index));
    await file.appendFile(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  });
  return {
    write: writer.write,
    async finish() {
      try {
        return await writer.finish();
      } catch (error) {
        const { size } = await file.stat();
        const spared = Math.max(Math.ceil(size / 2), size - SPARE_BYTES);
        await file.truncate(spared).catch(() => undefined);
        throw error;
      } finally {
        await file.close().catch(() => undefined);
      }
    },
  };
}

const words = (...values: number[]): Uint8Array => {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, at) => void bytes.writeUInt32LE(value, at * 4));
  return bytes;
};

/**
 * The frames of a file of `createRawFrameWriter`; a last frame that was not written to its end is
 * left out; an empty file has none. Rejects where the file is not one.
 */
export async function openRawFrames(path: string): Promise<FrameStore> {
  const file = await open(path);
  const header = Buffer.alloc(RAW_HEADER_BYTES);
  await file.read(header, 0, RAW_HEADER_BYTES, 0);
  const { size } = await file.stat();
  if (size > 0 && header.readUInt32LE(0) !== RAW_MAGIC) {
    await file.close();
    throw new Error(`${path} is not a file of raw frames`);
  }
  const width = header.readUInt32LE(4);
  const height = header.readUInt32LE(8);
  const recordBytes = 4 + width * height * 4;
  const count = Math.max(0, Math.floor((size - RAW_HEADER_BYTES) / recordBytes));
  const offsets = new Map<number, number>();
  const number = Buffer.alloc(4);
  for (let record = 0; record < count; record++) {
    const offset = RAW_HEADER_BYTES + record * recordBytes;
    await file.read(number, 0, 4, offset);
    offsets.set(number.readUInt32LE(0), offset + 4);
  }
  let closing: Promise<void> | undefined;
  return {
    indices: [...offsets.keys()].sort((a, b) => a - b),
    async read(index) {
      const data = new Uint8ClampedArray(width * height * 4);
      await file.read(data, 0, data.length, offsets.get(index)!);
      return { width, height, data };
    },
    close() {
      closing ??= file.close();
      return closing;
    },
  };
}
