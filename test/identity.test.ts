import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { float16Bits, float16Value } from '../src/protocol/float16.js';
import { encodeIdentity, type Identity, parseIdentity } from '../src/protocol/identity.js';
import {
  MAX_CODE_LENGTH,
  MAX_IDENTITY_BYTES,
  MAX_PERSONAL_BYTES,
  MAX_REFERENCES,
} from '../src/protocol/limits.js';
import { webpSize } from '../src/protocol/webp-header.js';
import { DROP_CODES, hostileBytes, largestAllocation } from './hostile.js';

const vector = JSON.parse(
  readFileSync(new URL('vectors/control/identity.json', import.meta.url), 'utf8'),
);
const PICTURE = Uint8Array.from(Buffer.from(vector.identity.references[0].picture, 'hex'));
const geometry = (seed: number) =>
  Float32Array.from({ length: 1434 }, (_, index) => ((index * seed) % 16_000) / 64);

const IDENTITY: Identity = {
  size: 512,
  neutral: geometry(37),
  references: [
    { picture: PICTURE, landmarks: geometry(37) },
    { picture: PICTURE, landmarks: geometry(41) },
  ],
  layoutCode: Float32Array.of(1, -0.5, 0.25),
};

/** The bytes of the two-reference identity, changed at one place. */
function withByte(at: number, value: number): Uint8Array {
  const bytes = encodeIdentity(IDENTITY);
  bytes[at] = value;
  return bytes;
}

/** Offset of the first reference: header, then 1434 × int16. */
const FIRST_REFERENCE = 5 + 2 * 1434;

describe('identity blob', () => {
  it('reads back what it wrote', () => {
    expect(parseIdentity(encodeIdentity(IDENTITY))).toEqual({ ok: true, value: IDENTITY });
  });

  it('takes the differences of a personal pack, at its end and flagged', () => {
    const personal = Uint8Array.of(9, 8, 7);
    const bytes = encodeIdentity({ ...IDENTITY, personal });
    expect(parseIdentity(bytes)).toEqual({ ok: true, value: { ...IDENTITY, personal } });
    const without = encodeIdentity(IDENTITY);
    without[1] |= 4;
    expect(bytes).toEqual(Uint8Array.of(...without, 3, 9, 8, 7));
    expect(parseIdentity(without)).toEqual({ ok: false, drop: 'truncated' });
    expect(parseIdentity(bytes.subarray(0, -1))).toEqual({ ok: false, drop: 'truncated' });
    expect(parseIdentity(Uint8Array.of(...without, 0))).toEqual({ ok: false, drop: 'malformed' });
    const large = encodeIdentity({ ...IDENTITY, personal: new Uint8Array(MAX_PERSONAL_BYTES) });
    const at = large.length - MAX_PERSONAL_BYTES - 3;
    // 500,001 as a varint.
    large.set([0xa1, 0xc2, 0x1e], at);
    expect(parseIdentity(large)).toEqual({ ok: false, drop: 'over-limit' });
  });

  it('rounds to 1/64 crop unit, once', () => {
    const landmarks = geometry(37).map((value, index) => value + Math.sin(index) * 0.3);
    const parsed = parseIdentity(
      encodeIdentity({ ...IDENTITY, references: [{ picture: PICTURE, landmarks }] }),
    );
    if (!parsed.ok) throw new Error(parsed.drop);
    const rounded = parsed.value.references[0].landmarks;
    rounded.forEach((value, index) => {
      expect(Math.abs(value - landmarks[index])).toBeLessThanOrEqual(1 / 128);
    });
    expect(parseIdentity(encodeIdentity(parsed.value))).toEqual(parsed);
  });

  it.each([
    ['another format version', withByte(0, 2), 'malformed'],
    ['an unknown flag', withByte(1, 8), 'malformed'],
    ['another size', withByte(2, 3), 'malformed'],
    ['no reference', withByte(4, 0), 'malformed'],
    ['too many references', withByte(4, MAX_REFERENCES + 1), 'over-limit'],
    ['a coordinate of −32768', withByte(5, 0x80), 'malformed'],
    ['another picture format', withByte(FIRST_REFERENCE, 2), 'malformed'],
    ['a picture that is no WebP', withByte(FIRST_REFERENCE + 2, 0), 'malformed'],
    ['a code that is not finite', withByte(encodeIdentity(IDENTITY).length - 2, 0x7c), 'malformed'],
    ['bytes behind the end', Uint8Array.of(...encodeIdentity(IDENTITY), 0), 'malformed'],
    ['a missing byte', encodeIdentity(IDENTITY).slice(0, -1), 'truncated'],
    ['nothing', new Uint8Array(0), 'truncated'],
    ['over 4 MiB', new Uint8Array(MAX_IDENTITY_BYTES + 1), 'over-limit'],
  ])('drops %s', (_name, bytes, drop) => {
    // −32768 needs its second byte too.
    if (bytes[5] === 0x80) bytes[6] = 0;
    expect(parseIdentity(bytes)).toEqual({ ok: false, drop });
  });

  it('drops a picture over the limit on its side before anyone decodes it', () => {
    const bytes = encodeIdentity(IDENTITY);
    const width = FIRST_REFERENCE + 2 + 26;
    expect([bytes[width], bytes[width + 1]]).toEqual([16, 0]);
    bytes.set([0x01, 0x04], width); // 1025
    expect(parseIdentity(bytes)).toEqual({ ok: false, drop: 'over-limit' });
    bytes.set([0x00, 0x04], width);
    expect(parseIdentity(bytes).ok).toBe(true);
  });

  it.each([
    ['size', { size: 300 }],
    ['references', { references: [] }],
    ['references', { references: Array(MAX_REFERENCES + 1).fill(IDENTITY.references[0]) }],
    ['neutral', { neutral: new Float32Array(3) }],
    ['neutral', { neutral: geometry(37).fill(600, 0, 1) }],
    [
      'references[0].picture',
      { references: [{ picture: Uint8Array.of(1), landmarks: geometry(1) }] },
    ],
    [
      'references[0].landmarks',
      { references: [{ picture: PICTURE, landmarks: geometry(1).fill(Number.NaN) }] },
    ],
    ['styleCode', { styleCode: new Float32Array(MAX_CODE_LENGTH + 1) }],
    ['layoutCode', { layoutCode: Float32Array.of(1e6) }],
    ['personal', { personal: new Uint8Array(0) }],
    ['personal', { personal: new Uint8Array(MAX_PERSONAL_BYTES + 1) }],
  ])('names a bad %s', (path, change) => {
    expect(() => encodeIdentity({ ...IDENTITY, ...change } as Identity)).toThrow(TypeError);
    expect(() => encodeIdentity({ ...IDENTITY, ...change } as Identity)).toThrow(
      `${path}: must be`,
    );
  });

  it('stands 12,000 hostile blobs', { timeout: 60_000 }, () => {
    const bytes = encodeIdentity(IDENTITY);
    const outcomes = { taken: 0, dropped: 0 };
    const largest = largestAllocation(() => {
      fc.assert(
        fc.property(hostileBytes([bytes]), (hostile) => {
          const parsed = parseIdentity(hostile);
          if (parsed.ok) {
            outcomes.taken++;
            expect(parsed.value.references.length).toBeLessThanOrEqual(MAX_REFERENCES);
            expect(encodeIdentity(parsed.value).length).toBe(hostile.length);
          } else {
            outcomes.dropped++;
            if (!DROP_CODES.includes(parsed.drop)) throw new Error(parsed.drop);
          }
        }),
        { numRuns: 12_000, seed: 4 },
      );
    });
    // One identity of this size has some 5,000 bytes; nothing is reserved by what it claims.
    expect(largest).toBeLessThanOrEqual(16_384);
    expect(Math.min(outcomes.taken, outcomes.dropped)).toBeGreaterThan(1000);
    expect(parseIdentity(bytes)).toEqual({ ok: true, value: IDENTITY });
  });
});

