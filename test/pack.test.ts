import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkFamily, createDecoder } from '../src/models/families/index.js';
import { parseBasis } from '../src/models/motion-data.js';
import { loadPack, type Pack, PackError, type PackManifest } from '../src/models/pack.js';
import { openPack } from '../src/models/pack-node.js';
import { hostileBytes } from './hostile.js';

const embedded = (file: string) => readFile(new URL(`../packs/warp/${file}`, import.meta.url));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const files = new Map<string, Uint8Array>();
let manifest: PackManifest;
beforeAll(async () => {
  for (const file of ['manifest.json', 'basis.bin', 'tables.bin']) {
    files.set(file, Uint8Array.from(await embedded(file)));
  }
  manifest = JSON.parse(new TextDecoder().decode(files.get('manifest.json')));
});

/** Loads the embedded pack with some of its files changed or (undefined) away. */
function load(changes: Record<string, Uint8Array | string | undefined>): Promise<Pack> {
  return loadPack('mine', async (file) => {
    const content = file in changes ? changes[file] : files.get(file);
    if (content === undefined) throw new Error('ENOENT');
    return typeof content === 'string' ? new TextEncoder().encode(content) : content;
  });
}
const edited = (change: object) => ({
  'manifest.json': JSON.stringify({ ...manifest, ...change }),
});
/** A file with other content, sealed again. */
function resealed(file: string, content: Uint8Array) {
  const entry = { bytes: content.length, sha256: sha256(content) };
  return { ...edited({ files: { ...manifest.files, [file]: entry } }), [file]: content };
}
function flipped(file: string): Uint8Array {
  const bytes = files.get(file)!.slice();
  bytes[bytes.length >> 1] ^= 1;
  return bytes;
}

async function expectRefused(pack: Promise<Pack>, message: RegExp): Promise<void> {
  const error = await pack.then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(PackError);
  expect(error.message).toMatch(message);
  expect(error.message).toMatch(/^[^\n]+$/);
}

/** A motion vector of so many values: at rest at 0, with steps of 1. */
function vectorBytes(values: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(10 + 8 * values));
  for (const [i, byte] of [...'VVV1'].entries()) view.setUint8(i, byte.charCodeAt(0));
  view.setUint16(4, 128);
  view.setUint16(6, 6);
  view.setUint16(8, values);
  for (let v = 0; v < values; v++) view.setFloat32(14 + 8 * v, 1);
  return new Uint8Array(view.buffer);
}

/** The pack with a vector in the place of its basis. */
function withVector(content: Uint8Array, more: object = {}) {
  const entry = { bytes: content.length, sha256: sha256(content) };
  const motion = { vector: 'vector.bin', tables: 'tables.bin', ...more };
  return {
    ...edited({ motion, files: { ...manifest.files, 'vector.bin': entry } }),
    'vector.bin': content,
  };
}

