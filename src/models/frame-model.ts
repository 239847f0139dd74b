import type { FrameModel } from '../geometry/frame-model.js';
import type { Landmarks } from '../geometry/landmarks.js';
import { MotionModel } from '../geometry/motion-model.js';
import { VectorModel } from '../geometry/motion-vector.js';
import type { Pack } from './pack.js';

/** What turns geometries of a person into the integers of the pack's motion frames, and back. */
export const createFrameModel = (
  { basis, moreValues, vector }: Pack,
  neutral: Landmarks,
): FrameModel =>
  vector ? new VectorModel(vector, neutral) : new MotionModel(basis, neutral, moreValues);
