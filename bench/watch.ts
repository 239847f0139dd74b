/**
 * How soon the receiver's picture is right again after what keypoints cannot carry: `npx tsx bench/watch.ts
 * [--set train] [--clip PART] [--other PART] [--splices dark,lamp,stranger,…] [--bps 20000] [--strips DIR]`. A clip
 * through a whole call in virtual time (bench/watch/watched-call.ts), a splice in its middle third; PSNR of
 * what is shown beside the camera's crop, and medians of Butteraugli's 3-norm where it is installed. `quiet` counts what
 * is sent though nothing happens.
 */
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { meanSquaredError, psnrOf } from '../src/cli/report/quality.js';
import type { Picture } from '../src/geometry/picture.js';
import { openPack } from '../src/models/pack-node.js';
import { openFaceTracker } from '../src/sender/trackers/open.js';
import { type Clip, type Splits, splits } from './data.js';
import { openButteraugli } from './quality/butteraugli.js';
import { cameraFrames } from './watch/camera.js';
import { type JudgedFrame, leastRight, rightAfter } from './watch/right.js';
import { SPLICES } from './watch/splices.js';
import { writeStrip } from './watch/strip.js';
import { watchedCall } from './watch/watched-call.js';

const { values: options } = parseArgs({
  options: {
    set: { type: 'string', default: 'train' },
    clip: { type: 'string', default: 'test_data_uncrop_Obama' },
    other: { type: 'string', default: 'SadTalker' },
    splices: { type: 'string', default: 'dark,lamp,stranger,held,wave,glasses,nobody' },
    seconds: { type: 'string', default: '3' },
    bps: { type: 'string', default: '20000' },
    pack: { type: 'string', default: 'portrait-256-cpu' },
    unwatched: { type: 'boolean', default: false },
    strips: { type: 'string' },
  },
});
/** Of so many frames one is compared by Butteraugli. */
const SAMPLED = 8;
const ENROLMENT_SECONDS = 1;
const BEFORE_SECONDS = 2.5;

const clips = splits()[options.set as keyof Splits].filter(({ file }) =>
  file.includes(options.clip),
);
const other = Object.values(splits())
  .flat()
  .find(({ file }) => file.includes(options.other))!;
const pack = await openPack(options.pack);
const butteraugli = await openButteraugli();
const seconds = Number(options.seconds);

/** A clip with a splice from `from` to `to` (frames). */
async function* spliced(
  clip: Clip,
  name: string,
  from: number,
  to: number,
): AsyncGenerator<Picture> {
  const others = cameraFrames(other)[Symbol.asyncIterator]();
  let beside: Picture | undefined;
  let index = 0;
  for await (const picture of cameraFrames(clip)) {
    if (name !== 'quiet' && index >= to + (to - from)) break;
    if (index >= from && index < to && name !== 'quiet') {
      const { value, done } = await others.next();
      if (!done) beside = value;
      yield SPLICES[name](picture, ((index - from) * 1000) / clip.fps, beside ?? picture);
    } else yield picture;
    index++;
  }
  await others.return?.(undefined);
}

const round = (value: number) => value.toFixed(1);

for (const clip of clips) {
  for (const name of options.splices.split(',')) {
    const enrolment = Math.round(ENROLMENT_SECONDS * clip.fps);
    const from = enrolment + Math.round(BEFORE_SECONDS * clip.fps);
    const to = from + Math.round(seconds * clip.fps);
    const tracker = await openFaceTracker({});
    const frames: JudgedFrame[] = [];
    const columns: Picture[][] = [];
    const sampled: { readonly capturedMs: number; readonly difference: number | undefined }[] = [];
    const every = Math.round(clip.fps * 0.4);
    const began = performance.now();
    const { wireBps, stats } = await watchedCall({
      pack,
      tracker,
      frames: spliced(clip, name, from, to),
      fps: clip.fps,
      enrolment,
      maxBitrateBps: Number(options.bps),
      watched: !options.unwatched,
      onFrame: async ({ source, shown, ...frame }) => {
        if (frame.index % SAMPLED === 0) {
          const difference = await butteraugli?.compare(source, shown);
          sampled.push({ capturedMs: frame.capturedMs, difference });
        }
        frames.push({ ...frame, psnr: psnrOf(meanSquaredError(source, shown)) });
        const place = frame.index + enrolment - from;
        if (options.strips && place >= -every && place % every === 0) columns.push([source, shown]);
      },
    });
    await tracker.close();
    const startMs = frames[0].capturedMs;
    const at = (frame: number) => startMs + ((frame - enrolment) * 1000) / clip.fps;
    const least = leastRight(frames.filter(({ capturedMs }) => capturedMs < at(from)));
    const changed = rightAfter(frames, at(from), at(to), least);
    const back = rightAfter(frames, at(to), Number.POSITIVE_INFINITY, least);
    const differs = (fromMs: number, toMs: number) => {
      const within = sampled.filter(({ capturedMs }) => capturedMs >= fromMs && capturedMs < toMs);
      const values = within.flatMap(({ difference }) => difference ?? []).sort((a, b) => a - b);
      return values.length === 0 ? '-' : round(values[values.length >> 1]);
    };
    const ends = Number.POSITIVE_INFINITY;
    const differences = [
      differs(0, at(from)),
      differs(at(from), at(from) + (changed ?? 0)),
      differs(at(from) + (changed ?? 0), at(to)),
      differs(at(to) + (back ?? 0), ends),
    ];
    const steps = frames.filter((_, i) => i % every === 0).map(({ psnr }) => psnr.toFixed(0));
    console.log(
      `${clip.file.split('/').at(-1)} ${name}: right from ${round(least)} dB,`,
      `right after ${changed?.toFixed(0) ?? '-'} ms, back after ${back?.toFixed(0) ?? '-'} ms,`,
      `butteraugli before, wrong, right, back: ${differences.join(' ')},`,
      `wire ${(wireBps / 1000).toFixed(1)} kbps, ${JSON.stringify(stats)}`,
      `${((performance.now() - began) / 1000).toFixed(0)} s`,
    );
    console.log(`  ${steps.join(' ')}`);
    if (options.strips) {
      mkdirSync(options.strips, { recursive: true });
      await writeStrip(
        `${options.strips}/${options.clip.replace(/\W/g, '_')}-${name}.png`,
        columns,
      );
    }
  }
}
await butteraugli?.close();
process.exit(0);
