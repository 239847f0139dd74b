/**
 * How soon the receiver's picture is right again after what keypoints cannot carry: `npx tsx bench/watch.ts
 * [--set train] [--clip PART] [--other PART] [--splices dark,lamp,stranger,…] [--bps 20000] [--strips DIR]`. A clip
 * through a whole call in virtual time (bench/watch/watched-call.ts), a splice in its middle; a frame is judged by
 * PSNR and by the cells that show something else (bench/watch/right.ts), and medians of Butteraugli's 3-norm are
 * printed where it is installed.
 *
 * `quiet`: nothing happens, for the whole clip. What is sent all the same, a minute, and how the picture is
 * second by second, with the sender's watch and without.
 */
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Picture } from '../src/geometry/picture.js';
import { openPack } from '../src/models/pack-node.js';
import { type Clip, type Splits, splits } from './data.js';
import { openButteraugli } from './quality/butteraugli.js';
import { type Limits, limitsOf, loosest, rightAfter, rightShare } from './watch/right.js';
import { ENROLMENT_SECONDS, type JudgedCall, runScene } from './watch/run.js';
import { SPLICES } from './watch/splices.js';
import { writeStrip } from './watch/strip.js';

const { values: options } = parseArgs({
  options: {
    set: { type: 'string', default: 'train' },
    clip: { type: 'string', default: 'test_data_uncrop_Obama' },
    other: { type: 'string', default: 'SadTalker' },
    splices: { type: 'string', default: 'dark,lamp,stranger,held,pass,wave,glasses,nobody' },
    seconds: { type: 'string', default: '3' },
    bps: { type: 'string', default: '20000' },
    pack: { type: 'string', default: 'portrait-256-cpu' },
    unwatched: { type: 'boolean', default: false },
    strips: { type: 'string' },
  },
});
const BEFORE_SECONDS = 2.5;
/** Seconds between the pictures of a strip. */
const STRIP_SECONDS = 0.4;
/** Seconds of a quiet clip that are looked at together. */
const QUIET_SECONDS = 10;
const SECOND_MS = 1000;

const clips = splits()[options.set as keyof Splits].filter(({ file }) =>
  file.includes(options.clip),
);
const other = Object.values(splits())
  .flat()
  .find(({ file }) => file.includes(options.other))!;
const names = options.splices.split(',');
const unknown = names.find((name) => !(name in SPLICES));
if (unknown !== undefined) throw new TypeError(`--splices: there is no ${unknown}`);
const pack = await openPack(options.pack);
const butteraugli = await openButteraugli();
const maxBitrateBps = Number(options.bps);

const figure = (value: number | undefined, digits = 1) => value?.toFixed(digits) ?? '-';
const kbps = ({ wireBps }: JudgedCall) => `${(wireBps / 1000).toFixed(1)} kbps`;

/** What is right of the other person, from the first seconds of a call of their own. */
async function limitsOfOther(): Promise<Limits> {
  const end = Math.round((ENROLMENT_SECONDS + BEFORE_SECONDS) * other.fps);
  const scene = { splice: 'quiet', from: 0, to: 0, end };
  const call = { clip: other, other, scene, pack, maxBitrateBps, watched: true };
  return limitsOf((await runScene({ ...call, butteraugli: undefined })).frames);
}

