import { describe, expect, it } from 'vitest';
import { CANONICAL_FACE } from '../src/geometry/canonical-face.js';
import { POINT_COUNT } from '../src/geometry/landmarks.js';
import {
  type MotionVector,
  VectorModel,
  vectorOf,
  withVector,
} from '../src/geometry/motion-vector.js';
import { parseVector } from '../src/models/vector-data.js';
import { encodeFrame, initialState, MAX_VALUE } from '../src/protocol/motion-codec.js';
import {
  ACTIVITY_CONTEXTS,
  LENGTH_SYMBOLS,
  parseTables,
  RESIDUAL_SYMBOLS,
  serialiseTables,
  tableFromCounts,
} from '../src/protocol/motion-tables.js';
import { RangeEncoder } from '../src/protocol/range-coder.js';
import { conceal } from '../src/receiver/concealment.js';

const VECTOR: MotionVector = {
  side: 128,
  poseValues: 2,
  rest: Float32Array.of(0, 0.5, 1),
  steps: Float32Array.of(0.25, 0.5, 1),
};
const NEUTRAL = Float32Array.from(CANONICAL_FACE);
const model = new VectorModel(VECTOR, NEUTRAL);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const unhex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));
/** `VECTOR` as spec/bitstream.md has it. */
const BYTES =
  '56565631' +
  '0080' +
  '0002' +
  '0003' +
  '000000003e800000' +
  '3f0000003f000000' +
  '3f8000003f800000';

const tablesOf = (valueCount: number) => ({
  valueCount,
  residual: Array.from({ length: valueCount }, () =>
    Array.from({ length: ACTIVITY_CONTEXTS }, () =>
      tableFromCounts(new Array(RESIDUAL_SYMBOLS).fill(1)),
    ),
  ),
  length: Array.from({ length: valueCount }, () =>
    tableFromCounts(new Array(LENGTH_SYMBOLS).fill(1)),
  ),
});

describe('a motion vector', () => {
  it('is read from exact bytes, and from nothing else', () => {
    expect(parseVector(unhex(BYTES))).toEqual(VECTOR);
    for (const [what, bytes] of Object.entries({
      'another magic': `57${BYTES.slice(2)}`,
      'a byte too many': `${BYTES}00`,
      'a byte less': BYTES.slice(0, -2),
      'no pixels': `${BYTES.slice(0, 8)}0000${BYTES.slice(12)}`,
      'more poses than values': `${BYTES.slice(0, 12)}0004${BYTES.slice(16)}`,
      'no values': `${BYTES.slice(0, 16)}0000`,
      'a step of 0': `${BYTES.slice(0, -8)}00000000`,
      'a rest that is no number': `${BYTES.slice(0, 20)}7fc00000${BYTES.slice(28)}`,
    })) {
      expect(parseVector(unhex(bytes)), what).toBeUndefined();
    }
  });

  it('becomes integers and comes back within half a step, behind the neutral points', () => {
    const geometry = withVector(NEUTRAL, [1.1, -0.6, 3.4]);
    const values = model.quantise(geometry, undefined, 4, MAX_VALUE);
    expect([...values]).toEqual([4, -2, 2]);
    const back = model.reconstruct(values, 4);
    expect(back.subarray(0, 3 * POINT_COUNT)).toEqual(NEUTRAL);
    expect([...vectorOf(back, 3)!]).toEqual([1, -0.5, 3]);
    // Twice the step, and without a vector the rest.
    expect([...model.quantise(geometry, undefined, 8, MAX_VALUE)]).toEqual([2, -1, 1]);
    expect([...model.quantise(NEUTRAL, undefined, 4, MAX_VALUE)]).toEqual([0, 0, 0]);
    expect(vectorOf(NEUTRAL, 3)).toBeUndefined();
  });

  it('stays near the frame before, and within the limit', () => {
    const near = withVector(NEUTRAL, [0.25 * 4.6, 0.5, 1]);
    expect(model.quantise(near, Int16Array.of(4, 0, 0), 4, MAX_VALUE)[0]).toBe(4);
    expect(model.quantise(near, undefined, 4, MAX_VALUE)[0]).toBe(5);
    expect(model.quantise(withVector(NEUTRAL, [1e9, 0, 0]), undefined, 4, 7)[0]).toBe(7);
  });

  it('is coded to exact bytes', () => {
    const encoder = new RangeEncoder();
    const values = Int16Array.of(4, -2, 2);
    encodeFrame(encoder, tablesOf(3), 'independent', initialState(3, 4), values);
    expect(hex(encoder.finish())).toBe('982870');
  });

  it('keeps its pose and comes to rest where frames stay out', () => {
    const state = { ...initialState(3, 4), values: Int16Array.of(40, 40, 40) };
    const { values } = conceal(
      20,
      { last: { sequence: 0, state }, previous: undefined },
      model.ranges,
    );
    expect([...values!.subarray(0, 2)]).toEqual([40, 40]);
    expect(values![2]).toBeLessThan(10);
  });
});

describe('tables of more than 128 values', () => {
  it('have a format of their own', () => {
    for (const [count, head] of [
      [128, '0180'],
      [129, '020081'],
      [276, '020114'],
    ] as const) {
      const bytes = serialiseTables(tablesOf(count));
      expect(hex(bytes.subarray(0, head.length / 2))).toBe(head);
      expect(parseTables(bytes)).toEqual({ ok: true, value: tablesOf(count) });
    }
  });
});
