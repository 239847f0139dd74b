import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader, ByteWriter } from '../src/protocol/bytes.js';

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const i32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });

describe('bytes', () => {
  it('reads back every kind of field', () => {
    fc.assert(
      fc.property(u32, u32, i32, fc.uint8Array(), (a, b, c, raw) => {
        const bytes = new ByteWriter(1)
          .u8(a & 0xff)
          .u16(a & 0xffff)
          .u32(a)
          .varint(b)
          .signedVarint(c)
          .varint(raw.length)
          .bytes(raw)
          .finish();
        const reader = new ByteReader(bytes);
        expect(reader.u8()).toBe(a & 0xff);
        expect(reader.u16()).toBe(a & 0xffff);
        expect(reader.u32()).toBe(a);
        expect(reader.varint()).toBe(b);
        expect(reader.signedVarint()).toBe(c);
        expect(reader.bytes(reader.varint())).toEqual(raw);
        expect(reader.drop).toBeUndefined();
        expect(reader.remaining).toBe(0);
      }),
    );
  });

  it('writes the specified bytes', () => {
    const bytes = new ByteWriter()
      .u16(0x0102)
      .u32(0x80000001)
      .varint(300)
      .signedVarint(-2)
      .finish();
    expect([...bytes]).toEqual([1, 2, 0x80, 0, 0, 1, 0xac, 0x02, 3]);
    expect([...new ByteWriter().varint(0xffffffff).finish()]).toEqual([255, 255, 255, 255, 15]);
  });

  it.each([
    ['past the end', [1], (r: ByteReader) => r.u16(), 'truncated'],
    ['a varint without its end', [0x80, 0x80], (r: ByteReader) => r.varint(), 'truncated'],
    ['a varint longer than needed', [0x80, 0x00], (r: ByteReader) => r.varint(), 'malformed'],
    [
      'a varint beyond 32 bits',
      [255, 255, 255, 255, 16],
      (r: ByteReader) => r.varint(),
      'malformed',
    ],
    [
      'a varint of six bytes',
      [255, 255, 255, 255, 255, 1],
      (r: ByteReader) => r.varint(),
      'malformed',
    ],
  ] as const)('fails on %s and stays failed', (_name, bytes, read, drop) => {
    const reader = new ByteReader(Uint8Array.from(bytes));
    read(reader);
    expect(reader.drop).toBe(drop);
    expect(reader.u8()).toBe(0);
    expect(reader.bytes(1).length).toBe(0);
    expect(reader.remaining).toBe(0);
    expect(reader.drop).toBe(drop);
  });
});
