import {
  type AppearanceBasis,
  EYE_PATCH,
  MOUTH_PATCH,
  type PatchSize,
} from '../geometry/appearance.js';
import { ByteReader } from '../protocol/bytes.js';

const MAGIC = 'VVA1';
/** Coefficients of the mouth and of an eye, at most: a motion frame has room for no more. */
const MAX_VALUES = 16;

/**
 * Reads a pack's appearance basis (spec/bitstream.md, "Appearance basis"); undefined where the bytes
 * are none.
 */
export function parseAppearance(bytes: Uint8Array): AppearanceBasis | undefined {
  const reader = new ByteReader(bytes);
  const magic = String.fromCharCode(...reader.bytes(MAGIC.length));
  const mouthValues = reader.u8();
  const eyeValues = reader.u8();
  const counted = [mouthValues, eyeValues].every((count) => count >= 1 && count <= MAX_VALUES);
  if (magic !== MAGIC || !counted) return undefined;
  const mouth = readRows(reader, mouthValues, MOUTH_PATCH);
  const eye = readRows(reader, eyeValues, EYE_PATCH);
  const finite = [mouth, eye].every((rows) => rows.every(Number.isFinite));
  if (reader.drop !== undefined || reader.remaining > 0 || !finite) return undefined;
  return { mouthValues, eyeValues, mouth, eye };
}

function readRows(reader: ByteReader, count: number, { width, height }: PatchSize): Float32Array {
  const length = 3 * width * height;
  const rows = new Float32Array(count * length);
  for (let row = 0; row < count; row++) {
    const view = new DataView(Uint8Array.from(reader.bytes(4)).buffer);
    const scale = view.byteLength === 4 ? view.getFloat32(0) : 0;
    for (let i = 0; i < length; i++) rows[row * length + i] = ((reader.u16() << 16) >> 16) * scale;
  }
  return rows;
}
