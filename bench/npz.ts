import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';

/** Element types that the data's `.npz` files use. */
export type NpyData =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/** One array of an `.npz` file: C order; a scalar has shape `[]` and one element. */
export interface NpyArray {
  readonly shape: number[];
  readonly data: NpyData;
}

const TYPES: Record<string, new (buffer: ArrayBuffer) => NpyData> = {
  '|u1': Uint8Array,
  '|b1': Uint8Array,
  '|i1': Int8Array,
  '<u2': Uint16Array,
  '<i2': Int16Array,
  '<u4': Uint32Array,
  '<i4': Int32Array,
  '<i8': BigInt64Array,
  '<f4': Float32Array,
  '<f8': Float64Array,
};

/** Reads one array in NumPy's `.npy` format (versions 1–3). Throws on Fortran order and other types. */
export function parseNpy(bytes: Buffer): NpyArray {
  if (bytes.subarray(0, 6).toString('latin1') !== '\x93NUMPY') throw new Error('not an .npy array');
  const wide = bytes[6]! >= 2;
  const start = wide ? 12 : 10;
  const headerLength = wide ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8);
  const header = bytes.subarray(start, start + headerLength).toString('latin1');
  const type = /'descr': '([^']+)'/.exec(header)?.[1] ?? '';
  const shapeText = /'shape': \(([^)]*)\)/.exec(header)?.[1];
  const Type = TYPES[type];
  if (!Type || shapeText === undefined || header.includes("'fortran_order': True"))
    throw new Error(`unsupported .npy header: ${header.trim()}`);
  const shape = shapeText
    .split(',')
    .filter((part) => part.trim())
    .map(Number);
  const body = bytes.subarray(start + headerLength);
  const aligned = new ArrayBuffer(body.length);
  new Uint8Array(aligned).set(body);
  const data = new Type(aligned);
  const count = shape.reduce((product, side) => product * side, 1);
  if (data.length !== count)
    throw new Error(`.npy array has ${data.length} elements, not ${count}`);
  return { shape, data };
}

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;

/**
 * Reads a NumPy `.npz` file (a zip of `.npy` arrays, stored or deflated, no zip64) whole. Keys are
 * the arrays' names without `.npy`. Throws where it is anything else.
 */
export function readNpz(path: string): Record<string, NpyArray> {
  const zip = readFileSync(path);
  let end = zip.length - 22;
  while (end >= 0 && zip.readUInt32LE(end) !== END_OF_DIRECTORY) end--;
  if (end < 0) throw new Error(`${path} is not a zip file`);
  const arrays: Record<string, NpyArray> = {};
  let entry = zip.readUInt32LE(end + 16);
  for (let i = zip.readUInt16LE(end + 10); i > 0; i--) {
    if (zip.readUInt32LE(entry) !== DIRECTORY_ENTRY)
      throw new Error(`${path} has a broken directory`);
    const method = zip.readUInt16LE(entry + 10);
    const packedSize = zip.readUInt32LE(entry + 20);
    const nameLength = zip.readUInt16LE(entry + 28);
    const local = zip.readUInt32LE(entry + 42);
    const name = zip.subarray(entry + 46, entry + 46 + nameLength).toString('utf8');
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const packed = zip.subarray(start, start + packedSize);
    if (method !== 0 && method !== 8)
      throw new Error(`${path} uses zip method ${method} for ${name}`);
    arrays[name.replace(/\.npy$/, '')] = parseNpy(method === 0 ? packed : inflateRawSync(packed));
    entry += 46 + nameLength + zip.readUInt16LE(entry + 30) + zip.readUInt16LE(entry + 32);
  }
  return arrays;
}
