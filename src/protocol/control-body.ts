import { Packr } from 'msgpackr';
import { ByteReader } from './bytes.js';
import type { DropCode, Parsed } from './errors.js';
import { MAX_CONTROL_DEPTH, MAX_CONTROL_ITEMS, MAX_NAME_BYTES } from './limits.js';

const packr = new Packr({ useRecords: false, variableMapSize: true, int64AsType: 'number' });
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Bytes behind the first one: nil, booleans, floats, then unsigned and signed integers. */
const SCALAR_BYTES = new Map([
  [0xc0, 0],
  [0xc2, 0],
  [0xc3, 0],
  [0xca, 4],
  [0xcb, 8],
  [0xcc, 1],
  [0xcd, 2],
  [0xce, 4],
  [0xcf, 8],
  [0xd0, 1],
  [0xd1, 2],
  [0xd2, 4],
  [0xd3, 8],
]);

/** The map as MessagePack. */
export function packBody(body: Readonly<Record<string, unknown>>): Uint8Array {
  return Uint8Array.from(packr.pack(body));
}

/**
 * Reads an untrusted MessagePack map. The bytes are walked before they are decoded, because
 * msgpackr would otherwise act on extension types (records compiled with `new Function`, regular
 * expressions, references): only nil, booleans, numbers, UTF-8 strings, binary, arrays and maps with
 * string keys get through, within the limits on depth and count, and nothing behind the map.
 */
export function unpackBody(bytes: Uint8Array): Parsed<Readonly<Record<string, unknown>>> {
  const drop = checkBody(bytes);
  if (drop !== undefined) return { ok: false, drop };
  try {
    // A view of its own: msgpackr hangs a property on the array it reads.
    return { ok: true, value: packr.unpack(bytes.subarray()) };
  } catch {
    return { ok: false, drop: 'malformed' };
  }
}

function checkBody(bytes: Uint8Array): DropCode | undefined {
  const reader = new ByteReader(bytes);
  const first = bytes[0];
  if (first !== undefined && (first & 0xf0) !== 0x80 && first !== 0xde && first !== 0xdf) {
    return 'malformed';
  }
  let items = 0;

  function checkText(length: number): void {
    const text = reader.bytes(length);
    try {
      utf8.decode(text);
    } catch {
      reader.fail('malformed');
    }
  }

  function checkKey(): void {
    const token = reader.u8();
    const length =
      (token & 0xe0) === 0xa0 ? token & 0x1f : token === 0xd9 ? reader.u8() : undefined;
    if (length === undefined) reader.fail('malformed');
    else if (length > MAX_NAME_BYTES) reader.fail('over-limit');
    else checkText(length);
  }

  function checkItems(count: number, depth: number, keyed: boolean): void {
    items += keyed ? 2 * count : count;
    if (depth > MAX_CONTROL_DEPTH || items > MAX_CONTROL_ITEMS) reader.fail('over-limit');
    for (let index = 0; index < count && reader.drop === undefined; index++) {
      if (keyed) checkKey();
      checkValue(depth);
    }
  }

  /** A length of 1, 2 or 4 bytes. */
  function readLength(width: number): number {
    return width === 1 ? reader.u8() : width === 2 ? reader.u16() : reader.u32();
  }

  function checkValue(depth: number): void {
    const token = reader.u8();
    const scalar = SCALAR_BYTES.get(token);
    if (token < 0x80 || token >= 0xe0) return;
    if (token < 0x90) checkItems(token & 0x0f, depth + 1, true);
    else if (token < 0xa0) checkItems(token & 0x0f, depth + 1, false);
    else if (token < 0xc0) checkText(token & 0x1f);
    else if (scalar !== undefined) reader.bytes(scalar);
    else if (token >= 0xc4 && token <= 0xc6) reader.bytes(readLength(1 << (token - 0xc4)));
    else if (token >= 0xd9 && token <= 0xdb) checkText(readLength(1 << (token - 0xd9)));
    else if (token === 0xdc || token === 0xdd)
      checkItems(readLength(2 << (token - 0xdc)), depth + 1, false);
    else if (token === 0xde || token === 0xdf)
      checkItems(readLength(2 << (token - 0xde)), depth + 1, true);
    else reader.fail('malformed'); // extensions and 0xc1
  }

  checkValue(0);
  if (reader.remaining > 0) reader.fail('malformed');
  return reader.drop;
}
