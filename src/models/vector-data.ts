import type { MotionVector } from '../geometry/motion-vector.js';
import { ByteReader } from '../protocol/bytes.js';
import { MAX_MOTION_VALUES } from '../protocol/motion-tables.js';

const MAGIC = 'VVV1';
/** Pixels across the pictures that a vector's networks see. */
const MIN_SIDE = 16;
const MAX_SIDE = 1024;

/** Reads a pack's motion vector (spec/bitstream.md, "Motion vector"); undefined where the bytes are none. */
export function parseVector(bytes: Uint8Array): MotionVector | undefined {
  const reader = new ByteReader(bytes);
  const magic = String.fromCharCode(...reader.bytes(MAGIC.length));
  const side = reader.u16();
  const poseValues = reader.u16();
  const count = reader.u16();
  const counted = count >= 1 && count <= MAX_MOTION_VALUES && poseValues <= count;
  if (magic !== MAGIC || side < MIN_SIDE || side > MAX_SIDE || !counted) return undefined;
  const numbers = Uint8Array.from(reader.bytes(8 * count));
  if (reader.drop !== undefined || reader.remaining > 0) return undefined;
  const view = new DataView(numbers.buffer);
  const rest = Float32Array.from({ length: count }, (_, v) => view.getFloat32(8 * v));
  const steps = Float32Array.from({ length: count }, (_, v) => view.getFloat32(8 * v + 4));
  const valid = rest.every(Number.isFinite) && steps.every((step) => step > 0 && step < Infinity);
  return valid ? { side, poseValues, rest, steps } : undefined;
}
