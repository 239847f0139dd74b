import { percentile } from '../../src/cli/report/percentiles.js';
import { meanSquaredError, psnrOf } from '../../src/cli/report/quality.js';
import { CROP_UNITS, type Landmarks, POINT_COUNT } from '../../src/geometry/landmarks.js';
import type { Picture } from '../../src/geometry/picture.js';
import { LEFT_IRIS, LIPS, RIGHT_IRIS } from '../../src/geometry/regions.js';
import { type FaceBoxes, faceBoxes } from './face-boxes.js';
import { type Figures, figuresOf, type Key } from './figures.js';
import { cosine } from './identity-similarity.js';
import type { Instruments } from './instruments.js';
import { similarity } from './ms-ssim.js';
import {
  boxedSquaredError,
  laplacianEnergy,
  meanAbsoluteError,
  temporalError,
} from './pixel-measures.js';
import { meanDistance, mouthOpening } from './point-measures.js';
import type { CodedFrame } from './run-clip.js';
import { correlation, mean } from './statistics.js';
import { type MotionTraffic, ratesOf } from './wire.js';

const ALL = Array.from({ length: POINT_COUNT }, (_, point) => point);
const IRISES = [...RIGHT_IRIS, ...LEFT_IRIS];
/** Below this standard deviation of the mouth's opening the mouth rests, and what is left is noise. */
const LEAST_OPENING = 0.01;

/** A source frame as the instruments see it. */
export interface MeasuredSource {
  readonly picture: Picture;
  /** FaceLandmarker's points (pixels) and what follows from them; undefined: it found no face. */
  readonly face:
    | {
        readonly landmarks: Landmarks;
        readonly boxes: FaceBoxes;
        readonly energy: number;
        readonly embedding: Float32Array | undefined;
      }
    | undefined;
}

/** Everything of one decoder that is measured frame by frame. */
interface Tally {
  readonly values: Partial<Record<Key, number[]>>;
  /** Sums of the high-frequency energy. */
  sourceEnergy: number;
  decodedEnergy: number;
  /** The mouth's opening in each frame with both faces. */
  readonly sourceOpening: number[];
  readonly decodedOpening: number[];
  readonly decodeMs: number[];
}

/** Judges the frames of one clip. */
export interface Judge {
  /** Takes every frame, in order, and measures each `stride`th; gives the source where it did. */
  frame(frame: CodedFrame): Promise<MeasuredSource | undefined>;
  /** The figures of each decoder, in the order of `shown`. */
  finish(traffic: readonly MotionTraffic[]): Promise<Figures[]>;
}

/** `count`: decoders; `size`: pixels a side of all pictures. */
export function createJudge(
  { landmarker, embedder, butteraugli }: Instruments,
  {
    count,
    size,
    stride,
  }: { readonly count: number; readonly size: number; readonly stride: number },
): Judge {
  const tallies: Tally[] = Array.from({ length: count }, () => ({
    values: {},
    sourceEnergy: 0,
    decodedEnergy: 0,
    sourceOpening: [],
    decodedOpening: [],
    decodeMs: [],
  }));
  const perUnit = CROP_UNITS / size;
  let frames = 0;
  let previous: CodedFrame | undefined;
  let pending: Promise<unknown> = Promise.resolve();

  async function examine(picture: Picture): Promise<MeasuredSource> {
    const landmarks = await landmarker?.landmarks(picture);
    if (!landmarks) return { picture, face: undefined };
    const boxes = faceBoxes(landmarks, size);
    const energy = laplacianEnergy(picture, boxes.face);
    const embedding = await embedder?.embed(picture, landmarks);
    return { picture, face: { landmarks, boxes, energy, embedding } };
  }

  const add = ({ values }: Tally, key: Key, value: number | undefined) => {
    if (value === undefined) return;
    values[key] ??= [];
    values[key].push(value);
  };

  function comparePixels(tally: Tally, source: Picture, decoded: Picture): void {
    const { ssim, msSsim } = similarity(source, decoded);
    add(tally, 'psnr', psnrOf(meanSquaredError(source, decoded)));
    add(tally, 'ssim', ssim);
    add(tally, 'msSsim', msSsim);
    add(tally, 'l1', meanAbsoluteError(source, decoded));
  }

  async function compareFaces(
    tally: Tally,
    { picture, face }: MeasuredSource,
    decoded: Picture,
  ): Promise<void> {
    if (!face) return;
    const { boxes } = face;
    const boxed = (key: Key, of: Parameters<typeof boxedSquaredError>[2]) => {
      const error = boxedSquaredError(picture, decoded, of);
      add(tally, key, error === undefined ? undefined : psnrOf(error));
    };
    boxed('mouthPsnr', [boxes.mouth]);
    boxed('eyesPsnr', boxes.eyes);
    tally.sourceEnergy += face.energy;
    tally.decodedEnergy += laplacianEnergy(decoded, boxes.face);
    const landmarks = await landmarker?.landmarks(decoded);
    add(tally, 'lost', landmarks ? 0 : 100);
    if (!landmarks) return;
    add(tally, 'akd', meanDistance(face.landmarks, landmarks, ALL) * perUnit);
    add(tally, 'lips', meanDistance(face.landmarks, landmarks, LIPS) * perUnit);
    add(tally, 'irises', meanDistance(face.landmarks, landmarks, IRISES) * perUnit);
    tally.sourceOpening.push(mouthOpening(face.landmarks));
    tally.decodedOpening.push(mouthOpening(landmarks));
    if (embedder && face.embedding) {
      add(tally, 'identity', cosine(face.embedding, await embedder.embed(decoded, landmarks)));
    }
  }

  async function measure(frame: CodedFrame, before: CodedFrame | undefined) {
    const source = await examine(frame.source);
    // One frame's pictures wait for Butteraugli at most.
    await pending;
    pending = Promise.all(
      frame.shown.map(async ({ picture }, at) =>
        add(tallies[at], 'butteraugli', await butteraugli?.compare(frame.source, picture)),
      ),
    );
    // Its failure is met at the next frame.
    pending.catch(() => undefined);
    for (const [at, { picture }] of frame.shown.entries()) {
      comparePixels(tallies[at], frame.source, picture);
      if (before) {
        const was = before.shown[at].picture;
        add(tallies[at], 'flicker', temporalError(frame.source, before.source, picture, was));
      }
      await compareFaces(tallies[at], source, picture);
    }
    return source;
  }

  return {
    async frame(frame) {
      const before = previous;
      previous = frame;
      frame.shown.forEach(({ decodeMs }, at) => {
        if (decodeMs !== undefined) tallies[at].decodeMs.push(decodeMs);
      });
      return frames++ % stride === 0 ? measure(frame, before) : undefined;
    },
    async finish(traffic) {
      await pending;
      return tallies.map((tally, at) => {
        const times = tally.decodeMs.toSorted((a, b) => a - b);
        const { sourceEnergy, decodedEnergy, sourceOpening, decodedOpening } = tally;
        const whole: Partial<Record<Key, number | undefined>> = {
          ...ratesOf(traffic[at]),
          decodeP50: percentile(times, 0.5) ?? undefined,
          decodeP95: percentile(times, 0.95) ?? undefined,
          sharpness: sourceEnergy > 0 ? decodedEnergy / sourceEnergy : undefined,
          opening: correlation(sourceOpening, decodedOpening, LEAST_OPENING),
        };
        return figuresOf((key) => whole[key] ?? mean(tally.values[key] ?? []));
      });
    },
  };
}
