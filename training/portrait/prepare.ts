/**
 * Makes the training cache of the `portrait` network from clips and stills with the very code that
 * prepares its inputs in a call: crop, motion quantiser, WebP references, warp, conditioning.
 *
 *     npx tsx training/portrait/prepare.ts CACHE --clips FOLDER [--scale 1]
 *     npx tsx training/portrait/prepare.ts CACHE [--seed 1] [--scale 1] [--sources clip,hard,still]
 *         [--tracks FOLDER]
 *
 * The first takes every video in a folder, the second the project's data,
 * `$VISAVIS_DATA/data`. `--scale` multiplies how many samples each source gives. What has no track in
 * `data/tracks` is taken if `--tracks`, which `tracker/tracks.py` writes, has one.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Clip, dataRoot, splits } from '../../bench/data.js';
import { readFrames } from '../../bench/frames.js';
import { type Cache, createCache } from '../../src/cli/training/cache-file.js';
import { UserError } from '../../src/cli/user-error.js';
import { addClip, type TrackedClip } from './clip.js';
import { findClips, type OwnClip, trackClip } from './own-clips.js';
import { addStills } from './stills.js';
import { openTracks, type TrackOf } from './tracks.js';

/** Targets of a clip, at most, and of each of a person's clips where there are many. */
const MOST_TARGETS = 220;
const TARGETS_OF_MANY = 14;
const MANY_CLIPS = 20;
/** Targets of a clip of `hard`. */
const HARD_TARGETS = 40;

/** How many targets a clip gives: no person with many clips may own the training. */
function targetsOf<T>(clip: T, all: readonly T[], personOf: (clip: T) => string): number {
  const same = all.filter((other) => personOf(other) === personOf(clip)).length;
  return same >= MANY_CLIPS ? TARGETS_OF_MANY : MOST_TARGETS;
}

/** A clip of the project's data, as it was tracked; undefined where it was not. */
function dataClip(clip: Clip, trackOf: TrackOf): TrackedClip | undefined {
  const landmarks = trackOf(clip.file);
  if (!landmarks) return undefined;
  const { file, width, height, fps } = clip;
  return {
    ...{ name: file, person: clip.identity || file, width, height, fps },
    landmarks,
    pictures: () => readFrames(resolve(dataRoot(), file), clip),
  };
}

async function addData(
  cache: Cache,
  sources: readonly string[],
  trackOf: TrackOf,
  seed: number,
  scale: number,
): Promise<void> {
  const { train, hard } = splits();
  if (sources.includes('still')) {
    await addStills(cache, trackOf, seed, scale);
    console.log('stills', cache.length);
  }
  if (sources.includes('clip'))
    for (const clip of train) {
      const most = scale * targetsOf(clip, train, ({ identity }) => identity);
      const tracked = dataClip(clip, trackOf);
      if (tracked) await addClip(cache, tracked, { most, source: 'clip' });
      console.log(clip.file, cache.length);
    }
  if (sources.includes('hard'))
    for (const clip of hard) {
      const selection = { most: HARD_TARGETS * scale, source: 'hard', withFirst: true };
      const tracked = dataClip(clip, trackOf);
      if (tracked) await addClip(cache, tracked, selection);
    }
}

/** Every video of a folder; one that cannot be used is named and left out. */
async function addOwn(
  cache: Cache,
  clips: readonly OwnClip[],
  tracks: string,
  scale: number,
): Promise<void> {
  for (const clip of clips) {
    const most = scale * targetsOf(clip, clips, ({ person }) => person);
    try {
      const tracked = await trackClip(clip, tracks);
      const added = await addClip(cache, tracked, { most, source: 'own' });
      if (added === 0) throw new UserError('it shows no face in its first second, or too little');
      console.log(`${clip.name}: ${added} samples of ${clip.person}`);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      console.log(`${clip.name}: left out, ${error.message}`);
    }
  }
  if (cache.length === 0)
    throw new UserError(
      'none of the videos could be used: each must show one face from its first second on',
    );
}

async function main(): Promise<void> {
  const { values: options, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      clips: { type: 'string' },
      seed: { type: 'string', default: '1' },
      scale: { type: 'string', default: '1' },
      sources: { type: 'string', default: 'clip,hard,still' },
      tracks: { type: 'string' },
    },
  });
  const [folder] = positionals;
  if (folder === undefined) throw new UserError('usage: prepare.ts CACHE [--clips FOLDER]');
  const scale = Number(options.scale);
  if (!(scale > 0)) throw new UserError(`--scale ${options.scale}: give a number above 0`);
  const clips = options.clips === undefined ? undefined : await findClips(options.clips);
  if (!clips && !existsSync(join(dataRoot(), 'splits.json')))
    throw new UserError(
      `${dataRoot()} holds no splits.json: set VISAVIS_DATA, or give --clips FOLDER with your videos`,
    );
  if (options.tracks !== undefined && !existsSync(options.tracks))
    throw new UserError(
      `--tracks ${options.tracks}: no such folder; training/README.md says how to make it`,
    );
  mkdirSync(folder, { recursive: true });
  const cache = createCache(folder);
  if (clips) await addOwn(cache, clips, join(folder, 'tracks'), scale);
  else {
    const trackOf = openTracks(options.tracks);
    await addData(cache, options.sources.split(','), trackOf, Number(options.seed), scale);
  }
  cache.close();
  console.log(`${cache.length} samples in ${folder}`);
}

await main().catch((error: Error & { code?: string }) => {
  if (!(error instanceof UserError || error.code?.startsWith('ERR_PARSE_ARGS'))) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
