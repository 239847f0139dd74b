import { appearanceOf, withAppearance } from './appearance.js';
import { type FrameModel, roundTowards, stepScale, type ValueRanges } from './frame-model.js';
import { type Landmarks, MESH_POINT_COUNT, POINT_COUNT } from './landmarks.js';
import { applyPose, fitPose, type Pose, removePose } from './pose.js';
import { LEFT_IRIS, RIGHT_IRIS } from './regions.js';
import { SURROUND_COUNT, surroundMotion, withSurround } from './surround.js';

const COORDINATES = 3 * POINT_COUNT;
const MESH_COORDINATES = 3 * MESH_POINT_COUNT;

/** Pose values of a motion frame: x, y, log scale, rotation vector. */
export const POSE_VALUES = 6;
/** Gaze values of a motion frame: conjugate x, y and disjunctive x, y. */
export const GAZE_VALUES = 4;
/** Surround values of a motion frame, where it has any: x and y of each node in turn. */
export const SURROUND_VALUES = 2 * SURROUND_COUNT;

/**
 * The linear basis of expression: displacements of the 478 points from the neutral, in the
 * neutral's frame (`training/motion_basis.py`).
 */
export interface MotionBasis {
  /** Expression components, n. */
  readonly components: number;
  /** n × 1434: crop units of displacement for a coefficient of 1, iris points included. */
  readonly synthesis: Float32Array;
  /** n × 1434: coefficient for a displacement of 1 crop unit; zero for the irises. */
  readonly analysis: Float32Array;
}

/**
 * Quantiser steps for quantiser index 4 (steps double every 4). Translation, rotation and scale move
 * all points: their steps give 0.2–0.3 crop units at the edge of a face that half fills the crop.
 * The expression basis is orthonormal over all weighted coordinates, so a step of 4 is an error of
 * about 0.05 crop units a point and component. Gaze: 0.24 crop units an eye. Surround: a step of 1 costs
 * 40 % more bits for 0.15 dB. Appearance: steps of 0.5 cost 0.1 dB of the mouth and 0.2 of the eyes.
 * Chosen with `bench/motion` (docs/decisions.md).
 */
const STEPS = {
  translation: 0.229,
  logScale: 0.00229,
  rotation: 0.00286,
  expression: 4,
  gaze: 0.333,
  surround: 1.5,
  appearance: 0.35,
} as const;

/** Values of a motion frame that describe the face: all but the surround's. */
export const faceValueCount = ({ components }: MotionBasis): number =>
  POSE_VALUES + components + GAZE_VALUES;

/** Turns landmarks into the integers of a motion frame and back, for one enrolled person. */
export class MotionModel implements FrameModel {
  readonly basis: MotionBasis;
  readonly neutral: Landmarks;
  readonly valueCount: number;
  readonly ranges: ValueRanges;
  readonly #faceValues: number;
  readonly #aligned = new Float32Array(COORDINATES);
  readonly #shape = new Float32Array(COORDINATES);

