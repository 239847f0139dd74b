import { CANONICAL_FACE_BASE64 } from './canonical-face-table.js';
import type { Landmarks } from './landmarks.js';

const bytes = Uint8Array.from(atob(CANONICAL_FACE_BASE64), (character) => character.charCodeAt(0));
const view = new DataView(bytes.buffer);

/**
 * A face at rest that is nobody's, looking into the camera from the middle of the crop: the
 * canonical face model of MediaPipe with irises, in crop units.
 */
export const CANONICAL_FACE: Landmarks = Float32Array.from(
  { length: bytes.length / 2 },
  (_, i) => view.getInt16(2 * i, true) / 64,
);
