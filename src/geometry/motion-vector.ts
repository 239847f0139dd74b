import { appearanceOf, withAppearance } from './appearance.js';
import { type FrameModel, roundTowards, stepScale, type ValueRanges } from './frame-model.js';
import type { Landmarks } from './landmarks.js';
import { SURROUND_COUNT, withSurround } from './surround.js';

/**
 * A family's own numbers in the place of pose, expression and gaze: what its networks find in a frame and draw the
 * next one from. They are numbers of a geometry behind its surround points, as appearance is.
 */
export interface MotionVector {
  /** Pixels across the square picture that the family's networks see. */
  readonly side: number;
  /** Numbers 0 … poseValues − 1 say where things are; the others how they look. */
  readonly poseValues: number;
  /** What each number is where nothing is known. */
  readonly rest: Float32Array;
  /** Step of each number at quantiser index 4; above 0. */
  readonly steps: Float32Array;
}

/** The vector of a geometry; undefined where it has none of `length` numbers. */
export function vectorOf(geometry: Landmarks, length: number): Float32Array | undefined {
  const vector = appearanceOf(geometry);
  return vector.length === length ? vector : undefined;
}

/** A geometry with this vector; its surround points are at rest. */
export const withVector = (geometry: Landmarks, vector: ArrayLike<number>): Landmarks =>
  withAppearance(withSurround(geometry, new Float32Array(2 * SURROUND_COUNT)), vector);

/** Turns a family's own vector into the integers of a motion frame and back. The face's points do not travel. */
export class VectorModel implements FrameModel {
  readonly valueCount: number;
  readonly ranges: ValueRanges;
  readonly #vector: MotionVector;
  readonly #neutral: Landmarks;

  /** `neutral`: the points that every geometry gets. */
  constructor(vector: MotionVector, neutral: Landmarks) {
    this.#vector = vector;
    this.#neutral = neutral;
    this.valueCount = vector.rest.length;
    this.ranges = { pose: vector.poseValues, surround: this.valueCount };
  }

  /** As `FrameModel.quantise`; a geometry without a vector is at rest. */
  quantise(
    geometry: Landmarks,
    reference: Int16Array | undefined,
    quantiser: number,
    limit: number,
  ): Int16Array {
    const { rest, steps } = this.#vector;
    const amounts = vectorOf(geometry, this.valueCount) ?? rest;
    const scale = stepScale(quantiser);
    return Int16Array.from(rest, (resting, v) =>
      roundTowards((amounts[v] - resting) / (steps[v] * scale), reference?.[v], limit),
    );
  }

  /** The neutral points with the vector behind them. */
  reconstruct(values: Int16Array, quantiser: number): Landmarks {
    const { rest, steps } = this.#vector;
    const scale = stepScale(quantiser);
    const vector = Float32Array.from(values, (level, v) => rest[v] + level * steps[v] * scale);
    return withVector(this.#neutral, vector);
  }
}