  /**
   * `more`: values that frames carry beside the face's: 0 (by default), those of the surround, or those
   * and the appearance's.
   */
  constructor(basis: MotionBasis, neutral: Landmarks, more = 0) {
    this.basis = basis;
    this.neutral = neutral;
    this.#faceValues = faceValueCount(basis);
    this.valueCount = this.#faceValues + more;
    this.ranges = { pose: POSE_VALUES, surround: this.#faceValues };
  }

  /** Size of a value's step at a quantiser index. */
  step(value: number, quantiser: number): number {
    return baseStep(value, this.basis.components) * stepScale(quantiser);
  }

  /**
   * The integers that describe `landmarks` (crop units), rounded towards those of `reference`, the
   * frame they will be predicted from. Each stage is fitted to what the quantised ones before it
   * left, so expression makes up for the rounding of pose, and gaze for that of expression.
   */
  quantise(
    landmarks: Landmarks,
    reference: Int16Array | undefined,
    quantiser: number,
    limit: number,
  ): Int16Array {
    const values = new Int16Array(this.valueCount);
    const set = (value: number, amount: number) => {
      values[value] = roundTowards(amount / this.step(value, quantiser), reference?.[value], limit);
    };
    const fitted = fitPose(this.neutral, landmarks);
    const pose = [fitted.x, fitted.y, fitted.logScale, ...fitted.rotation];
    pose.forEach((amount, value) => {
      set(value, amount);
    });
    const aligned = this.#aligned;
    removePose({ ...this.#pose(values, quantiser), z: fitted.z }, landmarks, aligned);
    for (let i = 0; i < COORDINATES; i++) aligned[i] -= this.neutral[i];
    const { components, analysis } = this.basis;
    for (let k = 0; k < components; k++) {
      let sum = 0;
      const row = k * COORDINATES;
      for (let i = 0; i < MESH_COORDINATES; i++) sum += analysis[row + i] * aligned[i];
      set(POSE_VALUES + k, sum);
    }
    this.#expression(values, quantiser, this.#shape);
    const right = meanOffset(RIGHT_IRIS, aligned, this.#shape);
    const left = meanOffset(LEFT_IRIS, aligned, this.#shape);
    const gaze = POSE_VALUES + components;
    for (let axis = 0; axis < 2; axis++) {
      set(gaze + axis, (right[axis] + left[axis]) / 2);
      set(gaze + 2 + axis, (right[axis] - left[axis]) / 2);
    }
    if (this.valueCount > this.#faceValues) {
      const more = [...surroundMotion(landmarks), ...appearanceOf(landmarks)];
      for (let i = this.#faceValues; i < this.valueCount; i++)
        set(i, more[i - this.#faceValues] ?? 0);
    }
    return values;
  }

  /** The dense geometry (crop units) that a motion frame's integers describe. */
  reconstruct(values: Int16Array, quantiser: number): Landmarks {
    const shape = new Float32Array(COORDINATES);
    this.#expression(values, quantiser, shape);
    const gaze = POSE_VALUES + this.basis.components;
    for (let axis = 0; axis < 2; axis++) {
      const together = values[gaze + axis] * this.step(gaze + axis, quantiser);
      const apart = values[gaze + 2 + axis] * this.step(gaze + 2 + axis, quantiser);
      for (const point of RIGHT_IRIS) shape[3 * point + axis] += together + apart;
      for (const point of LEFT_IRIS) shape[3 * point + axis] += together - apart;
    }
    for (let i = 0; i < COORDINATES; i++) shape[i] += this.neutral[i];
    const geometry = applyPose(this.#pose(values, quantiser), shape, shape);
    if (this.valueCount === this.#faceValues) return geometry;
    const more = Float32Array.from(
      values.subarray(this.#faceValues),
      (level, i) => level * this.step(this.#faceValues + i, quantiser),
    );
    const surrounded = withSurround(geometry, more.subarray(0, SURROUND_VALUES));
    return more.length > SURROUND_VALUES
      ? withAppearance(surrounded, more.subarray(SURROUND_VALUES))
      : surrounded;
  }

  #pose(values: Int16Array, quantiser: number): Pose {
    const at = (value: number) => values[value] * this.step(value, quantiser);
    return { x: at(0), y: at(1), logScale: at(2), rotation: [at(3), at(4), at(5)] };
  }

  #expression(values: Int16Array, quantiser: number, out: Float32Array): void {
    const { components, synthesis } = this.basis;
    out.fill(0);
    for (let k = 0; k < components; k++) {
      const level = values[POSE_VALUES + k];
      if (level === 0) continue;
      const amount = level * this.step(POSE_VALUES + k, quantiser);
      const row = k * COORDINATES;
      for (let i = 0; i < COORDINATES; i++) out[i] += amount * synthesis[row + i];
    }
  }
}

function baseStep(value: number, components: number): number {
  if (value < 2) return STEPS.translation;
  if (value === 2) return STEPS.logScale;
  if (value < POSE_VALUES) return STEPS.rotation;
  if (value < POSE_VALUES + components) return STEPS.expression;
  const face = POSE_VALUES + components + GAZE_VALUES;
  if (value < face) return STEPS.gaze;
  return value < face + SURROUND_VALUES ? STEPS.surround : STEPS.appearance;
}

function meanOffset(points: readonly number[], target: Float32Array, from: Float32Array): number[] {
  return [0, 1].map(
    (axis) =>
      points.reduce((sum, p) => sum + target[3 * p + axis] - from[3 * p + axis], 0) / points.length,
  );
}
