import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { ByteReader, ByteWriter } from './bytes.js';
import type { Parsed } from './errors.js';
import { float16Bits, float16Value } from './float16.js';
import { MAX_PERSONAL_BYTES } from './limits.js';
import { tableFromCounts } from './motion-tables.js';
import { type CumulativeTable, FREQUENCY_BITS, RangeDecoder, RangeEncoder } from './range-coder.js';

/** What one weight tensor of a personal network differs in from the base's. */
export interface WeightDifference {
  /** What a difference of 1 adds: a number of binary16, 0 where the tensor is the base's own. */
  readonly step: number;
  /** −`MAX_DIFFERENCE`–`MAX_DIFFERENCE`, one for each weight; none where the step is 0. */
  readonly values: Int8Array;
}

/** What a personal pack differs in from its base (spec/bitstream.md, "Personal pack"). */
export interface PersonalDifferences {
  /** SHA-256 of the base's manifest: 64 lower-case hexadecimal digits. */
  readonly base: string;
  /** SHA-256 of the network with the differences added. */
  readonly network: string;
  readonly tensors: readonly WeightDifference[];
}

/** Seven standard deviations at the finest step that is written: hardly any weight is cut off. */
export const MAX_DIFFERENCE = 31;
const SYMBOLS = 2 * MAX_DIFFERENCE + 1;
const MAGIC = 'VVP1';
const HASH_BYTES = 32;

/** The bytes of differences, of any length; steps are rounded to binary16. */
export function serialisePersonal({ base, network, tensors }: PersonalDifferences): Uint8Array {
  const counts = new Float64Array(SYMBOLS);
  for (const { values } of tensors) for (const value of values) counts[value + MAX_DIFFERENCE] += 1;
  const table = tableFromCounts(counts);
  const writer = new ByteWriter(MAX_PERSONAL_BYTES);
  for (const character of MAGIC) writer.u8(character.charCodeAt(0));
  writer.bytes(hexToBytes(base)).bytes(hexToBytes(network));
  for (let symbol = 1; symbol < SYMBOLS; symbol++) writer.u16(table[symbol]);
  for (const { step } of tensors) writer.u16(float16Bits(step));
  const encoder = new RangeEncoder();
  for (const { values } of tensors)
    for (const value of values) encoder.symbol(table, value + MAX_DIFFERENCE);
  return writer.bytes(encoder.finish()).finish();
}

/**
 * Reads untrusted differences for a network whose tensors have so many weights. What the hashes stand
 * for is the caller's to check: a body that was cut short gives other differences, not a drop.
 */
export function parsePersonal(
  bytes: Uint8Array,
  weightCounts: readonly number[],
): Parsed<PersonalDifferences> {
  if (bytes.length > MAX_PERSONAL_BYTES) return { ok: false, drop: 'over-limit' };
  const reader = new ByteReader(bytes);
  const magic = String.fromCharCode(...reader.bytes(MAGIC.length));
  if (magic !== MAGIC) reader.fail('malformed');
  const base = bytesToHex(reader.bytes(HASH_BYTES));
  const network = bytesToHex(reader.bytes(HASH_BYTES));
  const table = readTable(reader);
  const steps = weightCounts.map(() => {
    const half = reader.u16();
    // Not below zero, and finite.
    if (half >= 0x7c00) reader.fail('malformed');
    return float16Value(half);
  });
  if (reader.drop !== undefined) return { ok: false, drop: reader.drop };
  const decoder = new RangeDecoder(reader.bytes(reader.remaining));
  const tensors = weightCounts.map((count, t) => {
    const values = new Int8Array(steps[t] === 0 ? 0 : count);
    for (let i = 0; i < values.length; i++) values[i] = decoder.symbol(table) - MAX_DIFFERENCE;
    return { step: steps[t], values };
  });
  if (decoder.invalid) return { ok: false, drop: 'malformed' };
  return { ok: true, value: { base, network, tensors } };
}

function readTable(reader: ByteReader): CumulativeTable {
  const table = new Uint16Array(SYMBOLS + 1);
  for (let symbol = 1; symbol < SYMBOLS; symbol++) table[symbol] = reader.u16();
  table[SYMBOLS] = 1 << FREQUENCY_BITS;
  for (let symbol = 0; symbol < SYMBOLS; symbol++)
    if (table[symbol] >= table[symbol + 1]) reader.fail('malformed');
  return table;
}
