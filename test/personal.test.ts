import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pack } from '../src/models/pack.js';
import { openPack } from '../src/models/pack-node.js';
import { encodePersonal, personalNetworks, personalPack } from '../src/models/personal.js';
import { openPersonalPack, writePersonalPack } from '../src/models/personal-node.js';
import { parseWeights } from '../src/models/weights.js';
import { float16Bits, float16Value } from '../src/protocol/float16.js';
import { MAX_PERSONAL_BYTES } from '../src/protocol/limits.js';
import {
  type PersonalDifferences,
  parsePersonal,
  serialisePersonal,
} from '../src/protocol/personal.js';
import { DROP_CODES, hostileBytes, largestAllocation } from './hostile.js';
import { temporaryFolder, WARP_PACK } from './support/cli.js';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** A network file of little-endian binary16 numbers, after an odd number of other bytes. */
const OFFSET = 3;
function networkOf(weights: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(OFFSET + 2 * weights.length).fill(0xee);
  const view = new DataView(bytes.buffer);
  weights.forEach((weight, i) => {
    view.setUint16(OFFSET + 2 * i, float16Bits(weight), true);
  });
  return bytes;
}

let warp: Pack;
/** A base whose network has tensors of so many of the weights each. */
function baseOf(weights: readonly number[], counts: readonly number[]): Pack {
  let offset = OFFSET;
  const generator = counts.map((count) => {
    const place = { offset, count };
    offset += 2 * count;
    return place;
  });
  const networks = { generator: networkOf(weights), encoder: Uint8Array.of(7) };
  return { ...warp, networks, weights: { generator } };
}

const WEIGHTS = [1, -2, 0.5, 4, 3];
const COUNTS = [2, 1, 2];
const CHANGED = [2.5, -2.5, 0.5, 3.75, 3.25];
let base: Pack;
let differences: PersonalDifferences;
let bytes: Uint8Array;
beforeAll(async () => {
  warp = await openPack('warp');
  base = baseOf(WEIGHTS, COUNTS);
  differences = {
    base: base.identity.sha256,
    network: sha256(networkOf(CHANGED)),
    tensors: [
      { step: 0.5, values: Int8Array.of(3, -1) },
      { step: 0, values: new Int8Array(0) },
      { step: 0.25, values: Int8Array.of(-1, 1) },
    ],
  };
  bytes = serialisePersonal(differences);
});

/** Where the parts of the bytes begin: magic, two hashes, table, steps, body. */
const AT = { base: 4, network: 36, table: 68, steps: 68 + 2 * 62, body: 68 + 2 * 62 + 2 * 3 };

function edited(at: number, ...values: number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at);
  return copy;
}

