import type { FrameModel } from '../geometry/frame-model.js';
import { type Landmarks, POINT_COUNT } from '../geometry/landmarks.js';
import { MAX_VALUE } from '../protocol/motion-codec.js';
import { REFERENCE_QUANTISER } from '../protocol/picture-update.js';

/** The geometry of a reference as pictures during the call code it. */
export interface ReferenceGeometry {
  /** At `REFERENCE_QUANTISER`. */
  readonly values: Int16Array;
  /** What the receiver makes of it, 478 × (x, y, z) in crop units. */
  readonly landmarks: Landmarks;
}

/** Codes the face in a reference (crop units; what follows its 478 points is left out). */
export function codeReferenceGeometry(model: FrameModel, landmarks: Landmarks): ReferenceGeometry {
  const face = landmarks.subarray(0, 3 * POINT_COUNT);
  const values = model.quantise(face, undefined, REFERENCE_QUANTISER, MAX_VALUE);
  const coded = model.reconstruct(values, REFERENCE_QUANTISER).slice(0, 3 * POINT_COUNT);
  return { values, landmarks: coded };
}
