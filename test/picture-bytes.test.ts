/** The bytes of pictures during a call: blobs, messages, what their signature says. */
import { describe, expect, it } from 'vitest';
import { MotionModel } from '../src/geometry/motion-model.js';
import { encodeControlMessage, parseControlMessage } from '../src/protocol/control-codec.js';
import type { ControlMessage } from '../src/protocol/control-messages.js';
import { parseIdentity } from '../src/protocol/identity.js';
import { MAX_PICTURE_BYTES, MAX_REFERENCES } from '../src/protocol/limits.js';
import { MAX_VALUE } from '../src/protocol/motion-codec.js';
import { pictureStatement } from '../src/protocol/picture-proof.js';
import {
  decodeGeometry,
  encodeGeometry,
  encodePicture,
  parsePicture,
} from '../src/protocol/picture-update.js';
import { faceAt, IDENTITY, PACK, PICTURE, webpOf } from './support/call.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const PICTURE_HEX = hex(PICTURE);

describe('blobs of pictures', () => {
  const geometry = Uint8Array.of(0xab, 0xcd);

  it('have exactly these bytes', () => {
    const reference = {
      kind: 'reference',
      index: 3,
      shown: 0x800b,
      quantiser: 2,
      geometry,
      picture: PICTURE,
    } as const;
    expect(hex(encodePicture(reference))).toBe(`0103800b0202abcd${PICTURE_HEX}`);
    expect(parsePicture(encodePicture(reference))).toEqual({ ok: true, value: reference });
    const still = { kind: 'still', sequence: 0xfffe, picture: PICTURE } as const;
    expect(hex(encodePicture(still))).toBe(`02fffe${PICTURE_HEX}`);
    expect(parsePicture(encodePicture(still))).toEqual({ ok: true, value: still });
    const places = { kind: 'places', shown: 0x0105 } as const;
    expect(hex(encodePicture(places))).toBe('030105');
    expect(parsePicture(encodePicture(places))).toEqual({ ok: true, value: places });
  });

  it.each([
    ['', 'truncated'],
    [`00${PICTURE_HEX}`, 'malformed'],
    [`0110ffff${'0001ab'}${PICTURE_HEX}`, 'over-limit'],
    [`010200030001ab${PICTURE_HEX}`, 'malformed'],
    [`010000011001ab${PICTURE_HEX}`, 'malformed'],
    [`010000010000${PICTURE_HEX}`, 'malformed'],
    [`0100000100ff7f${PICTURE_HEX}`, 'over-limit'],
    [`0100000100ff05${PICTURE_HEX}`, 'truncated'],
    ['010000010001ab', 'malformed'],
    ['03', 'truncated'],
    ['030000', 'malformed'],
    ['03000100', 'malformed'],
    ['02fffe', 'malformed'],
    ['02ff', 'truncated'],
    [`020001${'00'.repeat(40)}`, 'malformed'],
  ])('%s is dropped: %s', (bytes, drop) => {
    expect(parsePicture(Uint8Array.from(Buffer.from(bytes, 'hex')))).toEqual({ ok: false, drop });
  });

  it('are no longer than the limit, and have values in their ranges', () => {
    const still = { kind: 'still', sequence: 0 } as const;
    expect(() => encodePicture({ ...still, picture: webpOf(MAX_PICTURE_BYTES) })).toThrow(
      /^picture: must be at most 131072 bytes/,
    );
    expect(encodePicture({ ...still, picture: webpOf(MAX_PICTURE_BYTES - 3) }).length).toBe(
      MAX_PICTURE_BYTES,
    );
    const over = new Uint8Array(MAX_PICTURE_BYTES + 1);
    expect(parsePicture(over)).toEqual({ ok: false, drop: 'over-limit' });
    expect(() => encodePicture({ ...still, picture: Uint8Array.of(1) })).toThrow(/^picture:/);
    const reference = {
      kind: 'reference',
      index: 0,
      shown: 1,
      quantiser: 0,
      geometry,
      picture: PICTURE,
    } as const;
    expect(() => encodePicture({ ...reference, index: MAX_REFERENCES })).toThrow(/^index:/);
    expect(() => encodePicture({ ...reference, index: 1 })).toThrow(/^shown:/);
    expect(parsePicture(encodePicture({ ...reference, index: 1, shown: 0 }))).toMatchObject({
      value: { index: 1, shown: 0 },
    });
    expect(() => encodePicture({ ...reference, quantiser: 16 })).toThrow(/^quantiser:/);
    expect(() => encodePicture({ kind: 'places', shown: 0x10000 })).toThrow(/^shown:/);
  });

  it('carry a geometry in some tens of bytes', () => {
    const identity = parseIdentity(IDENTITY);
    if (!identity.ok) throw new Error(identity.drop);
    const model = new MotionModel(PACK.basis, identity.value.neutral, PACK.moreValues);
    const values = model.quantise(faceAt(7), undefined, 0, MAX_VALUE);
    const bytes = encodeGeometry(PACK.tables, values);
    expect(bytes.length).toBeLessThan(80);
    expect(decodeGeometry(PACK.tables, bytes)).toEqual({ ok: true, value: values });
    expect(decodeGeometry(PACK.tables, Uint8Array.of(0))).toEqual({ ok: false, drop: 'malformed' });
    const invalid = new Uint8Array(8).fill(0xff);
    expect(decodeGeometry(PACK.tables, invalid)).toEqual({ ok: false, drop: 'malformed' });
  });
});

