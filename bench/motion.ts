/**
 * Rate and error of the motion codec over every clip of the data, with the real packetizer and
 * depacketizer and FaceLandmarker's unfiltered tracks as input.
 *
 *     npx tsx bench/motion.ts [--pack warp] [--json FILE] [--bundle 4] [--stride 1] [--clips SUBSTRING]
 *
 * A pack whose frames carry surround points and appearance, or a vector of its own, has them found in the clips'
 * pictures first, which takes minutes.
 *
 * Rate: all bytes of motion messages, their headers included, over the frames after enrolment, per
 * second at 25 frames a second. Error: mean distance in the picture plane, crop units (pixels at
 * 256×256), between the tracks and what the receiver rebuilds; none (NaN) where a vector travels in their place
 * (`bench/fsrt-motion.ts`).
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { ValueRanges } from '../src/geometry/frame-model.js';
import { type Landmarks, POINT_COUNT } from '../src/geometry/landmarks.js';
import { LEFT_IRIS, LIPS, RIGHT_IRIS } from '../src/geometry/regions.js';
import { createFrameModel } from '../src/models/frame-model.js';
import { openPack } from '../src/models/pack-node.js';
import { MAX_VALUE, type MotionState } from '../src/protocol/motion-codec.js';
import { MotionDepacketizer } from '../src/protocol/motion-depacketizer.js';
import { MotionPacketizer } from '../src/protocol/motion-packetizer.js';
import { conceal } from '../src/receiver/concealment.js';
import { DEFAULT_INDEPENDENT_INTERVAL, DEFAULT_QUANTISER } from '../src/sender/defaults.js';
import { asSent } from './analysed-track.js';
import { splits } from './data.js';
import { loadTrack, type Track } from './tracks.js';

const FPS = 25;
const { values: options } = parseArgs({
  options: {
    json: { type: 'string' },
    pack: { type: 'string', default: 'warp' },
    bundle: { type: 'string', default: '4' },
    stride: { type: 'string', default: '1' },
    clips: { type: 'string', default: '' },
  },
});
const pack = await openPack(options.pack);
const { tables } = pack;
const IRISES = [...LEFT_IRIS, ...RIGHT_IRIS];
const stride = Number(options.stride);
const ALL = Array.from({ length: POINT_COUNT }, (_, point) => point);

interface Row {
  readonly frames: number;
  readonly kbps: number;
  readonly bodyBits: number;
  readonly all: number;
  readonly lips: number;
  readonly iris: number;
}

function meanDistance(a: Landmarks, b: Landmarks, points: readonly number[]): number {
  let sum = 0;
  for (const p of points) sum += Math.hypot(a[3 * p] - b[3 * p], a[3 * p + 1] - b[3 * p + 1]);
  return sum / points.length;
}

/** What the receiver shows of a frame that was left out. */
function between(states: ReadonlyMap<number, MotionState>, index: number, ranges: ValueRanges) {
  const first = index - (index % stride);
  const known = (sequence: number) => {
    const state = states.get(sequence);
    return state && { sequence, state };
  };
  const [last, after] = [known(first), known(first + stride)];
  if (!last?.state.facePresent || !after?.state.facePresent) return undefined;
  const [previous, next] = [known(first - stride), known(first + 2 * stride)];
  const { values } = conceal(index, { last, previous, after, next }, ranges);
  return values && { ...last.state, values };
}

