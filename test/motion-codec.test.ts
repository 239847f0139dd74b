import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  activityContext,
  type Coding,
  decodeFrame,
  encodeFrame,
  initialState,
  MAX_VALUE,
  type MotionState,
  stateDigest,
} from '../src/protocol/motion-codec.js';
import {
  ACTIVITY_CONTEXTS,
  LENGTH_SYMBOLS,
  type MotionTables,
  parseTables,
  RESIDUAL_SYMBOLS,
  serialiseTables,
  tableFromCounts,
} from '../src/protocol/motion-tables.js';
import { RangeDecoder, RangeEncoder } from '../src/protocol/range-coder.js';
import { DROP_CODES, hostileBytes } from './hostile.js';
import { WARP_TABLES } from './support/motion-stream.js';

/** Tables of a few values, each context another one. */
function smallTables(valueCount: number): MotionTables {
  const counts = (symbols: number, shift: number) =>
    tableFromCounts(Array.from({ length: symbols }, (_, s) => ((s * 7 + shift) % 11) ** 2));
  return {
    valueCount,
    residual: Array.from({ length: valueCount }, (_, v) =>
      Array.from({ length: ACTIVITY_CONTEXTS }, (_, c) => counts(RESIDUAL_SYMBOLS, v + 3 * c)),
    ),
    length: Array.from({ length: valueCount }, (_, v) => counts(LENGTH_SYMBOLS, v)),
  };
}
const TABLES = smallTables(5);

const value = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -10, max: 10 }) },
  { weight: 1, arbitrary: fc.integer({ min: -MAX_VALUE, max: MAX_VALUE }) },
  { weight: 1, arbitrary: fc.constantFrom(-MAX_VALUE, MAX_VALUE, 8, -8, 9, -9, 0) },
);
const frame = fc.record({
  independent: fc.boolean(),
  values: fc.option(
    fc.array(value, { minLength: 5, maxLength: 5 }).map((list) => Int16Array.from(list)),
    { nil: undefined },
  ),
});

function codeAll(
  frames: readonly { independent: boolean; values: Int16Array | undefined }[],
  tables = TABLES,
) {
  const encoder = new RangeEncoder();
  let state = initialState(tables.valueCount, 7);
  const states = frames.map(({ independent, values }) => {
    const base = independent ? initialState(tables.valueCount, 7) : state;
    state = encodeFrame(encoder, tables, independent ? 'independent' : 'predicted', base, values);
    return state;
  });
  return { states, body: encoder.finish() };
}

describe('motion codec', () => {
  it('decodes the states that the encoder had, and those are the values', () => {
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 12 }), (frames) => {
        const { states, body } = codeAll(frames);
        const decoder = new RangeDecoder(body);
        let state = initialState(5, 7);
        frames.forEach(({ independent, values }, index) => {
          const base = independent ? initialState(5, 7) : state;
          const coding: Coding = independent ? 'independent' : 'predicted';
          state = decodeFrame(decoder, TABLES, coding, base);
          expect(state).toEqual(states[index]);
          expect(state.facePresent).toBe(values !== undefined);
          expect([...state.values]).toEqual([...(values ?? base.values)]);
          expect(state.activity >= 0 && state.activity <= 0xffff).toBe(true);
        });
        expect(decoder.invalid).toBe(false);
      }),
      { numRuns: 1000, seed: 3 },
    );
  });

  it('carries every residual from end to end of the range', () => {
    const low = new Int16Array(5).fill(-MAX_VALUE);
    const high = new Int16Array(5).fill(MAX_VALUE);
    const frames = [low, high, low].map((values) => ({ independent: false, values }));
    const { states, body } = codeAll(frames);
    const decoder = new RangeDecoder(body);
    let state = initialState(5, 7);
    for (const expected of states) {
      state = decodeFrame(decoder, TABLES, 'predicted', state);
      expect(state).toEqual(expected);
    }
  });

  it('decodes frames whose body ends in many zeros', () => {
    // The lowest residual's symbol starts at zero, so a body of it ends with its first bit, and the
    // decoder must not take that for a cut packet.
    const values = new Int16Array(WARP_TABLES.valueCount).fill(-8);
    const frames = [{ independent: false, values }];
    const { states, body } = codeAll(frames, WARP_TABLES);
    expect(body).toEqual(Uint8Array.of(0x7f, 0xff, 0xff, 0xff));
    const decoder = new RangeDecoder(body);
    let state = initialState(WARP_TABLES.valueCount, 7);
    for (const expected of states) {
      state = decodeFrame(decoder, WARP_TABLES, 'predicted', state);
      expect(state).toEqual(expected);
    }
    expect(decoder.invalid).toBe(false);
  });

  it('keeps decoded values in range whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (body, independent) => {
        const decoder = new RangeDecoder(body);
        let state = initialState(5, 0);
        for (let index = 0; index < 4; index++) {
          const coding: Coding = independent && index === 0 ? 'independent' : 'predicted';
          state = decodeFrame(decoder, TABLES, coding, state);
          expect(state.values.every((v) => Math.abs(v) <= MAX_VALUE)).toBe(true);
        }
      }),
      { numRuns: 2000, seed: 4 },
    );
  });

  it('remembers the size of residuals, each counted up to 6, in rounded sixteenths', () => {
    const activities = (frames: number[][]) =>
      codeAll(
        frames.map((list) => ({ independent: false, values: Int16Array.from(list) })),
      ).states.map((state) => state.activity);
    // 8 · 11, then (5 · 88 + 8) / 16 = 28 exactly.
    const still = [2, -2, 2, -2, 0];
    expect(activities([still, still])).toEqual([88, 28]);
    expect(activities([[1000, 0, 0, 0, 0]])).toEqual([66]);
    const { states } = codeAll([{ independent: true, values: Int16Array.from(still) }]);
    expect(states[0].activity).toBe(0);
  });

  it('chooses contexts by thresholds on the mean residual', () => {
    const n = 58;
    const contexts = [0, 2, 4, 6, 8, 12].map((t) => activityContext(t * n, n));
    expect(contexts).toEqual([0, 1, 2, 3, 4, 5]);
    expect([2, 4, 6, 8, 12].map((t) => activityContext(t * n - 1, n))).toEqual([0, 1, 2, 3, 4]);
  });
});

