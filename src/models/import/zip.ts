import { inflateRawSync } from 'node:zlib';
import { PackError } from '../pack.js';

const END_OF_DIRECTORY = 0x06054b50;
const END_BYTES = 22;
const DIRECTORY_ENTRY = 0x02014b50;
const STORED = 0;
const DEFLATED = 8;
/** Of an entry unpacked: the largest that is wanted has 2.6 MB. */
const MAX_ENTRY_BYTES = 64 * 1024 * 1024;

/** Unpacks an entry of an opened archive; throws a PackError where that is not there, or damaged. */
export type ReadEntry = (name: string) => Uint8Array;

/**
 * Reads the directory of a zip archive (PKWARE's APPNOTE.TXT; entries stored or deflated, no zip64).
 * `label` is what messages call it. Throws a PackError where it is none.
 */
export function openZip(label: string, file: Uint8Array): ReadEntry {
  const zip = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const damaged = (cause?: unknown) =>
    new PackError(`${label} is a truncated or damaged zip archive: give the original file`, {
      cause,
    });
  let end = zip.length - END_BYTES;
  while (end >= 0 && zip.readUInt32LE(end) !== END_OF_DIRECTORY) end--;
  if (end < 0)
    throw new PackError(`${label} is no zip archive, or truncated: give the original file`);
  const entries = new Map<string, number>();
  try {
    let at = zip.readUInt32LE(end + 16);
    for (let i = zip.readUInt16LE(end + 10); i > 0; i--) {
      if (zip.readUInt32LE(at) !== DIRECTORY_ENTRY) throw damaged();
      const nameBytes = zip.readUInt16LE(at + 28);
      entries.set(zip.toString('utf8', at + 46, at + 46 + nameBytes), at);
      at += 46 + nameBytes + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
    }
  } catch (cause) {
    throw damaged(cause);
  }
  return (name) => {
    const at = entries.get(name);
    if (at === undefined) {
      throw new PackError(`${label} holds no ${name}: give MediaPipe's face_landmarker.task`);
    }
    try {
      return unpack(zip, at);
    } catch (cause) {
      throw damaged(cause);
    }
  };
}

/** The contents of the entry whose place in the directory is `at`. */
function unpack(zip: Buffer, at: number): Uint8Array {
  const method = zip.readUInt16LE(at + 10);
  const packedBytes = zip.readUInt32LE(at + 20);
  const bytes = zip.readUInt32LE(at + 24);
  const local = zip.readUInt32LE(at + 42);
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  const packed = zip.subarray(start, start + packedBytes);
  if (method !== STORED && method !== DEFLATED) throw new RangeError(`method ${method}`);
  const content =
    method === STORED ? packed : inflateRawSync(packed, { maxOutputLength: MAX_ENTRY_BYTES });
  if (content.length !== bytes) throw new RangeError(`${content.length} bytes, not ${bytes}`);
  return content;
}
