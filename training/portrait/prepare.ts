/**
 * Makes the training cache of the `portrait` network from clips and stills with the very code that
 * prepares its inputs in a call: crop, motion quantiser, WebP references, warp, conditioning.
 *
 *     npx tsx training/portrait/prepare.ts CACHE [--seed 1] [--scale 1] [--sources clip,hard,still]
 *
 * `--scale` multiplies how many samples each source gives. The data folder is `$VISAVIS_DATA/data`.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Clip, dataRoot, splits } from '../../bench/data.js';
import { readFrames } from '../../bench/frames.js';
import { MotionModel } from '../../src/geometry/motion-model.js';
import { neutralGeometry } from '../../src/geometry/pose.js';
import { resampleSquare } from '../../src/geometry/resample.js';
import type { DecoderReference } from '../../src/models/decoder.js';
import {
  createPortraitInputs,
  NETWORK_SIZE,
  type PortraitInputs,
} from '../../src/models/families/portrait-inputs.js';
import { HeadCrop, toCropUnits } from '../../src/sender/crop.js';
import { spreadChoice } from '../../src/sender/enrolment.js';
import { type Cache, createCache, MAX_COUNT } from './cache-file.js';
import { addSet, basis, boxes, compressed, readTrack, throughCodec } from './samples.js';
import { addStills } from './stills.js';

/** Targets of a clip, at most, and of each of a person's clips where there are many. */
const MOST_TARGETS = 220;
const TARGETS_OF_MANY = 14;
const MANY_CLIPS = 20;
/** Targets of a clip of `hard`. */
const HARD_TARGETS = 40;

async function addClip(cache: Cache, clip: Clip, most: number, source: string): Promise<void> {
  const trackPath = resolve(dataRoot(), 'tracks', `${clip.file}.npz`);
  if (!existsSync(trackPath)) return;
  const track = readTrack(trackPath);
  const second = Math.round(clip.fps);
  const first = [...track.keys()].filter((index) => index < second);
  if (first.length < 5) return;
  const crop = new HeadCrop(
    first.map((index) => track.get(index)!),
    clip.width,
    clip.height,
  );
  const frames = new Map<number, DecoderReference>();
  let index = 0;
  for await (const picture of readFrames(resolve(dataRoot(), clip.file), clip)) {
    const landmarks = track.get(index);
    if (landmarks) {
      const square = crop.follow(landmarks);
      frames.set(index, {
        picture: resampleSquare(picture, square, NETWORK_SIZE),
        landmarks: toCropUnits(landmarks, square),
      });
    }
    index++;
  }
  const indices = [...frames.keys()];
  const geometries = (of: readonly number[]) => of.map((i) => frames.get(i)!.landmarks);
  const stride = Math.max(1, Math.floor(indices.length / 60));
  const anywhere = indices.filter((_, i) => i % stride === 0);
  const pools = [first, anywhere].map((pool) => {
    const chosen = spreadChoice(geometries(pool), MAX_COUNT).map((i) => pool[i]);
    return { chosen, neutral: neutralGeometry(geometries(pool)) };
  });
  const sets: { set: number; inputs: PortraitInputs; chosen: number[]; model: MotionModel }[] = [];
  for (const { chosen, neutral } of pools) {
    const references = await Promise.all(chosen.map((i) => compressed(frames.get(i)!)));
    const set = addSet(cache, references);
    const inputs = createPortraitInputs(references);
    sets.push({ set, inputs, chosen, model: new MotionModel(basis, neutral) });
  }
  const targets = indices.filter((i) => i >= second || source === 'hard');
  const every = Math.max(1, targets.length / most);
  for (let n = 0; n < targets.length; n += every) {
    const target = targets[Math.floor(n)];
    const frame = frames.get(target)!;
    // Two of three from the first second, as in a call; the third from the whole clip.
    const { set, inputs, chosen, model } = sets[Math.floor(n / every) % 3 === 2 ? 1 : 0];
    if (chosen.includes(target)) continue;
    const geometry = throughCodec(model, frame.landmarks);
    // Which reference shows what fades from frame to frame: settle it.
    for (let i = 0; i < 3; i++) inputs.warp.update(geometry);
    inputs.update(geometry);
    const person = clip.identity || clip.file;
    cache.addSample(frame.picture, inputs, { set, person, source, ...boxes(frame.landmarks) });
  }
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    scale: { type: 'string', default: '1' },
    sources: { type: 'string', default: 'clip,hard,still' },
  },
});
const [folder] = positionals;
if (folder === undefined) throw new Error('usage: prepare.ts CACHE');
mkdirSync(folder, { recursive: true });
const cache = createCache(folder);
const scale = Number(options.scale);
const { train, hard } = splits();
const sources = options.sources.split(',');
const clipsOf = (person: string) => train.filter(({ identity }) => identity === person).length;
if (sources.includes('still')) {
  await addStills(cache, join(dataRoot(), 'stills'), Number(options.seed), scale);
  console.log('stills', cache.length);
}
if (sources.includes('clip')) {
  for (const clip of train) {
    const most = clipsOf(clip.identity) >= MANY_CLIPS ? TARGETS_OF_MANY : MOST_TARGETS;
    await addClip(cache, clip, most * scale, 'clip');
    console.log(clip.file, cache.length);
  }
}
if (sources.includes('hard')) {
  for (const clip of hard) await addClip(cache, clip, HARD_TARGETS * scale, 'hard');
}
console.log(cache.length);
cache.close();