describe('WebP header', () => {
  it.each([
    ['lossy', { quality: 50 }, 3],
    ['lossless', { lossless: true }, 3],
    ['extended', { quality: 50 }, 4],
  ] as const)('gives the size of a %s picture', async (_name, options, channels) => {
    const background = { r: 1, g: 200, b: 3, alpha: 0.5 };
    const picture = await sharp({ create: { width: 300, height: 77, channels, background } })
      .webp(options)
      .toBuffer();
    expect(webpSize(picture)).toEqual({ ok: true, value: { width: 300, height: 77 } });
  });
});

describe('binary16', () => {
  it('keeps every number that it has', () => {
    for (let half = 0; half < 0x10000; half++) {
      const value = float16Value(half);
      if (!Number.isNaN(value)) expect(float16Bits(value) === half).toBe(true);
    }
  });

  it('takes the nearest number, of two the even one', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0x7bfe }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (half, part) => {
          const [low, high] = [float16Value(half), float16Value(half + 1)];
          const value = Math.fround(low + (high - low) * part);
          const [below, above] = [value - low, high - value];
          const nearest = below === above ? half + (half & 1) : below < above ? half : half + 1;
          expect(float16Bits(value)).toBe(nearest);
          expect(float16Bits(-value)).toBe(nearest | 0x8000);
        },
      ),
    );
    expect([float16Bits(65519), float16Bits(65520), float16Bits(1e30)]).toEqual([
      0x7bff, 0x7c00, 0x7c00,
    ]);
    expect([float16Bits(1e-30), float16Bits(Number.NaN)]).toEqual([0, 0x7e00]);
  });
});
