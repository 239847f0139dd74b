import { cp, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Picture } from '../src/geometry/picture.js';
import type { DecoderReference } from '../src/models/decoder.js';
import { createDecoder } from '../src/models/decoder-node.js';
import { createWarpDecoder } from '../src/models/families/warp.js';
import { openPack } from '../src/models/pack-node.js';
import { boxes } from '../training/portrait/samples.js';
import { cartoonGeometry, cartoonReference, drawCartoon } from './support/cartoon-face.js';
import { temporaryFolder, writeClip, writeNoise } from './support/cli.js';
import { type Ended, python, runScript } from './support/python.js';
import {
  expectResumed,
  HOOK_MS,
  loggedRow,
  refusal,
  seal,
  trainByTwo,
  weightsHash,
} from './support/training.js';
import { describeNeeds } from './tools.js';

/** The least that the trainer takes, the discriminator included. */
const CONFIG = `${['code', 'layout', 'encoder', 'near', 'far', 'trunk', 'deep', 'deepest', 'fine']
  .map((width) => `${width} = 4`)
  .join('\n')}
batch = 2
crop = 64
steps = 4
adversarial = 0.02
matching = 0.1
held_out = "bob"
`;
let folder: string;
const inFolder = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => rm(folder, { recursive: true }));

const prepare = (cache: string, clips: string, environment?: NodeJS.ProcessEnv) =>
  runScript(
    'training/portrait/prepare.ts',
    [inFolder(cache), '--clips', clips, '--scale', '0.03'],
    environment,
  );

/** Two people of the sample, one in a folder of their own; and noise, who is nobody. */
async function prepareVideos(): Promise<Ended> {
  const videos = inFolder('videos');
  await mkdir(join(videos, 'anna b'), { recursive: true });
  await writeClip(join(videos, 'anna b', 'clip.webp'), 36);
  await writeClip(join(videos, 'bob.webp'), 36, { first: 100 });
  await writeNoise(join(videos, 'noise.webp'), 6);
  return prepare('cache', videos);
}

const train = (run: string, ...more: readonly string[]) =>
  python(
    ...['-m', 'portrait.train', inFolder('tiny.toml'), inFolder(run)],
    ...['--cache', inFolder('cache'), ...more],
  );

const weights = (run: string) => weightsHash(inFolder(run));

describe('videos that cannot be used are named in one line', () => {
  const refused = async (clips: string, environment?: NodeJS.ProcessEnv) => {
    const { status, stderr } = await prepare('none', clips, environment);
    expect(status).toBe(1);
    const lines = stderr.trim().split('\n');
    expect(lines).toHaveLength(1);
    return lines[0];
  };

  it('no such folder', async () => {
    expect(await refused(inFolder('nowhere'))).toMatch(/nowhere cannot be read as a folder: give/);
  });
  it('no video in it', async () => {
    await mkdir(inFolder('texts'));
    await writeFile(inFolder('texts/notes.txt'), 'no video');
    expect(await refused(inFolder('texts'))).toMatch(/texts holds no video \(.*\.mp4.*\): give/);
  });
  it('no ffmpeg', async () => {
    await mkdir(inFolder('mp4'));
    await writeFile(inFolder('mp4/clip.mp4'), 'never read');
    const line = await refused(inFolder('mp4'), { PATH: inFolder('texts') });
    expect(line).toMatch(/clip\.mp4 needs ffmpeg, which is not installed .*apt-get install ffmpeg/);
  });
});

