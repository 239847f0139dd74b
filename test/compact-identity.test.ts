import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeCompactIdentity, parseAnyIdentity } from '../src/models/compact-identity.js';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import { encodeIdentity, parseIdentity } from '../src/protocol/identity.js';
import { coarseIdentity, codedIdentity } from '../src/sender/coarse-identity.js';
import { hostileBytes } from './hostile.js';
import { faceAt, IDENTITY, PACK, PICTURE, simulatedCall } from './support/call.js';
import { moved, syntheticPicture } from './synthetic-face.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const codec = createNodePictureCodec();

function wholeOf(bytes: Uint8Array) {
  const parsed = parseIdentity(bytes);
  if (!parsed.ok) throw new Error(parsed.drop);
  return parsed.value;
}
const WHOLE = wholeOf(IDENTITY);
const COMPACT = encodeCompactIdentity(WHOLE, PICTURE, PACK);

describe('a compact identity', () => {
  it('has exactly these bytes', () => {
    expect(hex(COMPACT).slice(0, 20)).toBe('0201000daf090907f00d');
    expect(hex(COMPACT)).toMatch(new RegExp(`${hex(PICTURE)}$`));
    expect(createHash('sha256').update(COMPACT).digest('hex')).toBe(
      '40a78f9ae5a6658e470d6d208ff65e78f7ab65c958223a1a67b46511c0ad9895',
    );
  });

  it('keeps the neutral geometry, and the reference within what motion leaves', () => {
    const parsed = parseAnyIdentity(COMPACT, PACK);
    if (!parsed.ok) throw new Error(parsed.drop);
    expect(parsed.value.size).toBe(256);
    expect(parsed.value.neutral).toEqual(WHOLE.neutral);
    expect(parsed.value.references.length).toBe(1);
    expect(hex(parsed.value.references[0].picture)).toBe(hex(PICTURE));
    const error = parsed.value.references[0].landmarks.map((value, i) =>
      Math.abs(value - WHOLE.references[0].landmarks[i]),
    );
    expect(Math.max(...error.filter((_, i) => i % 3 < 2))).toBeLessThan(2);
  });

  it('keeps any neutral geometry that an identity can have', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 200 }),
        (grain, spread) => {
          let state = grain;
          const next = () => {
            state = (state * 48271) % 0x7fffffff;
            return state / 0x7fffffff - 0.5;
          };
          const neutral = WHOLE.neutral.map(
            (value) => Math.round((value + spread * next()) * 64) / 64 + 0,
          );
          const { references } = WHOLE;
          const bytes = encodeCompactIdentity({ size: 512, neutral, references }, PICTURE, PACK);
          const parsed = parseAnyIdentity(bytes, PACK);
          expect(parsed.ok && parsed.value.neutral).toEqual(neutral);
        },
      ),
      { numRuns: 50, seed: 5 },
    );
  });

  it('reads a whole one as before', () => {
    expect(parseAnyIdentity(IDENTITY, PACK)).toEqual(parseIdentity(IDENTITY));
  });

  /** Behind the header, the geometry with its length, and the kind of the picture. */
  const PLACE_AT = 10 + ((COMPACT[8] & 0x7f) | (COMPACT[9] << 7)) + 1;
  const cut = (from: number, to?: number) => COMPACT.slice(from, to);
  const withByte = (at: number, value: number) => COMPACT.with(at, value);
  it.each([
    ['cut after its format', cut(0, 1), 'truncated'],
    ['of another size', withByte(2, 1), 'malformed'],
    ['with a Rice parameter of 16', withByte(5, 16), 'malformed'],
    ['cut in its geometry', cut(0, 900), 'truncated'],
    ['without its picture', cut(0, -PICTURE.length), 'malformed'],
    ['of a scale that no face has', COMPACT.with(3, 0xff).with(4, 0xff), 'malformed'],
    ['of another place', withByte(PLACE_AT, 2), 'malformed'],
  ])('%s is dropped', (_name, bytes, drop) => {
    expect(parseAnyIdentity(bytes, PACK)).toEqual({ ok: false, drop });
  });

  it('of a hostile sender is read or dropped', () => {
    let read = 0;
    fc.assert(
      fc.property(hostileBytes([COMPACT]), (bytes) => {
        const parsed = parseAnyIdentity(bytes, PACK);
        if (!parsed.ok) return;
        read++;
        const { neutral, references } = parsed.value;
        expect(neutral.every(Number.isFinite)).toBe(true);
        expect(references[0].landmarks.every(Number.isFinite)).toBe(true);
      }),
      { numRuns: 400, seed: 6 },
    );
    expect(read).toBeGreaterThan(0);
  });
});

