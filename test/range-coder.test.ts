import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tableFromCounts } from '../src/protocol/motion-tables.js';
import { type CumulativeTable, RangeDecoder, RangeEncoder } from '../src/protocol/range-coder.js';

/** A symbol of a table, or bits of their own. */
type Token =
  | { readonly table: CumulativeTable; readonly symbol: number }
  | { readonly count: number; readonly value: number };

const table = fc
  .array(fc.oneof(fc.nat(3), fc.nat(1_000_000)), { minLength: 2, maxLength: 40 })
  .map(tableFromCounts);
const token: fc.Arbitrary<Token> = fc.oneof(
  table.chain((cumulative) =>
    fc.nat(cumulative.length - 2).map((symbol) => ({ table: cumulative, symbol })),
  ),
  fc
    .integer({ min: 0, max: 15 })
    .chain((count) => fc.nat(2 ** count - 1).map((value) => ({ count, value }))),
);

function encode(tokens: readonly Token[]): Uint8Array {
  const encoder = new RangeEncoder();
  for (const item of tokens) {
    if ('table' in item) encoder.symbol(item.table, item.symbol);
    else encoder.bits(item.value, item.count);
  }
  return encoder.finish();
}

function expectDecodes(bytes: Uint8Array, tokens: readonly Token[]): void {
  const decoder = new RangeDecoder(bytes);
  const decoded = tokens.map((item) =>
    'table' in item
      ? { ...item, symbol: decoder.symbol(item.table) }
      : { ...item, value: decoder.bits(item.count) },
  );
  expect(decoder.invalid).toBe(false);
  expect(decoded).toEqual(tokens);
}

/** Two symbols, the first one as likely as can be. */
const SKEWED = Uint16Array.of(0, 32767, 32768);

describe('range coder', () => {
  it('decodes what it encoded, without trailing zeros', () => {
    fc.assert(
      fc.property(fc.array(token, { maxLength: 120 }), (tokens) => {
        const bytes = encode(tokens);
        expect(bytes.at(-1)).not.toBe(0);
        expectDecodes(bytes, tokens);
        // A body ends with its message, but zeros behind it change nothing.
        expectDecodes(Uint8Array.of(...bytes, 0, 0, 0, 0, 0), tokens);
      }),
      { numRuns: 1500, seed: 1 },
    );
  });

  it('writes nothing for the smallest code, however long', () => {
    const zeros = Array.from({ length: 400 }, () => ({ count: 15, value: 0 }));
    expect(encode([])).toEqual(new Uint8Array(0));
    expect(encode(zeros)).toEqual(new Uint8Array(0));
    expectDecodes(new Uint8Array(0), zeros);
    expectDecodes(encode([{ count: 1, value: 1 }, ...zeros]), [{ count: 1, value: 1 }, ...zeros]);
  });

  it('carries through a row of 0xff', () => {
    // The low end stays just below a carry for as long as the largest value is coded …
    const ones = Array.from({ length: 200 }, () => ({ count: 8, value: 255 }));
    for (const last of [0, 1, 128, 255]) {
      const tokens = [...ones, { count: 8, value: last }, { table: SKEWED, symbol: 1 }];
      expectDecodes(encode(tokens), tokens);
    }
    // … and the range left over by 2^-15 divisions makes one happen now and then.
    const rare = Array.from({ length: 3000 }, () => ({ table: SKEWED, symbol: 1 }));
    expectDecodes(encode(rare), rare);
  });

  it('costs what the probabilities say', () => {
    const likely = Array.from({ length: 10_000 }, () => ({ table: SKEWED, symbol: 0 }));
    expect(encode(likely).length).toBeLessThanOrEqual(2);
    const fair = Array.from({ length: 1000 }, (_, index) => ({ count: 8, value: index & 255 }));
    expect(encode(fair).length).toBe(1000);
  });

  it('says that bytes come from no encoder', () => {
    const decoder = new RangeDecoder(Uint8Array.of(255, 255, 255, 255, 255, 255));
    expect(decoder.bits(15)).toBe(0);
    expect(decoder.invalid).toBe(true);
  });

  it('reads any bytes, as far as it is asked to', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 30 }),
        fc.array(token, { maxLength: 60 }),
        (bytes, tokens) => {
          const decoder = new RangeDecoder(bytes);
          for (const item of tokens) {
            if ('table' in item) {
              const symbol = decoder.symbol(item.table);
              expect(symbol >= 0 && symbol < item.table.length - 1).toBe(true);
            } else {
              const value = decoder.bits(item.count);
              expect(value >= 0 && value < 2 ** item.count).toBe(true);
            }
          }
        },
      ),
      { numRuns: 2000, seed: 2 },
    );
  });
});
