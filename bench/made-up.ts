/**
 * What a made-up frame is off by: FaceLandmarker's unfiltered tracks of the clips as motion values, and what
 * the receiver's concealment makes of the frames in a hole beside what they were.
 *
 *     npx tsx bench/made-up.ts [--split validation] [--pack portrait-256-cpu] [--json FILE]
 *
 * For each place in a hole, 1 the first: mean distance of the 40 points of the lips in crop units (pixels at
 * 256×256) and the share of frames above 2, extrapolated (nothing newer is known), and interpolated, where the
 * hole is so long (the mean over its frames). Every third frame of each clip begins a hole. `fit`: what
 * `madeUpError` of src/sender/rate-model.ts takes for it.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { MotionModel } from '../src/geometry/motion-model.js';
import { LIPS } from '../src/geometry/regions.js';
import { openPack } from '../src/models/pack-node.js';
import { MAX_VALUE } from '../src/protocol/motion-codec.js';
import { conceal, type KnownFrame, type Surroundings } from '../src/receiver/concealment.js';
import { DEFAULT_QUANTISER } from '../src/sender/defaults.js';
import { madeUpError } from '../src/sender/rate-model.js';
import { type Clip, splits } from './data.js';
import { loadTrack } from './tracks.js';

const { values: options } = parseArgs({
  options: {
    split: { type: 'string', default: 'validation' },
    pack: { type: 'string', default: 'portrait-256-cpu' },
    json: { type: 'string' },
  },
});
const LONGEST = 16;
const EVERY = 3;
/** Frames off by more than so many pixels are seen (`bench/recovery.ts`). */
const SEEN_PX = 2;

const { basis } = await openPack(options.pack);

interface Tally {
  sum: number;
  seen: number;
  count: number;
}
const tallies = (): Tally[] =>
  Array.from({ length: LONGEST + 1 }, () => ({ sum: 0, seen: 0, count: 0 }));
const extrapolated = tallies();
const interpolated = tallies();

function measure(clip: Clip): boolean {
  const track = loadTrack(clip);
  if (!track) return false;
  const model = new MotionModel(basis, track.neutral);
  const known = track.frames.slice(track.enrolment).map((landmarks, sequence) => {
    if (!landmarks) return undefined;
    const values = model.quantise(landmarks, undefined, DEFAULT_QUANTISER, MAX_VALUE);
    const state = { values, quantiser: DEFAULT_QUANTISER, activity: 0, facePresent: true };
    return { frame: { sequence, state }, shown: model.reconstruct(values, DEFAULT_QUANTISER) };
  });
  const note = (tally: Tally, sequence: number, around: Surroundings) => {
    const { values } = conceal(sequence, around, model.ranges);
    const wanted = known[sequence]?.shown;
    if (!values || !wanted) return;
    const shown = model.reconstruct(values, DEFAULT_QUANTISER);
    const far = (p: number) =>
      Math.hypot(shown[3 * p] - wanted[3 * p], shown[3 * p + 1] - wanted[3 * p + 1]);
    const off = LIPS.reduce((sum, p) => sum + far(p), 0) / LIPS.length;
    tally.sum += off;
    tally.seen += off > SEEN_PX ? 1 : 0;
    tally.count++;
  };
  const frameAt = (sequence: number): KnownFrame | undefined => known[sequence]?.frame;
  for (let at = 1; at < known.length; at += EVERY) {
    const [previous, last] = [frameAt(at - 1), frameAt(at)];
    if (!last) continue;
    for (let place = 1; place <= LONGEST; place++) {
      note(extrapolated[place], at + place, { last, previous });
      const [after, next] = [frameAt(at + place + 1), frameAt(at + place + 2)];
      if (!after) continue;
      for (let i = 1; i <= place; i++)
        note(interpolated[place], at + i, { last, previous, after, next });
    }
  }
  return true;
}

const clips = splits()[options.split as 'validation'];
const measured = clips.filter(measure).length;
const cell = (text: string) => text.padStart(8);
const cells = ({ sum, seen, count }: Tally) =>
  cell((sum / count).toFixed(2)) + cell(((100 * seen) / count).toFixed(0));
console.log(
  `${measured} clips of ${options.split}; lips, pixels at 256×256, and % above ${SEEN_PX}`,
);
console.log(
  `place, or length${cell('extrap.')}${cell('%')}${cell('fit')}${cell('interp.')}${cell('%')}`,
);
for (let place = 1; place <= LONGEST; place++) {
  const fit = cell(madeUpError(40 * place).toFixed(2));
  console.log(
    `${String(place).padStart(16)}${cells(extrapolated[place])}${fit}${cells(interpolated[place])}`,
  );
}
if (options.json) {
  const { split, pack } = options;
  const rows = extrapolated.map((each, place) => ({
    place,
    extrapolated: each,
    interpolated: interpolated[place],
  }));
  writeFileSync(
    options.json,
    JSON.stringify({ split, pack, clips: measured, rows: rows.slice(1) }, null, 1),
  );
}
