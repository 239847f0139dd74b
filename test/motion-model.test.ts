import { describe, expect, it } from 'vitest';
import { MotionModel } from '../src/geometry/motion-model.js';
import {
  applyPose,
  fitPose,
  neutralGeometry,
  removePose,
  rotationMatrix,
} from '../src/geometry/pose.js';
import { LEFT_IRIS, RIGHT_IRIS } from '../src/geometry/regions.js';
import { MAX_VALUE } from '../src/protocol/motion-codec.js';
import { faceAt, PACK } from './support/call.js';
import { seeded } from './support/motion-stream.js';
import { moved, syntheticFace } from './synthetic-face.js';

const NEUTRAL = neutralGeometry([moved(syntheticFace(), -128, -120)]);
const copy = () => new Float32Array(NEUTRAL.length);

function largestDistance(a: Float32Array, b: Float32Array, axes = 3): number {
  let largest = 0;
  for (let i = 0; i < a.length; i++)
    if (i % 3 < axes) largest = Math.max(largest, Math.abs(a[i] - b[i]));
  return largest;
}

function meanDistance(a: Float32Array, b: Float32Array, points: readonly number[]): number {
  const distance = (p: number) => Math.hypot(a[3 * p] - b[3 * p], a[3 * p + 1] - b[3 * p + 1]);
  return points.reduce((sum, p) => sum + distance(p), 0) / points.length;
}

describe('pose', () => {
  const random = seeded(1);
  const poses = Array.from({ length: 40 }, () => ({
    logScale: random() - 0.5,
    rotation: [0, 1, 2].map(() => 2 * random() - 1) as [number, number, number],
    x: 256 * random(),
    y: 256 * random(),
  }));

  it('fit recovers a similarity, and removing it gives the neutral back', () => {
    for (const pose of [...poses, { logScale: 0, rotation: [0, 0, 0] as const, x: 0, y: 0 }]) {
      const landmarks = applyPose(pose, NEUTRAL, copy());
      const fitted = fitPose(NEUTRAL, landmarks);
      expect(fitted.logScale).toBeCloseTo(pose.logScale, 4);
      expect(fitted.x).toBeCloseTo(pose.x, 2);
      expect(fitted.y).toBeCloseTo(pose.y, 2);
      expect(fitted.z).toBeCloseTo(0, 2);
      pose.rotation.forEach((angle, axis) => {
        expect(fitted.rotation[axis]).toBeCloseTo(angle, 4);
      });
      expect(largestDistance(removePose(fitted, landmarks, copy()), NEUTRAL)).toBeLessThan(0.01);
    }
  });

  it('rotates as the rotation vector says', () => {
    // A quarter turn about z takes x to y.
    const [a, , , b] = rotationMatrix([0, 0, Math.PI / 2]);
    expect([a, b].map((value) => Math.round(value * 1e6) / 1e6)).toEqual([0, 1]);
    // Orthonormal, however large the angle.
    const r = rotationMatrix([1, -2, 0.5]);
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) {
        const dot = r[3 * i] * r[3 * j] + r[3 * i + 1] * r[3 * j + 1] + r[3 * i + 2] * r[3 * j + 2];
        expect(dot).toBeCloseTo(i === j ? 1 : 0, 10);
      }
    }
  });

  it('is hardly moved by the mouth', () => {
    const open = NEUTRAL.slice();
    for (const lip of [13, 14, 17, 84, 181, 152, 148, 377]) open[3 * lip + 1] += 15;
    const fitted = fitPose(NEUTRAL, open);
    expect(Math.hypot(fitted.x, fitted.y)).toBeLessThan(0.5);
    expect(Math.hypot(...fitted.rotation)).toBeLessThan(0.02);
  });

  it('neutral: the mean over frames, whatever their poses', () => {
    const frames = poses.slice(0, 8).map((pose) => applyPose(pose, NEUTRAL, copy()));
    const neutral = neutralGeometry(frames);
    const centre = [0, 1, 2].map((axis) => {
      let sum = 0;
      for (let i = axis; i < neutral.length; i += 3) sum += neutral[i];
      return sum / 478;
    });
    for (const mean of centre) expect(Math.abs(mean)).toBeLessThan(0.001);
    // In the frame of the first picture, which it differs from by nothing but that pose.
    expect(Math.hypot(...fitPose(neutral, frames[0]).rotation)).toBeLessThan(0.001);
    expect(fitPose(neutral, frames[0]).logScale).toBeCloseTo(0, 3);
    const [x, y] = [poses[0].x, poses[0].y];
    expect(largestDistance(moved(neutral, x, y), frames[0], 2)).toBeLessThan(0.01);
  });
});