describe('differences of a personal pack', () => {
  it('have exact bytes', () => {
    expect(parsePersonal(bytes, COUNTS)).toEqual({ ok: true, value: differences });
    expect(toHex(bytes.subarray(0, 4))).toBe(toHex(Buffer.from('VVP1')));
    expect(toHex(bytes.subarray(AT.base, AT.table))).toBe(
      differences.base + sha256(networkOf(CHANGED)),
    );
    // One of −1, one of −1, one of 1 and one of 3 among 63 symbols that each have 1 of 2^15.
    const one = (count: number) => 1 + Math.floor((count / 4) * (32768 - 63));
    const table = new DataView(bytes.buffer, AT.table);
    const c = (symbol: number) => (symbol === 0 ? 0 : table.getUint16(2 * (symbol - 1)));
    expect([c(1), c(30), c(32) - c(31), c(33) - c(32)]).toEqual([1, 30, 1, one(1)]);
    // 3 lies in the last quarter, −1 in the lower half, 1 in the third quarter: 11 0 0 10, and zeros.
    expect(toHex(bytes.subarray(AT.steps))).toBe('380000003400c8');
  });

  it('are those of the vector, which another implementation of the text has read', () => {
    const url = new URL('vectors/control/personal.json', import.meta.url);
    const vector = JSON.parse(readFileSync(url, 'utf8'));
    const fromHex = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
    const tensors = vector.tensors.map(({ step, values }: { step: number; values: number[] }) => ({
      step,
      values: Int8Array.from(values),
    }));
    const { base: sha, network } = vector;
    expect(toHex(serialisePersonal({ base: sha, network, tensors }))).toBe(vector.hex);
    const generator = vector.weights.map(([offset, count]: number[]) => ({ offset, count }));
    const pack: Pack = {
      ...warp,
      identity: { name: 'vector', sha256: sha },
      networks: { generator: fromHex(vector.before) },
      weights: { generator },
    };
    expect(personalNetworks(pack, fromHex(vector.hex))).toEqual({
      ok: true,
      value: { generator: fromHex(vector.after) },
    });
  });

  it('are added to the weights in place', () => {
    const networks = personalNetworks(base, bytes);
    expect(networks).toEqual({
      ok: true,
      value: { encoder: base.networks.encoder, generator: networkOf(CHANGED) },
    });
    expect(base.networks.generator).toEqual(networkOf(WEIGHTS));
    const pack = personalPack(base, bytes);
    expect([pack.identity, pack.personal]).toEqual([base.identity, bytes]);
    // As Node reads files: a Buffer that is part of a larger one.
    const buffer = Buffer.concat([Buffer.alloc(5), networkOf(WEIGHTS)]).subarray(5);
    const same = { ...base, networks: { ...base.networks, generator: buffer } };
    expect(personalNetworks(same, bytes)).toMatchObject({ ok: true });
    expect(Uint8Array.from(buffer)).toEqual(networkOf(WEIGHTS));
  });

  it.each([
    ['another magic', () => edited(3, 0x32), 'malformed'],
    ['another base', () => edited(AT.base, 0), 'hash-mismatch'],
    ['another network', () => edited(AT.network, 0), 'hash-mismatch'],
    ['a table that stands still', () => edited(AT.table + 2, 0, 1), 'malformed'],
    ['a table beyond its end', () => edited(AT.steps - 2, 0x80, 0), 'malformed'],
    ['a negative step', () => edited(AT.steps, 0xb8, 0), 'malformed'],
    ['an infinite step', () => edited(AT.steps, 0x7c, 0), 'malformed'],
    ['a step that is no number', () => edited(AT.steps, 0x7e, 0), 'malformed'],
    ['a step that makes weights infinite', () => edited(AT.steps, 0x7b, 0xff), 'malformed'],
    ['another step', () => edited(AT.steps, 0x38, 1), 'hash-mismatch'],
    [
      'a code that no writer makes',
      () => Uint8Array.of(...bytes.slice(0, AT.body), 255, 255, 255, 255),
      'malformed',
    ],
    ['a body cut short', () => bytes.slice(0, AT.body), 'hash-mismatch'],
    ['steps cut short', () => bytes.slice(0, AT.steps + 5), 'truncated'],
    ['nothing', () => new Uint8Array(0), 'truncated'],
    ['too much', () => new Uint8Array(MAX_PERSONAL_BYTES + 1), 'over-limit'],
  ])('%s is dropped', (_name, make, drop) => {
    expect(personalNetworks(base, make())).toEqual({ ok: false, drop });
    expect(() => personalPack(base, make())).toThrow(
      `the personal pack does not fit warp (${drop}): make it anew`,
    );
  });

  it('are nothing to a pack that does not say where its weights lie', () => {
    expect(personalNetworks(warp, bytes)).toEqual({ ok: false, drop: 'unexpected' });
  });

  it('stand 6,000 hostile bodies', () => {
    const outcomes = { taken: 0, dropped: 0 };
    const largest = largestAllocation(() => {
      fc.assert(
        fc.property(hostileBytes([bytes]), (hostile) => {
          const networks = personalNetworks(base, hostile);
          if (networks.ok) {
            outcomes.taken++;
            expect(networks.value.generator).toEqual(networkOf(CHANGED));
          } else {
            outcomes.dropped++;
            if (!DROP_CODES.includes(networks.drop)) throw new Error(networks.drop);
          }
        }),
        { numRuns: 6_000, seed: 9 },
      );
    });
    expect(largest).toBeLessThan(1000);
    expect(Math.min(outcomes.taken, outcomes.dropped)).toBeGreaterThan(300);
  });
});

describe('making differences', () => {
  /** Sums of three uniform numbers, seeded. */
  function bells(count: number, size: number): Float32Array {
    let state = 1;
    const next = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32 - 0.5;
    };
    return Float32Array.from({ length: count }, () => size * (next() + next() + next()));
  }

  it('keeps them within half a step, and a tensor that stays costs nothing', () => {
    const weights = Array.from(bells(3000, 0.1));
    const pack = baseOf(weights, [2000, 1000]);
    const wanted = [bells(2000, 0.01), new Float32Array(1000)];
    const made = encodePersonal(pack, wanted);
    expect(made.length).toBeLessThan(AT.body + 2000 * 0.55);
    const parsed = parsePersonal(made, [2000, 1000]);
    if (!parsed.ok) throw new Error(parsed.drop);
    const [first, second] = parsed.value.tensors;
    expect(second).toEqual({ step: 0, values: new Int8Array(0) });
    first.values.forEach((value, i) => {
      expect(Math.abs(value * first.step - wanted[0][i])).toBeLessThanOrEqual(first.step * 0.501);
    });
    const { generator } = personalPack(pack, made).networks;
    const view = new DataView(generator.buffer);
    weights.forEach((weight, i) => {
      const now = float16Value(view.getUint16(OFFSET + 2 * i, true));
      const wish = weight + (i < 2000 ? wanted[0][i] : 0);
      expect(Math.abs(now - wish)).toBeLessThan(first.step * 0.51 + 2e-4);
    });
  });

  it('of more weights than the limit has room for are coarser', () => {
    const count = 1_300_000;
    const made = encodePersonal(baseOf(Array(count).fill(0), [count]), [bells(count, 0.01)]);
    expect(made.length).toBeLessThanOrEqual(MAX_PERSONAL_BYTES);
    expect(made.length).toBeGreaterThan(0.8 * MAX_PERSONAL_BYTES);
  });

  it.each([
    ['of another number of tensors', [new Float32Array(2)]],
    ['of another length', [new Float32Array(2), new Float32Array(2), new Float32Array(2)]],
    ['that are not finite', [Float32Array.of(1, NaN), new Float32Array(1), new Float32Array(2)]],
    [
      'that make a weight infinite',
      [Float32Array.of(1e30, 1e30), new Float32Array(1), new Float32Array(2)],
    ],
  ])('says what is wrong with differences %s', (_name, wrong) => {
    expect(() => encodePersonal(base, wrong)).toThrow(/^differences: must be /);
  });
});