describe('model packs', () => {
  it('may have a motion vector in the place of a basis', async () => {
    const { valueCount } = (await openPack('warp')).tables;
    const pack = await load(withVector(vectorBytes(valueCount)));
    expect(pack.vector).toMatchObject({ side: 128, poseValues: 6 });
    expect(pack.basis.components).toBe(0);
    await expectRefused(
      load(withVector(vectorBytes(valueCount - 1))),
      /tables are not those of its motion vector/,
    );
    const both = load(withVector(vectorBytes(valueCount), { basis: 'basis.bin' }));
    await expectRefused(both, /lacks a field or has one of the wrong type/);
    await expectRefused(load(withVector(new Uint8Array(10))), /vector\.bin is no motion vector/);
  });

  it('the embedded one is whole, and its hash is that of its manifest', async () => {
    const pack = await openPack('warp');
    expect(pack.identity).toEqual({ name: 'warp', sha256: sha256(files.get('manifest.json')!) });
    expect(pack.tables.valueCount).toBe(pack.basis.components + 10);
    expect(pack.manifest.family).toBe('warp');
  });

  it('every file of it is looked at: a flipped bit anywhere is found', async () => {
    for (const file of ['basis.bin', 'tables.bin']) {
      await expectRefused(
        load({ [file]: flipped(file) }),
        new RegExp(`pack mine: ${file} is damaged`),
      );
      const short = files.get(file)!.subarray(1);
      await expectRefused(load({ [file]: short }), /is damaged .* install the pack again/);
      await expectRefused(
        load({ [file]: undefined }),
        new RegExp(`${file} cannot be read \\(ENOENT`),
      );
    }
  });

  it('a manifest that differs gives another hash', async () => {
    const other = await load(edited({ version: '9.9.9' }));
    expect(other.identity.sha256).not.toBe((await load({})).identity.sha256);
  });

  it.each([
    ['not JSON', () => ({ 'manifest.json': '{' }), /manifest.json is not JSON/],
    ['not there', () => ({ 'manifest.json': undefined }), /manifest.json cannot be read/],
    ['no object', () => ({ 'manifest.json': 'null' }), /not of format 1/],
    ['another format', () => edited({ format: 2 }), /not of format 1: use a pack for this version/],
    ['another bitstream', () => edited({ protocol: 2 }), /bitstream 2, this library speaks 1/],
    ['a bad name', () => edited({ name: '../x' }), /lacks a field or has one of the wrong type/],
    ['a size of no picture', () => edited({ size: 8 }), /lacks a field/],
    ['a size that is none', () => edited({ size: '64' }), /lacks a field/],
    ['no motion', () => edited({ motion: undefined }), /lacks a field/],
    ['files outside', () => edited({ files: { '../../etc/passwd': {} } }), /lacks a field/],
    [
      'a huge file',
      () => edited({ files: { big: { bytes: 2 ** 40, sha256: 'a'.repeat(64) } } }),
      /lacks a field/,
    ],
    [
      'an unlisted basis',
      () => edited({ motion: { basis: 'other.bin', tables: 'tables.bin' } }),
      /other.bin is not among/,
    ],
    [
      'a basis that is none',
      () => resealed('basis.bin', Uint8Array.of(1, 2, 3)),
      /not of this format/,
    ],
    ['tables that are none', () => resealed('tables.bin', Uint8Array.of(1)), /not of this format/],
  ])('%s: one clear line', async (_name, changes, message) => {
    await expectRefused(load(changes()), message);
  });

  it('of a family that this version does not know is refused by both ends', async () => {
    const unknown = { ...manifest, family: 'toString' };
    const pack = await load({ 'manifest.json': JSON.stringify(unknown) });
    for (const use of [checkFamily, createDecoder]) {
      expect(() => use(pack)).toThrow(PackError);
      expect(() => use(pack)).toThrow(
        /^the pack's decoder family is toString; this version knows /,
      );
    }
  });

  it('says what its motion carries beside the face', async () => {
    expect((await load({})).moreValues).toBe(0);
    expect((await openPack('portrait-256-cpu')).moreValues).toBe(32 + 22);
  });

  it('tables of another basis: one clear line', async () => {
    const basis = files.get('basis.bin')!;
    const fewer = basis.slice(0, basis.length - 4 - 2 * 1434);
    fewer[4]--;
    await expectRefused(load(resealed('basis.bin', fewer)), /entropy tables are not those/);
  });

  it('a basis from anywhere is read or refused', () => {
    const basis = Uint8Array.from(files.get('basis.bin')!.subarray(0, 5 + 2868 + 2872));
    basis[4] = 1;
    expect(parseBasis(basis)?.components).toBe(1);
    fc.assert(
      fc.property(hostileBytes([basis]), (bytes) => {
        parseBasis(bytes);
      }),
      { numRuns: 300, seed: 41 },
    );
  });

  describe('in a folder', () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'visavis-pack-'));
      for (const [file, content] of files) await writeFile(join(folder, file), content);
    });
    afterAll(() => rm(folder, { recursive: true }));

    it('is opened by its path', async () => {
      expect((await openPack(folder)).identity).toEqual((await openPack('warp')).identity);
    });

    it('that is not there: one clear line that names the embedded ones', async () => {
      await expectRefused(openPack(join(folder, 'none')), /no pack .*none: .*one of .*warp/);
      await expectRefused(openPack('wrap'), /no pack wrap/);
    });
  });
});
