import type { DropCode } from './errors.js';

/** Longest unsigned LEB128 varint: 5 × 7 bits hold the 32 that the protocol uses. */
const MAX_VARINT_BYTES = 5;

const EMPTY = new Uint8Array(0);

/** Appends fields to a buffer that grows. All fixed-width integers are big-endian. */
export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 64) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  #reserve(count: number): number {
    const start = this.#length;
    const needed = start + count;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, start));
      this.#bytes = grown;
    }
    this.#length = needed;
    return start;
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2);
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#bytes[at] = value >>> 24;
    this.#bytes[at + 1] = value >>> 16;
    this.#bytes[at + 2] = value >>> 8;
    this.#bytes[at + 3] = value;
    return this;
  }

  /** Unsigned LEB128 of an integer 0–2³²−1: 1–5 bytes, the shortest form. */
  varint(value: number): this {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    return this.u8(rest);
  }

  /** Zigzag (0, −1, 1, −2, …) varint of an integer −2³¹ – 2³¹−1. */
  signedVarint(value: number): this {
    return this.varint((value << 1) ^ (value >> 31));
  }

  bytes(value: Uint8Array): this {
    const at = this.#reserve(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** A copy of what has been written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

/**
 * Reads fields from untrusted bytes. It never throws: the first thing that goes wrong is kept in
 * `drop`, and from then on every read gives zero or nothing, so a parser checks `drop` once at the
 * end (and before a loop whose count it has read).
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #offset = 0;
  #drop: DropCode | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Why reading failed, or undefined while all is well. The first reason stays. */
  get drop(): DropCode | undefined {
    return this.#drop;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes not yet read; 0 after a failure. */
  get remaining(): number {
    return this.#drop === undefined ? this.#bytes.length - this.#offset : 0;
  }

  /** Marks what has been read as unusable: for the checks of the caller. */
  fail(drop: DropCode): void {
    this.#drop ??= drop;
  }

  /** Whether `count` more bytes are there; fails with `truncated` where not. */
  #take(count: number): boolean {
    if (this.#drop !== undefined) return false;
    if (count > this.#bytes.length - this.#offset) {
      this.#drop = 'truncated';
      return false;
    }
    this.#offset += count;
    return true;
  }

  u8(): number {
    return this.#take(1) ? this.#bytes[this.#offset - 1] : 0;
  }

  u16(): number {
    if (!this.#take(2)) return 0;
    const at = this.#offset - 2;
    return (this.#bytes[at] << 8) | this.#bytes[at + 1];
  }

  u32(): number {
    const high = this.u16();
    return high * 0x10000 + this.u16();
  }

  /** Unsigned LEB128, 0–2³²−1. Longer than needed or beyond 32 bits is `malformed`. */
  varint(): number {
    let value = 0;
    for (let index = 0; index < MAX_VARINT_BYTES; index++) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) {
        if ((byte === 0 && index > 0) || value > 0xffffffff) this.fail('malformed');
        return this.#drop === undefined ? value : 0;
      }
    }
    this.fail('malformed');
    return 0;
  }

  /** Zigzag varint, −2³¹ – 2³¹−1. */
  signedVarint(): number {
    const value = this.varint();
    return (value >>> 1) ^ -(value & 1);
  }

  /** The next `count` bytes, as a view of the message (not a copy); empty after a failure. */
  bytes(count: number): Uint8Array {
    return this.#take(count) ? this.#bytes.subarray(this.#offset - count, this.#offset) : EMPTY;
  }
}
