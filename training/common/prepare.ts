/**
 * Makes the training cache of the families that see pictures and landmarks alone (`lsr`, `fsth`): the head
 * crops of a call, and their 478 points.
 *
 *     npx tsx training/common/prepare.ts CACHE --size 64 --clips FOLDER [--most 200]
 *     npx tsx training/common/prepare.ts CACHE --size 64 [--most 200] [--sources clip,hard,still]
 *         [--tracks FOLDER]
 *
 * The first takes every video in a folder, the second the project's data, `$VISAVIS_DATA/data` (`train` and
 * `hard`, never `validation`). `--most`: frames of a clip, spread over it; clips of a person with many
 * share ten times as many. `common/crops.py` reads the cache; `--size` is pixels across.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { dataRoot, splits } from '../../bench/data.js';
import { readFrames } from '../../bench/frames.js';
import { type CropCache, createCropCache } from '../../src/cli/training/crop-cache.js';
import { UserError } from '../../src/cli/user-error.js';
import { resampleSquare, whole } from '../../src/geometry/resample.js';
import { HeadCrop, toCropUnits } from '../../src/sender/crop.js';
import { FEWEST_FACES, type TrackedClip } from '../portrait/clip.js';
import { findClips, trackClip } from '../portrait/own-clips.js';
import { readStills } from '../portrait/stills-read.js';
import { openTracks } from '../portrait/tracks.js';

/** Clips of one person, together, give at most so many times what one clip gives. */
const MOST_CLIPS = 10;
const SOURCES = ['clip', 'hard', 'still'];
const MIN_SIZE = 16;
const MAX_SIZE = 512;

/** Adds up to `most` crops of a clip, as a call would cut them; none where its first second shows no one. */
async function addClip(
  cache: CropCache,
  clip: TrackedClip,
  size: number,
  most: number,
  source: string,
): Promise<number> {
  const { landmarks, width, height, fps, person, name } = clip;
  const first = [...landmarks].filter(([index]) => index < Math.round(fps));
  if (first.length < FEWEST_FACES) return 0;
  const crop = new HeadCrop(
    first.map(([, face]) => face),
    width,
    height,
  );
  const every = Math.max(1, landmarks.size / most);
  const indices = [...landmarks.keys()];
  const wanted = new Set(
    Array.from(
      { length: Math.min(most, indices.length) },
      (_, n) => indices[Math.floor(n * every)],
    ),
  );
  let index = 0;
  let added = 0;
  for await (const picture of clip.pictures()) {
    const face = landmarks.get(index);
    const square = face && crop.follow(face);
    if (square && wanted.has(index)) {
      const cut = resampleSquare(picture, square, size);
      cache.add(cut, toCropUnits(face, square), { person, clip: name, source });
      added++;
    }
    if (added === wanted.size) break;
    index++;
  }
  return added;
}

async function addData(
  cache: CropCache,
  sources: readonly string[],
  size: number,
  most: number,
  tracks: string | undefined,
): Promise<void> {
  const trackOf = openTracks(tracks);
  if (sources.includes('still')) {
    for (const { person, picture, landmarks } of await readStills(dataRoot(), trackOf)) {
      const cut = resampleSquare(picture, whole(picture), size);
      cache.add(cut, landmarks, { person, clip: person, source: 'still' });
    }
    console.log(`stills: ${cache.entries.length} crops`);
  }
  const { train, hard } = splits();
  for (const [source, clips] of [
    ['clip', train],
    ['hard', hard],
  ] as const) {
    if (!sources.includes(source)) continue;
    for (const clip of clips) {
      const landmarks = trackOf(clip.file);
      if (!landmarks) continue;
      const { file, identity, width, height, fps } = clip;
      const ofPerson = clips.filter((other) => other.identity === identity && identity).length;
      const share = Math.min(1, MOST_CLIPS / Math.max(1, ofPerson));
      const pictures = () => readFrames(resolve(dataRoot(), file), clip);
      const tracked = { name: file, person: identity || file, width, height, fps, landmarks };
      await addClip(cache, { ...tracked, pictures }, size, Math.ceil(most * share), source);
    }
    console.log(`${source}: ${cache.entries.length} crops`);
  }
}

/** Every video of a folder; one that cannot be used is named and left out. */
async function addOwn(
  cache: CropCache,
  folder: string,
  size: number,
  most: number,
  tracks: string,
): Promise<void> {
  for (const clip of await findClips(folder)) {
    try {
      const added = await addClip(cache, await trackClip(clip, tracks), size, most, 'own');
      if (added === 0) throw new UserError('it shows no face in its first second, or too little');
      console.log(`${clip.name}: ${added} crops of ${clip.person}`);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      console.log(`${clip.name}: left out, ${error.message}`);
    }
  }
}

async function main(): Promise<void> {
  const { values: options, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      clips: { type: 'string' },
      size: { type: 'string' },
      most: { type: 'string', default: '200' },
      sources: { type: 'string', default: SOURCES.join() },
      tracks: { type: 'string' },
    },
  });
  const [folder] = positionals;
  const size = Number(options.size);
  const most = Number(options.most);
  if (folder === undefined) throw new UserError('usage: prepare.ts CACHE --size PIXELS');
  if (!(Number.isInteger(size) && size >= MIN_SIZE && size <= MAX_SIZE))
    throw new UserError(`--size must be a whole number ${MIN_SIZE}–${MAX_SIZE}`);
  if (!(Number.isInteger(most) && most > 0))
    throw new UserError(`--most ${options.most}: give a whole number above 0`);
  const sources = options.sources.split(',');
  const unknown = sources.find((source) => !SOURCES.includes(source));
  if (unknown !== undefined)
    throw new UserError(`--sources ${unknown}: they are ${SOURCES.join(', ')}`);
  if (options.clips === undefined && !existsSync(join(dataRoot(), 'splits.json')))
    throw new UserError(
      `${dataRoot()} holds no splits.json: set VISAVIS_DATA, or give --clips FOLDER with your videos`,
    );
  const cache = createCropCache(folder, size);
  if (options.clips === undefined) await addData(cache, sources, size, most, options.tracks);
  else await addOwn(cache, options.clips, size, most, join(folder, 'tracks'));
  if (cache.entries.length === 0)
    throw new UserError('no crop: each video must show one face from its first second on');
  cache.close();
  console.log(`${cache.entries.length} crops of ${size} × ${size} in ${folder}`);
}

await main().catch((error: Error & { code?: string }) => {
  if (!(error instanceof UserError || error.code?.startsWith('ERR_PARSE_ARGS'))) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
