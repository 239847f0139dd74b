/**
 * Measures the Node tracker on clips against FaceLandmarker's tracks.
 *
 *     npx tsx bench/tracker.ts [--set validation] [--clips PART_OF_NAME] [--frames N] [--raw] [--jpeg]
 *         [--tracker FOLDER] [--landmarker]
 *
 * Errors are distances in per cent of the inter-ocular distance of the track (between the iris
 * centres), mean over the points, then over the frames (`median` over the frames, for clips whose
 * tracks are wrong in places). Jitter is the mean length of the second difference over time of all
 * points in the same unit, ours and the track's. `--raw` turns the tracker's filter off. `--tracker`:
 * another tracker pack than the default one. `--landmarker`: instead of a tracker, FaceLandmarker's networks
 * afresh on every frame, as the tracks were made. `--jpeg`: frames go through JPEG as they did before
 * FaceLandmarker saw them.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { MESH_POINT_COUNT, POINT_COUNT } from '../src/geometry/landmarks.js';
import type { FaceTracker } from '../src/sender/tracker.js';
import { openFaceTracker } from '../src/sender/trackers/open.js';
import { type Clip, dataRoot, type Splits, splits } from './data.js';
import { createLandmarker } from './face-landmarker.js';
import { readFrames } from './frames.js';
import { readJpegFrames } from './jpeg-frames.js';
import { readNpz } from './npz.js';

// biome-ignore format: a table
const LIPS = [
  61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409,
  78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415,
];
// biome-ignore format: a table
const LIDS = [
  33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173,
  263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398,
];
const IRISES = Array.from({ length: POINT_COUNT - MESH_POINT_COUNT }, (_, i) => 468 + i);
const GROUPS = { all: Array.from({ length: POINT_COUNT }, (_, i) => i), LIPS, LIDS, IRISES };

type Points = Float32Array;

function distance(a: Points, i: number, b: Points, j: number): number {
  return Math.hypot(a[i * 3]! - b[j * 3]!, a[i * 3 + 1]! - b[j * 3 + 1]!);
}

/** Mean length of the second difference of three successive frames. */
function jitter([a, b, c]: Points[]): number {
  let sum = 0;
  for (let i = 0; i < POINT_COUNT * 3; i += 3)
    sum += Math.hypot(a![i]! - 2 * b![i]! + c![i]!, a![i + 1]! - 2 * b![i + 1]! + c![i + 1]!);
  return sum / POINT_COUNT;
}

function quantile(values: number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(q * (sorted.length - 1))] ?? Number.NaN;
}
const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** Track points by frame index; empty where FaceLandmarker found no face in the clip. */
function readTrack(clip: Clip): Map<number, Points> {
  const track = new Map<number, Points>();
  let arrays: ReturnType<typeof readNpz>;
  try {
    arrays = readNpz(`${dataRoot()}/tracks/${clip.file}.npz`);
  } catch {
    return track;
  }
  const points = Float32Array.from(arrays.landmarks!.data as Int16Array, (v) => v / 16);
  (arrays.frame!.data as Int32Array).forEach((frame, i) => {
    track.set(frame, points.subarray(i * POINT_COUNT * 3, (i + 1) * POINT_COUNT * 3));
  });
  return track;
}

async function openLandmarker(): Promise<FaceTracker> {
  const landmarker = await createLandmarker(
    resolve(dataRoot(), '../models/mediapipe/face_landmarker.task'),
  );
  return {
    async track(picture) {
      const landmarks = await landmarker.landmarks(picture);
      return landmarks ? [{ landmarks, presence: 1 }] : [];
    },
    close: landmarker.close,
  };
}

async function measure(clip: Clip): Promise<(number | string)[]> {
  const track = readTrack(clip);
  const tracker = options.landmarker
    ? await openLandmarker()
    : await openFaceTracker({ packPath: options.tracker, smooth: !options.raw });
  const times: number[] = [];
  const errors = Object.values(GROUPS).map(() => [] as number[]);
  const jitters: [number[], number[]] = [[], []];
  const history: [Points, Points][] = [];
  let [frames, found, tracked, both, second] = [0, 0, 0, 0, 0];
  const path = `${dataRoot()}/${clip.file}`;
  const pictures = options.jpeg ? readJpegFrames(path) : readFrames(path, clip);
  for await (const picture of pictures) {
    if (frames === Number(options.frames)) break;
    const start = performance.now();
    const faces = await tracker.track(picture);
    times.push(performance.now() - start);
    const theirs = track.get(frames++);
    const ours = faces[0]?.landmarks;
    if (ours) found++;
    if (theirs) tracked++;
    if (faces.length > 1) second++;
    if (!ours || !theirs) {
      history.length = 0;
      continue;
    }
    both++;
    const unit = distance(theirs, 468, theirs, 473) / 100;
    Object.values(GROUPS).forEach((group, g) => {
      errors[g]!.push(mean(group.map((i) => distance(ours, i, theirs, i))) / unit);
    });
    history.push([ours, theirs]);
    if (history.length > 3) history.shift();
    if (history.length === 3)
      for (const who of [0, 1] as const)
        jitters[who].push(jitter(history.map((pair) => pair[who])) / unit);
  }
  await tracker.close();
  return [
    ...[clip.file.split('/').slice(1).join('/').slice(-36), frames, found, tracked, both, second],
    ...errors.map((e) => mean(e).toFixed(2)),
    quantile(errors[0]!, 0.5).toFixed(2),
    ...jitters.map((j) => quantile(j, 0.5).toFixed(2)),
    ...[0.5, 0.95].map((q) => quantile(times, q).toFixed(1)),
  ];
}

const { values: options } = parseArgs({
  options: {
    set: { type: 'string', default: 'validation' },
    clips: { type: 'string', default: '' },
    frames: { type: 'string', default: 'Infinity' },
    raw: { type: 'boolean', default: false },
    jpeg: { type: 'boolean', default: false },
    landmarker: { type: 'boolean', default: false },
    tracker: { type: 'string' },
  },
});
const columns =
  'clip frames found theirs both second all% lips% lids% iris% median% jitter% theirs% p50ms p95ms';
const widths = [-37, 7, 6, 7, 5, 7, 7, 7, 7, 7, 8, 8, 8, 6, 6];
const print = (cells: (number | string)[]) =>
  console.log(
    cells
      .map((cell, i) =>
        widths[i]! < 0 ? String(cell).padEnd(-widths[i]!) : String(cell).padStart(widths[i]!),
      )
      .join(' '),
  );
print(columns.split(' '));
for (const clip of splits()[options.set as keyof Splits])
  if (clip.file.includes(options.clips)) print(await measure(clip));