describe('motion model', () => {
  const model = new MotionModel(PACK.basis, NEUTRAL);
  const gaze = model.valueCount - 4;
  const zero = new Int16Array(model.valueCount);

  it('makes zeros of the neutral, and the neutral of zeros', () => {
    expect(model.quantise(NEUTRAL, undefined, 4, MAX_VALUE)).toEqual(zero);
    expect(largestDistance(model.reconstruct(zero, 4), NEUTRAL)).toBeLessThan(1e-4);
  });

  it('doubles its steps every 4 indices', () => {
    for (const value of [0, 2, 3, 6, gaze]) {
      expect(model.step(value, 8)).toBeCloseTo(2 * model.step(value, 4), 10);
    }
    expect([0, 1, 2, 3, 5, 6, gaze - 1, gaze].map((value) => model.step(value, 4))).toEqual([
      0.229, 0.229, 0.00229, 0.00286, 0.00286, 4, 4, 0.333,
    ]);
  });

  it('describes what the basis can within its steps', () => {
    const random = seeded(2);
    for (let round = 0; round < 10; round++) {
      const values = zero.map((_, v) =>
        Math.round((random() - 0.5) * (v < 6 ? 60 : v < 12 ? 8 : 2)),
      );
      const truth = model.reconstruct(values, 4);
      const again = model.reconstruct(model.quantise(truth, undefined, 4, MAX_VALUE), 4);
      const all = Array.from({ length: 478 }, (_, p) => p);
      expect(meanDistance(truth, again, all)).toBeLessThan(0.4);
      expect(meanDistance(truth, again, [...LEFT_IRIS, ...RIGHT_IRIS])).toBeLessThan(0.5);
    }
  });

  it('errs less with finer steps', () => {
    // A face that the basis spans: what is left is quantisation alone.
    const rough = model.quantise(faceAt(30), undefined, 0, MAX_VALUE);
    const truth = model.reconstruct(rough, 0);
    const all = Array.from({ length: 478 }, (_, p) => p);
    const [fine, coarse] = [0, 10].map((quantiser) =>
      meanDistance(
        truth,
        model.reconstruct(model.quantise(truth, undefined, quantiser, MAX_VALUE), quantiser),
        all,
      ),
    );
    expect(fine).toBeLessThan(0.15);
    expect(coarse).toBeGreaterThan(2 * fine);
  });

  it('moves each eye by the gaze of both and of its own', () => {
    const values = zero.slice();
    values.set([9, -6, 3, 0], gaze);
    const looked = model.reconstruct(values, 4);
    for (const [irises, x] of [
      [RIGHT_IRIS, 12],
      [LEFT_IRIS, 6],
    ] as const) {
      for (const p of irises) {
        expect(looked[3 * p] - NEUTRAL[3 * p]).toBeCloseTo(x * 0.333, 3);
        expect(looked[3 * p + 1] - NEUTRAL[3 * p + 1]).toBeCloseTo(-6 * 0.333, 3);
      }
    }
    expect(model.quantise(looked, undefined, 4, MAX_VALUE).slice(gaze)).toEqual(values.slice(gaze));
  });

  it('stays with the reference until two thirds of a step away', () => {
    const reference = zero.slice();
    const at = (steps: number) =>
      model.quantise(moved(NEUTRAL, steps * 0.229, 0), reference, 4, MAX_VALUE)[0];
    expect([0.6, 0.7, 1.6, 1.7, -0.6, -0.7].map(at)).toEqual([0, 1, 1, 2, 0, -1]);
    const alone = model.quantise(moved(NEUTRAL, 0.6 * 0.229, 0), undefined, 4, MAX_VALUE);
    expect(alone[0]).toBe(1);
  });

  it('keeps to the limit of the codec', () => {
    const far = model.quantise(moved(NEUTRAL, 1e7, -1e7), undefined, 0, MAX_VALUE);
    expect([far[0], far[1]]).toEqual([MAX_VALUE, -MAX_VALUE]);
  });
});