describe('messages of pictures', () => {
  const chunk = Uint8Array.of(1, 2, 3);
  const signature = new Uint8Array(64).fill(9);
  it.each<[string, ControlMessage]>([
    ['300580020001'.concat('0203'), { type: 'picture-start', pictureId: 5, bytes: 256, chunk }],
    [
      `30ac02800201${'09'.repeat(64)}010203`,
      { type: 'picture-start', pictureId: 300, bytes: 256, signature, chunk },
    ],
    ['3105010203', { type: 'picture-chunk', pictureId: 5, chunk }],
    [`3281a9${Buffer.from('pictureId').toString('hex')}05`, { type: 'picture-used', pictureId: 5 }],
  ])('%s', (bytes, message) => {
    expect(hex(encodeControlMessage(message))).toBe(bytes);
    expect(parseControlMessage(Uint8Array.from(Buffer.from(bytes, 'hex')))).toEqual({
      ok: true,
      value: message,
    });
  });

  it.each([
    ['30', 'truncated'],
    ['30050000ff', 'malformed'],
    ['300503ff01', 'malformed'],
    ['3005030201', 'malformed'],
    ['300503000102030a', 'malformed'],
    ['30058180080001', 'over-limit'],
    ['300503', 'truncated'],
    ['30050300', 'truncated'],
    ['3005030101', 'truncated'],
    ['3105', 'truncated'],
    ['3180', 'truncated'],
    ['318000aa', 'malformed'],
  ])('%s is dropped: %s', (bytes, drop) => {
    expect(parseControlMessage(Uint8Array.from(Buffer.from(bytes, 'hex')))).toEqual({
      ok: false,
      drop,
    });
  });
});

describe('what the signature of a picture says', () => {
  it('has exactly these bytes', () => {
    const statement = pictureStatement({
      pictureSha256: '11'.repeat(32),
      identitySha256: '22'.repeat(32),
      senderFingerprint: '33'.repeat(32),
      receiverFingerprint: '44'.repeat(32),
    });
    const hashes = ['11', '22', '33', '44'].map((byte) => byte.repeat(32)).join('');
    expect(hex(statement)).toBe(
      `${Buffer.from('visavis picture proof v1').toString('hex')}00${hashes}`,
    );
  });
});
