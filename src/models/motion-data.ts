import { MESH_POINT_COUNT, POINT_COUNT } from '../geometry/landmarks.js';
import type { MotionBasis } from '../geometry/motion-model.js';
import { ByteReader } from '../protocol/bytes.js';
import { MAX_EXPRESSION_COMPONENTS } from '../protocol/limits.js';

const MAGIC = 'VVB1';
/** Weights are stored in thousandths. */
const WEIGHT_UNIT = 1 / 1000;

/**
 * Reads a pack's `basis.bin` (spec/bitstream.md, "Motion basis"); undefined where the bytes are no
 * basis.
 */
export function parseBasis(bytes: Uint8Array): MotionBasis | undefined {
  const reader = new ByteReader(bytes);
  const magic = String.fromCharCode(...reader.bytes(MAGIC.length));
  const components = reader.u8();
  if (magic !== MAGIC || components < 1 || components > MAX_EXPRESSION_COMPONENTS) return undefined;
  const coordinates = 3 * POINT_COUNT;
  const weights = Float32Array.from({ length: coordinates }, () => reader.u16() * WEIGHT_UNIT);
  const synthesis = new Float32Array(components * coordinates);
  const analysis = new Float32Array(components * coordinates);
  for (let k = 0; k < components; k++) {
    const view = new DataView(Uint8Array.from(reader.bytes(4)).buffer);
    const scale = view.byteLength === 4 ? view.getFloat32(0) : 0;
    for (let i = 0; i < coordinates; i++) {
      const value = ((reader.u16() << 16) >> 16) * scale;
      synthesis[k * coordinates + i] = value;
      // The components are orthonormal in weighted coordinates, so analysis is synthesis × weight².
      if (i < 3 * MESH_POINT_COUNT) analysis[k * coordinates + i] = value * weights[i] ** 2;
    }
  }
  if (reader.drop !== undefined || reader.remaining > 0) return undefined;
  return { components, synthesis, analysis };
}
