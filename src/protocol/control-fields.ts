import { bytesToHex } from '@noble/hashes/utils.js';
import type { DropCode } from './errors.js';
import { MAX_LIST_ENTRIES, MAX_NAME_BYTES, MAX_SUMMARY_ENTRIES, MAX_TEXT_BYTES } from './limits.js';
import { isOneLine, utf8Length } from './text.js';

const SHA256_BYTES = 32;

/**
 * Reads the fields of an unpacked map one by one. Like `ByteReader` it keeps the first failure in
 * `drop` and gives zeros after it. Unknown keys are not looked at. A missing key, another type or a
 * value below the range is `malformed`; a value or a length above it is `over-limit`.
 */
export class FieldReader {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #status: { drop: DropCode | undefined };

  constructor(
    fields: Readonly<Record<string, unknown>>,
    status: { drop: DropCode | undefined } = { drop: undefined },
  ) {
    this.#fields = fields;
    this.#status = status;
  }

  /** Why a field could not be read, or undefined while all is well. */
  get drop(): DropCode | undefined {
    return this.#status.drop;
  }

  fail(drop: DropCode): void {
    this.#status.drop ??= drop;
  }

  #get(key: string): unknown {
    return Object.hasOwn(this.#fields, key) ? this.#fields[key] : undefined;
  }

  /** Whether the key is there, for those that may be missing. */
  has(key: string): boolean {
    return Object.hasOwn(this.#fields, key);
  }

  /** A finite number `min`–`max`. */
  number(key: string, min: number, max: number): number {
    return this.#number(this.#get(key), min, max);
  }

  #number(value: unknown, min: number, max: number): number {
    if (typeof value !== 'number' || !Number.isFinite(value) || value < min) this.fail('malformed');
    else if (value > max) this.fail('over-limit');
    else return value;
    return 0;
  }

  /** A whole number `min`–`max`. */
  integer(key: string, min: number, max: number): number {
    const value = this.number(key, min, max);
    if (!Number.isInteger(value)) this.fail('malformed');
    return value;
  }

  /** Text of one line, at most `MAX_TEXT_BYTES`; may be empty. */
  text(key: string): string {
    return this.#text(this.#get(key), MAX_TEXT_BYTES);
  }

  /** A name of 1–`MAX_NAME_BYTES` on one line. */
  name(key: string): string {
    return this.#name(this.#get(key));
  }

  #name(value: unknown): string {
    if (value === '') this.fail('malformed');
    return this.#text(value, MAX_NAME_BYTES);
  }

  #text(value: unknown, maxBytes: number): string {
    if (typeof value !== 'string') this.fail('malformed');
    else if (utf8Length(value) > maxBytes) this.fail('over-limit');
    else if (!isOneLine(value)) this.fail('malformed');
    else return value;
    return '';
  }

  /** A list of at most `MAX_LIST_ENTRIES` names. */
  names(key: string): string[] {
    const value = this.#get(key);
    if (!Array.isArray(value)) this.fail('malformed');
    else if (value.length > MAX_LIST_ENTRIES) this.fail('over-limit');
    else return value.map((entry) => this.#name(entry));
    return [];
  }

  /** Binary of at most `maxBytes`, copied. */
  bytes(key: string, maxBytes: number): Uint8Array {
    const value = this.#get(key);
    if (!(value instanceof Uint8Array)) this.fail('malformed');
    else if (value.length > maxBytes) this.fail('over-limit');
    else return Uint8Array.from(value);
    return new Uint8Array(0);
  }

  /** 32 bytes of binary, as 64 lower-case hexadecimal digits. */
  sha256(key: string): string {
    const value = this.bytes(key, SHA256_BYTES);
    if (value.length !== SHA256_BYTES) this.fail('malformed');
    return bytesToHex(value);
  }

  /** The fields of a map inside this one; a failure there is a failure here. */
  map(key: string): FieldReader {
    return new FieldReader(this.#record(key), this.#status);
  }

  #record(key: string): Readonly<Record<string, unknown>> {
    const value = this.#get(key);
    if (
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      !(value instanceof Uint8Array)
    ) {
      return value as Record<string, unknown>;
    }
    this.fail('malformed');
    return {};
  }

  /** Two whole numbers 0–65535; what follows them is left to later versions. */
  pair(key: string): readonly [number, number] {
    const value = this.#get(key);
    if (!Array.isArray(value) || value.length < 2) {
      this.fail('malformed');
      return [0, 0];
    }
    const [first, second] = value.slice(0, 2).map((part) => this.#number(part, 0, 0xffff));
    if (!Number.isInteger(first) || !Number.isInteger(second)) this.fail('malformed');
    return [first, second];
  }

  /** Named finite numbers, at most `MAX_SUMMARY_ENTRIES`. */
  figures(key: string): Readonly<Record<string, number>> {
    const entries = Object.entries(this.#record(key));
    if (entries.length > MAX_SUMMARY_ENTRIES) this.fail('over-limit');
    return Object.fromEntries(
      entries.map(([name, value]) => [
        this.#name(name),
        this.#number(value, -Number.MAX_VALUE, Number.MAX_VALUE),
      ]),
    );
  }
}
