import { ByteReader, ByteWriter } from './bytes.js';
import type { Parsed } from './errors.js';
import { type CumulativeTable, FREQUENCY_BITS } from './range-coder.js';

/** Residuals −8…8 have a symbol each; the 18th escapes to anything larger. */
export const RESIDUAL_LIMIT = 8;
/** Symbols of a predicted frame's residual table. */
export const RESIDUAL_SYMBOLS = 2 * RESIDUAL_LIMIT + 2;
/** Symbols of an independent frame's table: bit lengths 0–15 of the value's magnitude. */
export const LENGTH_SYMBOLS = 16;
/** How many activity contexts a predicted frame's tables have. */
export const ACTIVITY_CONTEXTS = 6;
/** Values a motion frame may have at most. */
export const MAX_MOTION_VALUES = 512;

const FORMAT = 1;
/** More values than these are in tables of a format of their own. */
const MAX_VALUES = 128;
const LONG_FORMAT = 2;

/** The static entropy tables of a pack: trained, never adapted, so that a loss breaks nothing. */
export interface MotionTables {
  /** Integers in a motion frame. */
  readonly valueCount: number;
  /** `[value][activity context]`: residuals of predicted frames. */
  readonly residual: readonly (readonly CumulativeTable[])[];
  /** `[value]`: bit lengths in independent frames. */
  readonly length: readonly CumulativeTable[];
}

/** Cumulative table from counts: every symbol keeps a frequency of at least 1 of 2^15. */
export function tableFromCounts(counts: ArrayLike<number>): CumulativeTable {
  const total = 1 << FREQUENCY_BITS;
  const symbols = counts.length;
  let sum = 0;
  for (let s = 0; s < symbols; s++) sum += counts[s];
  const frequencies = Array.from(
    { length: symbols },
    (_, s) => 1 + Math.floor(sum > 0 ? (counts[s] / sum) * (total - symbols) : 0),
  );
  const largest = frequencies.indexOf(Math.max(...frequencies));
  frequencies[largest] += total - frequencies.reduce((a, b) => a + b, 0);
  const table = new Uint16Array(symbols + 1);
  for (let s = 0; s < symbols; s++) table[s + 1] = table[s] + frequencies[s];
  return table;
}

/** The pack file `tables.bin` (spec/bitstream.md, "Entropy tables"). */
export function serialiseTables(tables: MotionTables): Uint8Array {
  const writer = new ByteWriter(tables.valueCount * 256);
  const { valueCount } = tables;
  if (valueCount <= MAX_VALUES) writer.u8(FORMAT).u8(valueCount);
  else writer.u8(LONG_FORMAT).u16(valueCount);
  const write = (table: CumulativeTable) => {
    for (let s = 1; s < table.length - 1; s++) writer.u16(table[s]);
  };
  for (const contexts of tables.residual) contexts.forEach(write);
  tables.length.forEach(write);
  return writer.finish();
}

/** Reads `tables.bin`; a table that is not strictly increasing is `malformed`. */
export function parseTables(bytes: Uint8Array): Parsed<MotionTables> {
  const reader = new ByteReader(bytes);
  const format = reader.u8();
  const isLong = format === LONG_FORMAT;
  const valueCount = isLong ? reader.u16() : reader.u8();
  const [least, most] = isLong ? [MAX_VALUES + 1, MAX_MOTION_VALUES] : [1, MAX_VALUES];
  if (format !== FORMAT && !isLong) reader.fail('malformed');
  if (valueCount < least || valueCount > most) reader.fail('malformed');
  const read = (symbols: number): CumulativeTable => {
    const table = new Uint16Array(symbols + 1);
    for (let s = 1; s < symbols; s++) table[s] = reader.u16();
    table[symbols] = 1 << FREQUENCY_BITS;
    for (let s = 0; s < symbols; s++) if (table[s] >= table[s + 1]) reader.fail('malformed');
    return table;
  };
  const residual: CumulativeTable[][] = [];
  const length: CumulativeTable[] = [];
  for (let v = 0; v < valueCount && reader.drop === undefined; v++) {
    residual.push(Array.from({ length: ACTIVITY_CONTEXTS }, () => read(RESIDUAL_SYMBOLS)));
  }
  for (let v = 0; v < valueCount && reader.drop === undefined; v++)
    length.push(read(LENGTH_SYMBOLS));
  if (reader.remaining > 0) reader.fail('malformed');
  if (reader.drop !== undefined) return { ok: false, drop: reader.drop };
  return { ok: true, value: { valueCount, residual, length } };
}