describeNeeds('torch')('from videos to a pack', () => {
  let prepared: Ended;
  let trained: Ended;
  beforeAll(async () => {
    await writeFile(inFolder('tiny.toml'), CONFIG);
    prepared = await prepareVideos();
    expect(prepared, prepared.stderr).toMatchObject({ status: 0 });
    trained = await train('whole');
  }, HOOK_MS);

  it('people are the names of folders and files; who shows no face is left out by name', async () => {
    const index = JSON.parse(await readFile(inFolder('cache/index.json'), 'utf8'));
    const people = index.samples.map(({ person }: { person: string }) => person);
    expect([...new Set(people)]).toEqual(['anna_b', 'bob']);
    expect(prepared.stdout).toMatch(/noise\.webp: left out, it shows no face/);
    expect(prepared.stderr).toMatch(/tracking bob\.webp 36\/36 frames {2}36 with a face/);
    // A second time the tracks are there.
    expect((await prepare('cache', inFolder('videos'))).stderr).toBe('');
  });

  it('a cache that is none, or half made, is refused in one line', async () => {
    const refused = (cache: string) => {
      const run = [inFolder('tiny.toml'), inFolder('refused'), '--cache', inFolder(cache)];
      return refusal('-m', 'portrait.train', ...run);
    };
    expect(await refused('nothing')).toMatch(/^.*nothing is no cache, or .*prepare\.ts$/);
    await cp(inFolder('cache'), inFolder('half'), { recursive: true });
    await truncate(inFolder('half/samples.bin'), 1e6);
    expect(await refused('half')).toMatch(/^.*half is a cache of another version, or half made.*$/);
  });

  it('a training says how it goes, and goes on as if it had never stopped', async () => {
    const columns = ['laplacian', 'judge', 'matching', 'gain', 'sharpness'];
    expect((await loggedRow(inFolder('whole'), columns)).step).toBe('4');
    expect(trained.stderr).toMatch(/100\.0 % {2}4\/4 .* left {2}charbonnier/);

    const again = (...more: readonly string[]) => train('resumed', ...more);
    await expectResumed(again, inFolder('resumed'), inFolder('whole'));
  });

  it('two processes train together', async () => {
    await writeFile(inFolder('tiny.toml'), CONFIG.replace('steps = 4', 'steps = 1'));
    await train('alone');
    const args = [inFolder('tiny.toml'), inFolder('both'), '--cache', inFolder('cache')];
    await trainByTwo(inFolder('logs'), 'portrait.train', ...args);
    // Rank 0 sees what the lone process sees: without the other's gradients it would be the same.
    expect(await weights('both')).not.toBe(await weights('alone'));
  });

  it('curves are drawn', async () => {
    await python('-m', 'common.plot', inFolder('whole'), '--out', inFolder('curves.svg'));
    expect(await readFile(inFolder('curves.svg'), 'utf8')).toMatch(/<svg[\s\S]*<\/svg>/);
  });

  describe('the pack', () => {
    beforeAll(async () => {
      const pack = inFolder('pack');
      const { stdout } = await python(
        ...['-m', 'portrait.export'],
        ...[inFolder('whole/weights.pt'), pack, '--name', 'tiny'],
      );
      expect(stdout).toMatch(/generator\.onnx paint: largest difference/);
      await seal(pack);
    }, HOOK_MS);

    const shown = cartoonGeometry([0.05, -0.12, 0.02], 4);
    const poses = [
      cartoonGeometry([0, 0.2, 0]),
      cartoonGeometry([0, -0.2, 0], 2),
      cartoonGeometry([0.1, 0, 0], 8),
    ];

    it.each([
      [256, 1],
      [256, 3],
      [512, 1],
      [512, 3],
    ])(
      'at the start of the training shows what the geometry alone gives (%i, %i references)',
      async (size, count) => {
        const references = await Promise.all(
          poses.slice(0, count).map((pose) => cartoonReference(pose, size)),
        );
        const portrait = await decode(
          createDecoder(await openPack(inFolder('pack'))),
          references,
          shown,
        );
        const warp = await decode(createWarpDecoder(), references, shown);
        expect([portrait.width, portrait.height]).toEqual([size, size]);
        expect(portrait.data.every((value, i) => i % 4 !== 3 || value === 255)).toBe(true);
        const { psnr, gain } = compared(portrait, warp, shown);
        expect(psnr).toBeGreaterThan(40);
        expect(gain).toBeGreaterThan(1);
        expect(gain).toBeLessThan(1.08);
        // So does the face, drawn with that geometry; with another's it looks otherwise.
        const drawn = await drawCartoon(shown, size);
        expect(compared(portrait, drawn, shown).psnr).toBeGreaterThan(35);
        expect(compared(portrait, references[0].picture, shown).psnr).toBeLessThan(28);
      },
    );
  });
});

async function decode(
  decoder: ReturnType<typeof createWarpDecoder>,
  references: readonly DecoderReference[],
  geometry: Float32Array,
): Promise<Picture> {
  const copies = references.map(({ picture, landmarks }) => ({
    picture: { ...picture, data: picture.data.slice() },
    landmarks,
  }));
  await decoder.setIdentity({ size: references[0].picture.width, references: copies });
  // What each reference shows settles over a few frames.
  for (let i = 0; i < 3; i++) await decoder.decode(geometry);
  const picture = await decoder.decode(geometry);
  await decoder.close();
  return picture;
}

/**
 * dB outside of mouth and eyes, which the two decoders make each in a way of its own, once `a` is as
 * bright as `b`: an untrained mask drops a few percent of the references everywhere. `gain` is by
 * how much that is.
 */
function compared(a: Picture, b: Picture, geometry: Float32Array): { psnr: number; gain: number } {
  const { mouth, eyes } = boxes(geometry);
  const scale = a.width / 256;
  const outside: number[] = [];
  for (let i = 0; i < a.data.length; i++) {
    const x = ((i >> 2) % a.width) / scale;
    const y = Math.floor((i >> 2) / a.width) / scale;
    const inside = [mouth, ...eyes].some(
      ([left, top, right, bottom]) => x >= left && x < right && y >= top && y < bottom,
    );
    if (i % 4 !== 3 && !inside) outside.push(i);
  }
  const sum = (term: (i: number) => number) => outside.reduce((total, i) => total + term(i), 0);
  const gain = sum((i) => a.data[i] * b.data[i]) / sum((i) => a.data[i] ** 2);
  const error = sum((i) => (gain * a.data[i] - b.data[i]) ** 2) / outside.length;
  return { psnr: 10 * Math.log10(255 ** 2 / error), gain };
}
