/**
 * Live enrolment over the clips of the data, from FaceLandmarker's tracks (no pictures), at the rate of a
 * slow machine: frames 40–200 ms apart.
 *
 *   npx tsx bench/live-enrolment.ts [--set validation]
 *
 * quick, rest: seconds of the clip until the enrolment is done, and until the face at rest is. Then for each
 * prompt, of the windows of 4.5 seconds (one begins every second; what a shorter clip has) after the rest: how
 * many fulfil it. Nobody in the clips was asked to, so this is how often talking does. Last, of the people with
 * a neutral and a smiling still: how many fulfil `smile`.
 */
import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { POINT_COUNT } from '../src/geometry/landmarks.js';
import { createPicture } from '../src/geometry/picture.js';
import { EXPRESSION_PROMPTS, fulfilment, measureFace } from '../src/sender/enrolment-prompts.js';
import { createLiveEnrolment } from '../src/sender/live-enrolment.js';
import type { TrackedFace } from '../src/sender/tracker.js';
import { type Clip, dataRoot, splits } from './data.js';
import { readNpz } from './npz.js';

const SETS = ['validation', 'train', 'hard', 'negative'] as const;
/** Within the limit of a prompt (src/sender/enrolment-stages.ts), which is not to be taken for its fulfilment. */
const WINDOW_MS = 4500;
const PICTURE = createPicture(1, 1);
/** Milliseconds between frames. */
const INTERVALS = [40, 80, 200, 120, 60, 160];

interface LiveFrame {
  readonly ms: number;
  readonly faces: TrackedFace[];
}

/** A clip's track at irregular times, in pixels; undefined where there is none. */
function liveFrames({ file, fps, frames }: Clip): LiveFrame[] | undefined {
  const path = resolve(dataRoot(), 'tracks', `${file}.npz`);
  if (!existsSync(path)) return undefined;
  const track = readNpz(path);
  const rows = new Map([...(track.frame.data as Int32Array)].map((frame, row) => [frame, row]));
  const points = track.landmarks.data as Int16Array;
  const count = 3 * POINT_COUNT;
  const live: LiveFrame[] = [];
  for (let ms = 0, i = 0; ; ms += INTERVALS[i++ % INTERVALS.length]) {
    const index = Math.round((ms * fps) / 1000);
    if (index >= frames) return live;
    const row = rows.get(index);
    const landmarks =
      row === undefined
        ? undefined
        : Float32Array.from(points.subarray(row * count, (row + 1) * count), (v) => v / 16);
    live.push({ ms, faces: landmarks ? [{ landmarks, presence: 1 }] : [] });
  }
}

/** Feeds frames until the prompt changes from what it is; the time then, undefined where it does not. */
function feed(
  enrolment: ReturnType<typeof createLiveEnrolment>,
  frames: readonly LiveFrame[],
): number | undefined {
  const { prompt } = enrolment.status;
  for (const { faces, ms } of frames) {
    if (enrolment.look(faces, ms) === 'keep') enrolment.keep(PICTURE);
    if (enrolment.status.prompt !== prompt) return ms;
  }
  return undefined;
}

/** Of the windows after the rest, those that fulfil a prompt, and all. */
function chances(frames: readonly LiveFrame[], restMs: number, steps: number): [number, number] {
  let [reached, windows] = [0, 0];
  const endMs = frames.at(-1)!.ms;
  const rest = frames.filter(({ ms }) => ms <= restMs);
  for (let startMs = restMs; startMs + WINDOW_MS <= endMs || windows === 0; startMs += 1000) {
    const enrolment = createLiveEnrolment({ mode: 'guided', size: 256 });
    feed(enrolment, rest);
    for (let i = 0; i < steps; i++) enrolment.skip(restMs);
    // The first frame of the window begins it: what was between counts for nothing.
    const window = frames.filter(({ ms }) => ms > startMs && ms < startMs + WINDOW_MS);
    const asked = enrolment.status.prompt;
    feed(enrolment, window);
    const { prompt } = enrolment.status;
    windows++;
    if (prompt !== asked && prompt !== 'hold-still') reached++;
  }
  return [reached, windows];
}

/** Measures of the stills of a folder, by the number that their names begin with. */
function stillMeasures(folder: string) {
  const path = resolve(dataRoot(), 'tracks/stills', folder);
  return new Map(
    readdirSync(path).flatMap((name) => {
      const { data } = readNpz(resolve(path, name)).landmarks;
      if (data.length !== 3 * POINT_COUNT) return [];
      return [[name.slice(0, 3), measureFace(Float32Array.from(data as Int16Array))]];
    }),
  );
}

const { values } = parseArgs({ options: { set: { type: 'string' } } });
const all = splits();
const header = [
  'clip'.padEnd(44),
  ' quick',
  '  rest',
  ...EXPRESSION_PROMPTS.map((p) => p.padStart(11)),
];
console.log(header.join(' '));
for (const set of SETS.filter((name) => !values.set || name === values.set)) {
  const sums = EXPRESSION_PROMPTS.map(() => [0, 0]);
  let [clips, quick, rested] = [0, 0, 0];
  for (const clip of all[set]) {
    const frames = liveFrames(clip);
    if (!frames) continue;
    clips++;
    const quickMs = feed(createLiveEnrolment({ mode: 'quick', size: 256 }), frames);
    const restMs = feed(createLiveEnrolment({ mode: 'guided', size: 256 }), frames);
    if (quickMs !== undefined) quick++;
    if (restMs !== undefined) rested++;
    const cells = EXPRESSION_PROMPTS.map((_, i) => {
      if (restMs === undefined) return '';
      const [reached, windows] = chances(frames, restMs, i);
      sums[i][0] += reached;
      sums[i][1] += windows;
      return `${reached}/${windows}`;
    });
    const seconds = (ms: number | undefined) =>
      (ms === undefined ? 'never' : (ms / 1000).toFixed(1)).padStart(6);
    const row = [clip.file.slice(6, 50).padEnd(44), seconds(quickMs), seconds(restMs)];
    console.log([...row, ...cells.map((cell) => cell.padStart(11))].join(' '));
  }
  const shares = sums.map(([reached, windows]) =>
    `${windows ? Math.round((100 * reached) / windows) : 0} %`.padStart(11),
  );
  const title = `${set}: ${clips} clips, ${sums[0][1]} windows`.padEnd(44);
  const enrolled = [quick, rested].map((count) => `${count}`.padStart(6));
  console.log([title, ...enrolled, ...shares].join(' '));
}

if (!values.set) {
  const smiling = stillMeasures('london_smiling');
  const pairs = [...stillMeasures('london_neutral')].flatMap(([person, rest]) => {
    const smile = smiling.get(person);
    return smile ? [fulfilment('smile', smile, rest)] : [];
  });
  const smiles = pairs.filter((fulfilled) => fulfilled >= 1).length;
  console.log(`stills: ${smiles} of ${pairs.length} people fulfil smile`);
}
