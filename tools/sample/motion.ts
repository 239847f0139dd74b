import { resolve } from 'node:path';
import { dataRoot } from '../../bench/data.js';
import { readNpz } from '../../bench/npz.js';
import { CROP_UNITS, type Landmarks, POINT_COUNT } from '../../src/geometry/landmarks.js';
import { applyPose, fitPose, neutralGeometry, removePose } from '../../src/geometry/pose.js';
import { LEFT_LIDS, LIPS_INNER, RIGHT_LIDS } from '../../src/geometry/regions.js';
import { gapOf, ringOf } from '../../src/geometry/ring.js';
import { smoothstep } from '../../src/geometry/smoothstep.js';

/** Sentences of one GRID speaker (CC BY 4.0), each with a blink; the first has it early. */
const SENTENCES = ['pgbr1s', 'swbv5a', 'bgan4n'];
/** Frames over which one sentence passes into the next. */
const OVERLAP = 12;
/** Frames of the sample: 8 s at 25 a second. */
export const SAMPLE_FRAMES = 200;

const gap = (face: Landmarks, ring: readonly number[]) => gapOf(ringOf(face, ring, CROP_UNITS));
const lidGap = (face: Landmarks) => (gap(face, RIGHT_LIDS) + gap(face, LEFT_LIDS)) / 2;

function trackOf(sentence: string): Landmarks[] {
  const track = readNpz(resolve(dataRoot(), 'tracks/video/grid_s1_extra', `${sentence}.mpg.npz`));
  const points = track.landmarks.data as Int16Array;
  const length = 3 * POINT_COUNT;
  return Array.from({ length: points.length / length }, (_, n) =>
    Float32Array.from(points.subarray(n * length, (n + 1) * length), (value) => value / 16),
  );
}

/** What the speaker does with the face, frame by frame, as offsets from `neutral` (crop units). */
function recordedExpressions(neutral: Landmarks): Landmarks[] {
  const tracks = SENTENCES.map(trackOf);
  const frames = tracks.flat();
  const common = neutralGeometry(frames);
  const unposed = tracks.map((track) =>
    track.map((frame) => removePose(fitPose(common, frame), frame, new Float32Array(frame.length))),
  );
  // At rest: lips closed, lids open.
  const lids = unposed
    .flat()
    .map(lidGap)
    .sort((a, b) => a - b);
  const openLids = lids[Math.floor(lids.length / 2)];
  const resting = unposed
    .flat()
    .filter((face) => lidGap(face) >= openLids)
    .sort((a, b) => gap(a, LIPS_INNER) - gap(b, LIPS_INNER))
    .slice(0, 25);
  const rest = neutralGeometry(resting);

  const toNeutral = fitPose(rest, neutral);
  const origin = { ...toNeutral, x: 0, y: 0 };
  const onNeutral = applyPose(origin, rest, new Float32Array(rest.length));
  // Lids and lips that differ in opening still close wholly.
  const lidScale = lidGap(neutral) / lidGap(onNeutral);
  const offsets = unposed.map((track) =>
    track.map((face) => {
      const moved = applyPose(origin, face, new Float32Array(face.length));
      const offset = moved.map((value, i) => value - onNeutral[i]);
      for (const p of [...RIGHT_LIDS, ...LEFT_LIDS]) offset[3 * p + 1] *= lidScale;
      return offset;
    }),
  );
  return join(offsets.map(smoothed));
}

/** A light low-pass over time: the tracks are single pictures' and tremble. */
function smoothed(track: readonly Landmarks[]): Landmarks[] {
  const taps = [0.22, 0.56, 0.22];
  return track.map((frame, n) =>
    frame.map((_, i) =>
      taps.reduce((sum, tap, t) => {
        const at = Math.min(track.length - 1, Math.max(0, n + t - 1));
        return sum + tap * track[at][i];
      }, 0),
    ),
  );
}

/** Plays tracks one after the other, each fading into the next. */
function join(tracks: readonly Landmarks[][]): Landmarks[] {
  const joined = [...tracks[0]];
  for (const track of tracks.slice(1)) {
    const start = joined.length - OVERLAP;
    track.forEach((frame, n) => {
      const old = joined[start + n];
      const share = smoothstep(0, 1, (n + 1) / (OVERLAP + 1));
      joined[start + n] =
        old === undefined ? frame : frame.map((v, i) => old[i] + share * (v - old[i]));
    });
  }
  return joined;
}

/** Made-up head motion at time `t` in seconds: a few slow waves, wide in the first second. */
function headAt(t: number) {
  const wave = (hertz: number, phase: number) => Math.sin(2 * Math.PI * (hertz * t + phase));
  const turn = 0.13 * wave(0.31, 0.02) + 0.07 * wave(0.83, 0.1) + 0.02 * wave(1.7, 0.3);
  const nod = 0.05 * wave(0.43, 0.4) + 0.035 * wave(1.13, 0) + 0.012 * wave(2.3, 0.6);
  const tilt = 0.04 * wave(0.27, 0.3) + 0.02 * wave(0.71, 0.8);
  return {
    logScale: 0.012 * wave(0.19, 0),
    rotation: [nod, turn, tilt] as const,
    x: 3 * wave(0.31, 0.98) + 1.2 * wave(0.9, 0.2),
    y: 1.5 * wave(0.43, 0.5) + 0.8 * wave(1.13, 0.1),
  };
}

/** How much of the smile there is at time `t` in seconds. */
const smileAt = (t: number) =>
  0.85 * (smoothstep(0.1, 0.4, t) - smoothstep(0.7, 1.2, t)) +
  0.15 +
  0.75 * smoothstep(6.9, 7.5, t);

/** The sample's geometry, frame by frame, for a person with these two geometries (crop units). */
export function sampleMotion(neutral: Landmarks, smiling: Landmarks): Landmarks[] {
  const offsets = recordedExpressions(neutral);
  const centre = [0, 1, 2].map((axis) => {
    let sum = 0;
    for (let p = 0; p < POINT_COUNT; p++) sum += neutral[3 * p + axis] / POINT_COUNT;
    return sum;
  });
  return offsets.slice(0, SAMPLE_FRAMES).map((offset, n) => {
    const t = n / 25;
    const smile = smileAt(t);
    const local = neutral.map(
      (value, i) => value - centre[i % 3] + offset[i] + smile * (smiling[i] - neutral[i]),
    );
    keepLipsApart(local);
    const pose = headAt(t);
    return applyPose(
      { ...pose, x: pose.x + centre[0], y: pose.y + centre[1] },
      local,
      new Float32Array(local.length),
    );
  });
}

/** Inner lips never pass through each other. */
function keepLipsApart(face: Landmarks): void {
  for (let i = 1; i < LIPS_INNER.length / 2; i++) {
    const lower = 3 * LIPS_INNER[i] + 1;
    const upper = 3 * LIPS_INNER[LIPS_INNER.length - i] + 1;
    if (face[lower] < face[upper]) {
      face[lower] = face[upper] = (face[lower] + face[upper]) / 2;
    }
  }
}