function measure(track: Track, quantiser: number, bundle: number): Row {
  const model = createFrameModel(pack, track.neutral);
  const frameIntervalMs = 1000 / track.clip.fps;
  const packetizer = new MotionPacketizer({
    tables,
    framesPerPacket: bundle,
    redundancy: 0,
    quantiser,
    stride,
    independentInterval: DEFAULT_INDEPENDENT_INTERVAL,
    frameIntervalMs,
  });
  const depacketizer = new MotionDepacketizer(tables, frameIntervalMs);
  const source: (Landmarks | undefined)[] = track.frames.slice(track.enrolment);
  let bytes = 0;
  let messages = 0;
  const states = new Map<number, MotionState>();
  const deliver = (message: Uint8Array | undefined) => {
    if (!message) return;
    bytes += message.length;
    messages++;
    for (const { sequence, state } of depacketizer.receive(message, 0)) states.set(sequence, state);
  };
  source.forEach((landmarks, index) => {
    if (!packetizer.due) {
      deliver(packetizer.add(undefined, index * frameIntervalMs));
      return;
    }
    const { base, predicted } = packetizer.next;
    const values =
      landmarks &&
      model.quantise(landmarks, predicted ? base.values : undefined, quantiser, MAX_VALUE);
    deliver(packetizer.add(values, index * frameIntervalMs));
  });
  deliver(packetizer.flush());
  const sum = { all: 0, lips: 0, iris: 0 };
  let compared = 0;
  source.forEach((truth, index) => {
    const shown = states.get(index) ?? between(states, index, model.ranges);
    if (!truth || !shown?.facePresent || pack.vector) return;
    const rebuilt = model.reconstruct(shown.values, shown.quantiser);
    sum.all += meanDistance(truth, rebuilt, ALL);
    sum.lips += meanDistance(truth, rebuilt, LIPS);
    sum.iris += meanDistance(truth, rebuilt, IRISES);
    compared++;
  });
  return {
    frames: source.length,
    kbps: (bytes * 8 * FPS) / source.length / 1000,
    bodyBits: ((bytes - 6 * messages) * 8) / source.length,
    all: sum.all / compared,
    lips: sum.lips / compared,
    iris: sum.iris / compared,
  };
}

function mean(rows: readonly Row[], key: keyof Row): number {
  return rows.reduce((total, row) => total + row[key], 0) / rows.length;
}

const format = (row: Pick<Row, 'kbps' | 'bodyBits' | 'all' | 'lips' | 'iris'>) =>
  `${row.kbps.toFixed(2).padStart(6)} ${row.bodyBits.toFixed(1).padStart(6)} ${row.all.toFixed(3).padStart(7)} ${row.lips.toFixed(3).padStart(7)} ${row.iris.toFixed(3).padStart(7)}`;

const summary = (rows: readonly Row[]) => ({
  kbps: mean(rows, 'kbps'),
  bodyBits: mean(rows, 'bodyBits'),
  all: mean(rows, 'all'),
  lips: mean(rows, 'lips'),
  iris: mean(rows, 'iris'),
});

const bundle = Number(options.bundle);
const tracks: { split: string; track: Track }[] = [];
const sets = splits();
for (const split of ['train', 'validation', 'hard'] as const) {
  for (const clip of sets[split]) {
    if (!clip.file.includes(options.clips)) continue;
    const track = loadTrack(clip);
    if (track?.frames.slice(track.enrolment).some((frame) => frame)) {
      tracks.push({ split, track: await asSent(track, pack) });
    } else console.log(`left out: ${clip.file} (too few tracked frames to enrol and measure)`);
  }
}

const heading = `${'clip'.padEnd(56)} ${'kbps'.padStart(6)} ${'bits/f'.padStart(6)} ${'all px'.padStart(7)} ${'lips px'.padStart(7)} ${'iris px'.padStart(7)}`;
console.log(
  `\nquantiser ${DEFAULT_QUANTISER}, ${bundle} frames a message, stride ${stride}, ${FPS} fps`,
);
console.log(heading);
const rows = tracks.map(({ split, track }) => {
  const row = { split, file: track.clip.file, ...measure(track, DEFAULT_QUANTISER, bundle) };
  console.log(
    `${`${split} ${row.file.replace('video/', '')}`.slice(0, 56).padEnd(56)} ${format(row)}`,
  );
  return row;
});
console.log();
for (const split of ['train', 'validation', 'hard', '']) {
  const part = rows.filter((row) => row.split.startsWith(split));
  if (part.length > 0) {
    console.log(
      `${`mean ${split || 'over all'} (${part.length} clips)`.padEnd(56)} ${format(summary(part))}`,
    );
  }
}

console.log('\nrate–distortion, mean over all clips / over validation');
console.log(heading.replace('clip', 'quantiser'));
const curve = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((quantiser) => {
  const measured = tracks.map(({ split, track }) => ({
    split,
    ...measure(track, quantiser, bundle),
  }));
  const point = {
    quantiser,
    all: summary(measured),
    validation: summary(measured.filter(({ split }) => split === 'validation')),
  };
  console.log(`${`${quantiser} all`.padEnd(56)} ${format(point.all)}`);
  console.log(`${`${quantiser} validation`.padEnd(56)} ${format(point.validation)}`);
  return point;
});
if (options.json) {
  writeFileSync(
    options.json,
    JSON.stringify({ fps: FPS, bundle, stride, clips: rows, curve }, null, 1),
  );
}