describe('state digest', () => {
  const state: MotionState = {
    values: Int16Array.of(1, -2, 300, -32767, 0),
    quantiser: 4,
    activity: 1234,
    facePresent: true,
  };

  it('is FNV-1a over the bytes of the state', () => {
    expect(stateDigest({ ...state, values: new Int16Array(0), activity: 0 })).toBe(0xb28c09de);
  });

  it('differs in its low byte for each state that differs by one bit', () => {
    const low = (s: MotionState) => stateDigest(s) & 0xff;
    for (let index = 0; index < 5; index++) {
      for (let bit = 0; bit < 16; bit++) {
        const values = state.values.slice();
        values[index] ^= 1 << bit;
        expect(low({ ...state, values })).not.toBe(low(state));
      }
    }
    expect(low({ ...state, facePresent: false })).not.toBe(low(state));
    expect(low({ ...state, quantiser: 5 })).not.toBe(low(state));
    expect(low({ ...state, activity: 1235 })).not.toBe(low(state));
  });
});

describe('entropy tables', () => {
  it('read back as they were written', () => {
    expect(parseTables(serialiseTables(TABLES))).toEqual({ ok: true, value: TABLES });
  });

  it('give every symbol a share, whatever the counts', () => {
    for (const counts of [
      [0, 0, 0],
      [1e9, 0, 0],
      [1, 2, 3, 1e-9],
    ]) {
      const table = tableFromCounts(counts);
      expect(table.at(-1)).toBe(32768);
      for (let s = 0; s < counts.length; s++) expect(table[s + 1]).toBeGreaterThan(table[s]);
    }
  });

  it.each([
    ['another format', (bytes: Uint8Array) => bytes.fill(3, 0, 1), 'malformed'],
    ['no values', (bytes: Uint8Array) => bytes.fill(0, 1, 2), 'malformed'],
    ['too many', (bytes: Uint8Array) => bytes.fill(129, 1, 2), 'malformed'],
    ['too many of the long format', () => Uint8Array.of(2, 2, 1), 'malformed'],
    ['few of the long format', () => Uint8Array.of(2, 0, 128), 'malformed'],
    ['a symbol without a share', (bytes: Uint8Array) => bytes.fill(0, 2, 4), 'malformed'],
    ['a missing byte', (bytes: Uint8Array) => bytes.slice(0, -1), 'truncated'],
    ['a byte too many', (bytes: Uint8Array) => Uint8Array.of(...bytes, 0), 'malformed'],
    ['nothing', () => new Uint8Array(0), 'truncated'],
  ])('with %s are refused', (_name, change, drop) => {
    expect(parseTables(change(serialiseTables(TABLES)))).toEqual({ ok: false, drop });
  });

  it('from anywhere are read or refused', () => {
    fc.assert(
      fc.property(hostileBytes([serialiseTables(TABLES)]), (bytes) => {
        const parsed = parseTables(bytes);
        if (parsed.ok) expect(Buffer.compare(serialiseTables(parsed.value), bytes)).toBe(0);
        else expect(DROP_CODES).toContain(parsed.drop);
      }),
      { numRuns: 2000, seed: 5 },
    );
  });
});
