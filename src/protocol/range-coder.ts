/**
 * A carry-propagating range coder (Martin 1979; carry handling as in LZMA's): 32-bit range,
 * multi-symbol static frequencies with a total of 2^15, and uniform bits for escapes.
 *
 * The encoder ends with the fewest bytes that decode correctly when the decoder reads zeros past
 * the end, so a packet needs no length of its own: trailing zero bytes are never written.
 */

/** Bits of the frequency total: every table's frequencies add up to `2 ** FREQUENCY_BITS`. */
export const FREQUENCY_BITS = 15;
const TOTAL = 1 << FREQUENCY_BITS;
const TOP = 2 ** 24;
const RANGE_START = 2 ** 32 - 1;

/** Cumulative frequencies: `cumulative[s]` up to `cumulative[s + 1]` is symbol `s`; the last is 2^15. */
export type CumulativeTable = Uint16Array;

export class RangeEncoder {
  #low = 0;
  #range = RANGE_START;
  #cache = 0;
  #pending = 0;
  #started = false;
  readonly #bytes: number[] = [];

  #shiftLow(): void {
    const carry = this.#low >= 2 ** 32 ? 1 : 0;
    if (this.#low < 0xff000000 || carry === 1) {
      if (this.#started) this.#bytes.push((this.#cache + carry) & 0xff);
      for (; this.#pending > 0; this.#pending--) this.#bytes.push((0xff + carry) & 0xff);
      this.#started = true;
      this.#cache = Math.floor(this.#low / TOP) & 0xff;
    } else {
      this.#pending++;
    }
    this.#low = (this.#low % TOP) * 256;
  }

  #encode(start: number, size: number, bits: number): void {
    const unit = Math.floor(this.#range / 2 ** bits);
    this.#low += unit * start;
    this.#range = unit * size;
    while (this.#range < TOP) {
      this.#shiftLow();
      this.#range *= 256;
    }
  }

  /** Bytes that `finish` would give now, at most. */
  get length(): number {
    return this.#bytes.length + this.#pending + 5;
  }

  /** Codes one symbol of a table. */
  symbol(table: CumulativeTable, symbol: number): void {
    this.#encode(table[symbol], table[symbol + 1] - table[symbol], FREQUENCY_BITS);
  }

  /** Codes `count` (0–15) equiprobable bits. */
  bits(value: number, count: number): void {
    if (count > 0) this.#encode(value, 1, count);
  }

  /** The coded bytes. The encoder must not be used afterwards. */
  finish(): Uint8Array {
    // Any value in [low, low + range) decodes alike: take the one with the most trailing zeros.
    for (let zeros = 32; zeros >= 0; zeros--) {
      const step = 2 ** zeros;
      const value = Math.ceil(this.#low / step) * step;
      if (value < this.#low + this.#range) {
        this.#low = value;
        break;
      }
    }
    for (let index = 0; index < 5; index++) this.#shiftLow();
    let length = this.#bytes.length;
    while (length > 0 && this.#bytes[length - 1] === 0) length--;
    return Uint8Array.from(this.#bytes.slice(0, length));
  }
}

export class RangeDecoder {
  readonly #bytes: Uint8Array;
  #offset = 0;
  #code = 0;
  #invalid = false;
  #range = RANGE_START;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    for (let index = 0; index < 4; index++) this.#code = this.#code * 256 + this.#next();
  }

  #next(): number {
    const byte = this.#offset < this.#bytes.length ? this.#bytes[this.#offset] : 0;
    this.#offset++;
    return byte;
  }

  #consume(start: number, size: number, unit: number): void {
    this.#code -= unit * start;
    this.#range = unit * size;
    while (this.#range < TOP) {
      this.#code = this.#code * 256 + this.#next();
      this.#range *= 256;
    }
  }

  /** Whether the bytes cannot come from an encoder: the code lay outside of every symbol. */
  get invalid(): boolean {
    return this.#invalid;
  }

  /** The slot of `slots` that the code points to. */
  #slot(unit: number, slots: number): number {
    const slot = Math.floor(this.#code / unit);
    if (slot < slots) return slot;
    this.#invalid = true;
    this.#code = 0;
    return 0;
  }

  /** The next symbol of a table. */
  symbol(table: CumulativeTable): number {
    const unit = Math.floor(this.#range / TOTAL);
    const target = this.#slot(unit, TOTAL);
    let low = 0;
    let high = table.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (table[middle] <= target) low = middle;
      else high = middle;
    }
    this.#consume(table[low], table[low + 1] - table[low], unit);
    return low;
  }

  /** The next `count` (0–15) equiprobable bits. */
  bits(count: number): number {
    if (count === 0) return 0;
    const unit = Math.floor(this.#range / 2 ** count);
    const value = this.#slot(unit, 2 ** count);
    this.#consume(value, 1, unit);
    return value;
  }
}
