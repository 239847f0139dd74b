import { dataRoot, splits } from '../../bench/data.js';
import { type Cache, MAX_COUNT } from '../../src/cli/training/cache-file.js';
import { type Landmarks, POINT_COUNT } from '../../src/geometry/landmarks.js';
import { GAZE_VALUES, MotionModel, POSE_VALUES } from '../../src/geometry/motion-model.js';
import { neutralGeometry, rotationMatrix } from '../../src/geometry/pose.js';
import type { DecoderReference } from '../../src/models/decoder.js';
import { NETWORK_SIZE } from '../../src/models/families/portrait-inputs.js';
import { createWarpDecoder } from '../../src/models/families/warp.js';
import { MAX_VALUE } from '../../src/protocol/motion-codec.js';
import { HeadCrop, toCropUnits } from '../../src/sender/crop.js';
import { DEFAULT_QUANTISER } from '../../src/sender/defaults.js';
import { addSet, basis, boxes, compressed, enrolled } from './samples.js';
import { readStills } from './stills-read.js';
import type { TrackOf } from './tracks.js';

/** Sets of references that each still is the target of. */
const SETS_PER_STILL = 8;
/** How often a still's other expressions are among its references. */
const REAL_SHARE = 0.75;
/** Radians that a head is turned at most: up and down, to the sides, in the plane. */
const MOST_TURN = [0.25, 0.6, 0.12];

/** A seeded generator of numbers in 0–1 (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Expressions of the clips that may be trained on, as the codec's integers. */
function readExpressions(trackOf: TrackOf, random: () => number): Int16Array[] {
  const expressions: Int16Array[] = [];
  for (const clip of splits().train) {
    const track = trackOf(clip.file);
    if (!track) continue;
    const frames = [...track.values()];
    const crop = new HeadCrop(frames, clip.width, clip.height);
    const geometries = frames.map((frame) => toCropUnits(frame, crop.square));
    const model = new MotionModel(basis, neutralGeometry(geometries.slice(0, 25)));
    for (let i = 0; i < 10; i++) {
      const frame = geometries[Math.floor(random() * geometries.length)];
      expressions.push(model.quantise(frame, undefined, DEFAULT_QUANTISER, MAX_VALUE));
    }
  }
  return expressions;
}

/** A head with another expression, turned about its middle. */
function posed(
  face: Landmarks,
  expression: Int16Array,
  strength: number,
  turn: readonly [number, number, number],
): Landmarks {
  const model = new MotionModel(basis, neutralGeometry([face]));
  const values = model.quantise(face, undefined, DEFAULT_QUANTISER, MAX_VALUE);
  for (let i = POSE_VALUES; i < values.length - GAZE_VALUES; i++)
    values[i] += Math.round(strength * expression[i]);
  const geometry = model.reconstruct(values, DEFAULT_QUANTISER);
  const r = rotationMatrix(turn);
  const centre = [0, 0, 0];
  for (let i = 0; i < geometry.length; i++) centre[i % 3] += geometry[i] / POINT_COUNT;
  // A head turns about its neck, not about its face.
  centre[2] += 60;
  for (let p = 0; p < POINT_COUNT; p++) {
    const d = [0, 1, 2].map((axis) => geometry[3 * p + axis] - centre[axis]);
    for (let axis = 0; axis < 3; axis++)
      geometry[3 * p + axis] =
        centre[axis] + r[3 * axis] * d[0] + r[3 * axis + 1] * d[1] + r[3 * axis + 2] * d[2];
  }
  return geometry;
}

/** A still, turned and with a lent expression: the textured mesh shows what a camera might. */
async function turned(
  still: DecoderReference,
  expression: Int16Array,
  random: () => number,
): Promise<DecoderReference> {
  const turn = MOST_TURN.map((most) => (2 * random() - 1) * most) as [number, number, number];
  const geometry = posed(still.landmarks, expression, 1.2 * random(), turn);
  const decoder = createWarpDecoder();
  await decoder.setIdentity({ size: NETWORK_SIZE, references: [still] });
  const picture = await decoder.decode(geometry);
  await decoder.close();
  return { picture, landmarks: geometry };
}

/**
 * Adds the data's stills as targets. Their references: the person's other expressions, and stills turned in
 * 3-D with an expression lent from a clip.
 */
export async function addStills(
  cache: Cache,
  trackOf: TrackOf,
  seed: number,
  scale: number,
): Promise<void> {
  const random = randomOf(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)];
  const stills = await readStills(dataRoot(), trackOf);
  const expressions = readExpressions(trackOf, random);
  for (const still of stills) {
    const others = stills.filter((other) => other.person === still.person && other !== still);
    for (let n = 0; n < SETS_PER_STILL * scale; n++) {
      const count = 1 + Math.floor(random() * MAX_COUNT);
      const references: DecoderReference[] = [];
      if (others.length > 0 && random() < REAL_SHARE) references.push(pick(others));
      while (references.length < count) {
        const from = others.length > 0 && random() < 0.5 ? pick(others) : still;
        references.push(await turned(from, pick(expressions), random));
      }
      const kept = await Promise.all(references.map(compressed));
      const set = addSet(cache, kept);
      const { person, picture, landmarks } = still;
      const neutral = neutralGeometry([still, ...kept].map((r) => r.landmarks));
      const { inputs, coded } = enrolled(kept, basis, neutral);
      inputs.update(coded(picture, landmarks));
      cache.addSample(picture, inputs, { set, person, source: 'still', ...boxes(landmarks) });
    }
  }
}