describe('places of weights', () => {
  const networks = { generator: new Uint8Array(100) };
  const read = (value: unknown) =>
    parseWeights(new TextEncoder().encode(JSON.stringify(value)), networks);

  it('are the binary16 tensors in the order of the file', () => {
    const tensors = { b: [90, 5, 2], small: [10, 4, 4], a: [0, 3, 2] };
    expect(read({ shape: {}, networks: { generator: tensors } })).toEqual({
      generator: [
        { offset: 90, count: 5 },
        { offset: 0, count: 3 },
      ],
    });
  });

  it.each([
    ['beyond the file', { networks: { generator: { a: [90, 6, 2] } } }],
    ['before it', { networks: { generator: { a: [-1, 6, 2] } } }],
    ['of no weight', { networks: { generator: { a: [0, 0, 2] } } }],
    ['of a fraction', { networks: { generator: { a: [0, 1.5, 2] } } }],
    ['of another type', { networks: { generator: { a: [0, 1, 8] } } }],
    ['as texts', { networks: { generator: { a: '0' } } }],
    ['of a network that is not there', { networks: { other: {} } }],
    ['as a list', { networks: [] }],
    ['nowhere', null],
  ])('%s are none', (_name, value) => {
    expect(read(value)).toBeUndefined();
  });
});

describe('the folder of a personal pack', () => {
  let folder: string;
  let based: Pack;
  const at = (name: string) => join(folder, name);
  beforeAll(async () => {
    folder = await temporaryFolder();
    // A base on disk: the embedded pack with a network.
    const networks = { generator: 'generator.onnx' };
    const generator = networkOf(WEIGHTS);
    const weights = Buffer.from(
      JSON.stringify({ networks: { generator: { a: [OFFSET, 2, 2], b: [OFFSET + 4, 3, 2] } } }),
    );
    await cp(WARP_PACK, at('mine-base'), { recursive: true });
    await writeFile(join(at('mine-base'), 'generator.onnx'), generator);
    await writeFile(join(at('mine-base'), 'weights.json'), weights);
    const entry = (content: Uint8Array) => ({ bytes: content.length, sha256: sha256(content) });
    const files = {
      ...warp.manifest.files,
      'generator.onnx': entry(generator),
      'weights.json': entry(weights),
    };
    const name = 'mine-base';
    const manifest = { ...warp.manifest, name, networks, weights: 'weights.json', files };
    await writeFile(join(at(name), 'manifest.json'), JSON.stringify(manifest));
    based = await openPack(at(name));
    const made = encodePersonal(based, [Float32Array.of(1, -1), Float32Array.of(0, 0, 2)]);
    await mkdir(at('mine'));
    await writePersonalPack(at('mine'), based, made);
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('is opened beside its base, or with it', async () => {
    const opened = await openPack(at('mine'));
    expect(opened.identity).toEqual(based.identity);
    expect(opened.networks.generator).not.toEqual(based.networks.generator);
    expect(opened.personal!.length).toBeGreaterThan(AT.steps);
    expect(await openPersonalPack(at('mine'), based)).toEqual(opened);
  });

  it.each([
    ['of another base', () => openPersonalPack(at('mine'), warp), /is of mine-base .* not of warp/],
    [
      'that is none',
      () => openPersonalPack(at('mine-base'), based),
      /no personal pack in .*: give/,
    ],
    ['that is not there', () => openPack(at('other')), /no pack .*: give the path/],
  ])('says what is wrong with one %s', async (_name, open, message) => {
    await expect(open()).rejects.toThrow(message);
  });

  it('says what is wrong with a damaged one, and without its base', async () => {
    await cp(at('mine'), at('hurt'), { recursive: true });
    await writeFile(join(at('hurt'), 'personal.bin'), 'VVP1');
    await expect(openPack(at('hurt'))).rejects.toThrow(/does not fit mine-base \(truncated\)/);
    await rm(join(at('hurt'), 'personal.bin'));
    await expect(openPack(at('hurt'))).rejects.toThrow(/personal.bin cannot be read \(ENOENT/);
    await writeFile(join(at('hurt'), 'personal.json'), '{"format":2}');
    await expect(openPack(at('hurt'))).rejects.toThrow(/is not of format 1: make it anew/);
    await mkdir(at('away'));
    await cp(at('mine'), join(at('away'), 'mine'), { recursive: true });
    await expect(openPack(join(at('away'), 'mine'))).rejects.toThrow(
      /its base mine-base is neither embedded nor beside it/,
    );
  });
});