async function splice(clip: Clip, name: string): Promise<void> {
  const from = Math.round((ENROLMENT_SECONDS + BEFORE_SECONDS) * clip.fps);
  const to = from + Math.round(Number(options.seconds) * clip.fps);
  const every = Math.round(clip.fps * STRIP_SECONDS);
  const columns: Picture[][] = [];
  const call = await runScene({
    clip,
    other,
    scene: { splice: name, from, to, end: 2 * to - from },
    pack,
    maxBitrateBps,
    watched: !options.unwatched,
    butteraugli,
    onFrame: (index, source, shown) => {
      const place = index - from;
      if (options.strips && place >= -every && place % every === 0) columns.push([source, shown]);
    },
  });
  const { frames, at, differs } = call;
  const ends = Number.POSITIVE_INFINITY;
  const limits = limitsOf(frames.filter(({ capturedMs }) => capturedMs < at(from)));
  // Another person moves otherwise: what is right of them is what a call of their own would show.
  const during = name === 'stranger' ? loosest(limits, await limitsOfOther()) : limits;
  const changed = rightAfter(frames, at(from), at(to), during);
  const back = rightAfter(frames, at(to), ends, limits);
  const share = (fromMs: number, toMs: number, least: Limits) =>
    `${figure(100 * rightShare(frames, fromMs, toMs, least), 0)} %`;
  const differences = [
    differs(0, at(from)),
    differs(at(from), at(from) + (changed ?? 0)),
    differs(at(from) + (changed ?? 0), at(to)),
    differs(at(to) + (back ?? 0), ends),
  ];
  console.log(
    `${clip.file.split('/').at(-1)} ${name}: right from ${figure(during.leastPsnr)} dB and ${during.mostWrongCells} cells,`,
    `right after ${figure(changed, 0)} ms (${share(at(from), at(to), during)} of the frames),`,
    `back after ${figure(back, 0)} ms (${share(at(to), ends, limits)}),`,
    `butteraugli before, wrong, right, back: ${differences.map((value) => figure(value)).join(' ')},`,
    `wire ${kbps(call)}, ${JSON.stringify(call.stats)}`,
  );
  const steps = frames.filter((_, i) => i % every === 0);
  console.log(
    `  ${steps.map((frame) => `${figure(frame.psnr, 0)}/${frame.wrongCells}`).join(' ')}`,
  );
  if (options.strips) {
    mkdirSync(options.strips, { recursive: true });
    const of = clip.file.split('/').at(-1)!.replace(/\W/g, '_');
    await writeStrip(`${options.strips}/${of}-${name}.png`, columns);
  }
}

/** A clip to which nothing happens, watched and not. */
async function quiet(clip: Clip): Promise<void> {
  const scene = { splice: 'quiet', from: 0, to: 0, end: clip.frames };
  const run = (watched: boolean) =>
    runScene({ clip, other, scene, pack, maxBitrateBps, watched, butteraugli });
  const calls = [await run(true), await run(false)];
  const seconds = clip.frames / clip.fps - ENROLMENT_SECONDS;
  const sent = Object.entries(calls[0].stats?.sent ?? {});
  const rates = sent.map(([reason, count]) => `${reason} ${figure((60 * count) / seconds)}`);
  console.log(
    `${clip.file.split('/').at(-1)} quiet, ${figure(seconds, 0)} s: a minute ${rates.join(', ') || 'nothing'};`,
    `wire ${kbps(calls[0])}, not watched ${kbps(calls[1])}`,
  );
  for (let second = 0; second < seconds; second += QUIET_SECONDS) {
    const figures = calls.map(({ frames, at, differs }) => {
      const fromMs = at(0) + (ENROLMENT_SECONDS + second) * SECOND_MS;
      const toMs = fromMs + QUIET_SECONDS * SECOND_MS;
      const within = frames.filter(({ capturedMs }) => capturedMs >= fromMs && capturedMs < toMs);
      const mean = (of: (frame: (typeof frames)[number]) => number) =>
        within.reduce((sum, frame) => sum + of(frame), 0) / within.length;
      return `${figure(mean(({ psnr }) => psnr))} dB, ${figure(mean(({ wrongCells }) => wrongCells))} wrong cells, butteraugli ${figure(differs(fromMs, toMs))}`;
    });
    console.log(`  from ${second} s: ${figures[0]}; not watched ${figures[1]}`);
  }
}

for (const clip of clips) {
  for (const name of names) await (name === 'quiet' ? quiet(clip) : splice(clip, name));
}
await butteraugli?.close();
process.exit(0);