describe('the coarse identity of a person', () => {
  async function person(side: 256 | 512) {
    const picture = await codec.encode(syntheticPicture(side), 85);
    const references = [0, 5, 9].map((index) => ({ picture, landmarks: faceAt(index) }));
    const neutral = moved(faceAt(0), -128, -120);
    return encodeIdentity({ size: side, neutral, references });
  }

  it.each([256, 512] as const)('is a small one of the first reference (%i)', async (side) => {
    const identity = await person(side);
    const coarse = await coarseIdentity({ identity, pack: PACK, codec });
    expect(coarse.length).toBeLessThan(4500);
    const parsed = parseAnyIdentity(coarse, PACK);
    if (!parsed.ok) throw new Error(parsed.drop);
    expect(parsed.value.neutral).toEqual(wholeOf(identity).neutral);
    const shown = await codec.decode(parsed.value.references[0].picture, 1024);
    expect(shown.width).toBeLessThanOrEqual(256);
  });

  it('and the whole one as it arrives in pictures: coded again, it is the same', async () => {
    const identity = await person(256);
    const coded = codedIdentity(identity, PACK);
    const [before, after] = [wholeOf(identity), wholeOf(coded)];
    expect(after.neutral).toEqual(before.neutral);
    expect(after.references.map(({ picture }) => hex(picture))).toEqual(
      before.references.map(({ picture }) => hex(picture)),
    );
    const again = wholeOf(codedIdentity(coded, PACK));
    for (const [index, { landmarks }] of again.references.entries()) {
      const moved = landmarks.map((value, i) =>
        Math.abs(value - after.references[index].landmarks[i]),
      );
      expect(Math.max(...moved)).toBeLessThan(0.3);
    }
    expect(() => codedIdentity(Uint8Array.of(1), PACK)).toThrow(/^identity:/);
  });

  it.each([
    [
      'one by one where that takes long',
      600,
      [
        [0, 1],
        [1, 3],
        [2, 7],
      ],
    ],
    [
      'together where they come soon',
      20,
      [
        [2, 0],
        [1, 0],
        [0, 7],
      ],
    ],
  ])('goes first, and the references follow: %s', async (_, delayMs, followed) => {
    const identity = await person(256);
    const coarse = { identity: await coarseIdentity({ identity, pack: PACK, codec }) };
    const call = simulatedCall({ sender: { identity, coarse }, delayMs });
    call.connect();
    const { pictures } = call.sender;
    expect(call.sender.getStats().identityBytes).toBeLessThan(5000);
    expect([...pictures.references.keys()]).toEqual([0]);
    expect(pictures.sendsRest).toBe(true);
    const places: number[][] = [];
    for (let n = 0; n < 800; n++) {
      call.stream(1);
      const { offered } = call.receiver.pictures;
      if (offered?.kind === 'reference') places.push([offered.index, offered.shown]);
      if (offered) call.receiver.pictures.use(offered);
    }
    expect(places).toEqual(followed);
    expect(pictures.sendsRest).toBe(false);
    expect([...pictures.references.keys()]).toEqual([0, 1, 2]);
    const whole = wholeOf(identity);
    expect(hex(pictures.references.get(0)!.picture)).toBe(hex(whole.references[0].picture));
    expect(wholeOf(pictures.identity).references.length).toBe(3);
  });

  it('knows of what follows: on another connection all of it is offered', async () => {
    const identity = await person(256);
    const coarse = { identity: await coarseIdentity({ identity, pack: PACK, codec }) };
    const call = simulatedCall({ sender: { identity, coarse } });
    call.connect();
    const anew = wholeOf(call.sender.pictures.identity);
    expect(anew.references.map(({ picture }) => hex(picture))).toEqual(
      wholeOf(identity).references.map(({ picture }) => hex(picture)),
    );
  });

  it('must be of the same person and pack, and signed where the whole is', async () => {
    const identity = await person(256);
    const neutral = WHOLE.neutral.map((value) => value + 1);
    const other = { identity: encodeCompactIdentity({ ...WHOLE, neutral }, PICTURE, PACK) };
    expect(() => simulatedCall({ sender: { identity, coarse: other } })).toThrow(
      /^coarse.identity: must be bytes of coarseIdentity/,
    );
    const coarse = { identity: await coarseIdentity({ identity, pack: PACK, codec }) };
    const proof = {
      algorithm: 'ed25519',
      publicKey: new Uint8Array(32),
      signature: new Uint8Array(64),
    } as const;
    expect(() => simulatedCall({ sender: { identity, coarse, proof } })).toThrow(/^coarse.proof/);
    await expect(coarseIdentity({ identity: Uint8Array.of(1), pack: PACK, codec })).rejects.toThrow(
      /^identity:/,
    );
  });
});
