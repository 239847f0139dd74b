import type { Landmarks } from '../geometry/landmarks.js';
import type { Picture } from '../geometry/picture.js';
import { neutralGeometry } from '../geometry/pose.js';
import { LEFT_LIDS, LIPS, RIGHT_LIDS } from '../geometry/regions.js';
import { resampleSquare } from '../geometry/resample.js';
import { checkLandmarks, checkPicture } from '../models/check-options.js';
import type { PictureCodec } from '../models/picture-codec.js';
import {
  checkInteger,
  checkMethods,
  checkOption,
  checkStreamSize,
} from '../protocol/check-options.js';
import { encodeIdentity } from '../protocol/identity.js';
import { MAX_REFERENCES, type StreamSize } from '../protocol/limits.js';
import { HeadCrop, toCropUnits } from './crop.js';

/** A frame of the enrolment: a source picture and the face in it (pixels). */
export interface EnrolmentFrame {
  readonly picture: Picture;
  readonly landmarks: Landmarks;
  /**
   * The face at rest, from the front: where any frame is, the crop, the neutral geometry and the first reference
   * are made of these alone. Default false.
   */
  readonly atRest?: boolean;
}

export interface EnrolmentOptions {
  /** Pixels across the crop. */
  readonly size: StreamSize;
  /** Reference pictures, 1–16: fewer where there are fewer frames. */
  readonly references: number;
  readonly codec: PictureCodec;
}

/** An enrolled person. */
export interface Enrolment {
  /** The square that their pictures are cropped by from now on. */
  readonly crop: HeadCrop;
  /** Bytes of `encodeIdentity`. */
  readonly identity: Uint8Array;
  readonly referenceCount: number;
}

/** WebP quality of a reference: at 256×256 about 8 kB each; below 80 skin turns to patches. */
export const REFERENCE_QUALITY = 85;
/** How much more a lip or lid point counts than another in the distance between two frames. */
const FEATURE_WEIGHT = 6;

const POINT_WEIGHTS = (() => {
  const weights = new Map<number, number>();
  for (const point of [...LIPS, ...LEFT_LIDS, ...RIGHT_LIDS]) weights.set(point, FEATURE_WEIGHT);
  return weights;
})();

function distance(a: Landmarks, b: Landmarks): number {
  let sum = 0;
  for (let at = 0, point = 0; at < a.length; at += 3, point++) {
    sum += (POINT_WEIGHTS.get(point) ?? 1) * Math.hypot(a[at] - b[at], a[at + 1] - b[at + 1]);
  }
  return sum;
}

/**
 * Indices of `count` of the geometries, as different from each other as can be: first the one of
 * `candidates` (indices; default all) that is nearest to all others, then always the one farthest from those
 * chosen (Gonzalez 1985).
 */
export function spreadChoice(
  geometries: readonly Landmarks[],
  count: number,
  candidates: readonly number[] = [...geometries.keys()],
): number[] {
  const sums = candidates.map((i) =>
    geometries.reduce((sum, other) => sum + distance(geometries[i], other), 0),
  );
  const chosen = [candidates[sums.indexOf(Math.min(...sums))]];
  while (chosen.length < Math.min(count, geometries.length)) {
    const gaps = geometries.map((a) => Math.min(...chosen.map((c) => distance(a, geometries[c]))));
    const farthest = gaps.indexOf(Math.max(...gaps));
    if (gaps[farthest] === 0) break;
    chosen.push(farthest);
  }
  return chosen;
}

/**
 * Enrols the person in `frames` (one at least, all of one size; they stay the caller's). Throws a
 * TypeError that names a bad option.
 */
export async function enrol(
  frames: readonly EnrolmentFrame[],
  { size, references, codec }: EnrolmentOptions,
): Promise<Enrolment> {
  checkStreamSize('size', size);
  checkInteger('references', references, 1, MAX_REFERENCES);
  checkMethods('codec', codec, 'encode');
  checkOption(frames.length > 0, 'frames', 'one frame with a face at least');
  checkPicture('frames[0].picture', frames[0].picture);
  const { width, height } = frames[0].picture;
  frames.forEach(({ picture, landmarks }, index) => {
    checkPicture(`frames[${index}].picture`, picture);
    const alike = picture.width === width && picture.height === height;
    checkOption(alike, `frames[${index}].picture`, `${width}×${height} as the first`);
    checkLandmarks(`frames[${index}].landmarks`, landmarks);
    checkOption(landmarks.every(Number.isFinite), `frames[${index}].landmarks`, 'finite numbers');
  });
  const marked = [...frames.keys()].filter((i) => frames[i].atRest);
  const atRest = marked.length > 0 ? marked : [...frames.keys()];
  const crop = new HeadCrop(
    atRest.map((i) => frames[i].landmarks),
    width,
    height,
  );
  const squares = frames.map((frame) => crop.follow(frame.landmarks));
  const geometries = frames.map((frame, i) => toCropUnits(frame.landmarks, squares[i]));
  const chosen = spreadChoice(geometries, references, atRest);
  const identity = encodeIdentity({
    size,
    neutral: neutralGeometry(atRest.map((i) => geometries[i])),
    references: await Promise.all(
      chosen.map(async (index) => ({
        picture: await codec.encode(
          resampleSquare(frames[index].picture, squares[index], size),
          REFERENCE_QUALITY,
        ),
        landmarks: geometries[index],
      })),
    ),
  });
  return { crop, identity, referenceCount: chosen.length };
}
