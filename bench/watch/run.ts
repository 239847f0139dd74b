import type { Picture } from '../../src/geometry/picture.js';
import type { Pack } from '../../src/models/pack.js';
import type { PictureKeeperStats } from '../../src/sender/picture-keeper.js';
import { openFaceTracker } from '../../src/sender/trackers/open.js';
import type { Clip } from '../data.js';
import type { Butteraugli } from '../quality/butteraugli.js';
import { cameraEyes, cameraFrames } from './camera.js';
import { type JudgedFrame, judge } from './right.js';
import { SPLICES } from './splices.js';
import { watchedCall } from './watched-call.js';

/** Of so many frames one is compared by Butteraugli. */
const SAMPLED = 8;
/** How long the person is enrolled for. */
export const ENROLMENT_SECONDS = 1;

/** What happens before the camera: frames from `from` to `to`, the enrolment counted, are the splice's. */
export interface Scene {
  readonly splice: string;
  readonly from: number;
  readonly to: number;
  /** The clip ends there. */
  readonly end: number;
}

export interface RunOptions {
  readonly clip: Clip;
  /** Whose pictures another person's are. */
  readonly other: Clip;
  readonly scene: Scene;
  readonly pack: Pack;
  readonly maxBitrateBps: number;
  readonly watched: boolean;
  readonly butteraugli: Butteraugli | undefined;
  /** For a strip: the camera's picture and what is shown, of a frame (the enrolment counted). */
  readonly onFrame?: (index: number, source: Picture, shown: Picture) => void;
}

export interface JudgedCall {
  readonly frames: readonly JudgedFrame[];
  /** The time of a frame (the enrolment counted) by the call's clock. */
  readonly at: (frame: number) => number;
  /** The median Butteraugli of frames captured in that time; undefined where none was compared. */
  readonly differs: (fromMs: number, toMs: number) => number | undefined;
  readonly wireBps: number;
  readonly stats: PictureKeeperStats | undefined;
}

/** The camera's pictures of a clip with a scene. */
async function* spliced({ clip, other, scene }: RunOptions): AsyncGenerator<Picture> {
  const others = cameraFrames(other)[Symbol.asyncIterator]();
  const { from, to, end } = scene;
  const eyes = cameraEyes(clip);
  let beside: Picture | undefined;
  let index = 0;
  for await (const picture of cameraFrames(clip)) {
    if (index >= end) break;
    if (index >= from && index < to) {
      const { value, done } = await others.next();
      if (!done) beside = value;
      const ms = ((index - from) * 1000) / clip.fps;
      yield SPLICES[scene.splice](picture, ms, beside ?? picture, eyes(index));
    } else yield picture;
    index++;
  }
  await others.return?.(undefined);
}

/** A clip through a whole call, each frame judged. */
export async function runScene(options: RunOptions): Promise<JudgedCall> {
  const { clip, pack, maxBitrateBps, watched, butteraugli } = options;
  const enrolment = Math.round(ENROLMENT_SECONDS * clip.fps);
  const tracker = await openFaceTracker({});
  const frames: JudgedFrame[] = [];
  const sampled: { readonly capturedMs: number; readonly difference: number }[] = [];
  const { wireBps, stats } = await watchedCall({
    pack,
    tracker,
    frames: spliced(options),
    fps: clip.fps,
    enrolment,
    maxBitrateBps,
    watched,
    // Looks take no time, so that a busy machine gives the same figures.
    now: () => 0,
    onFrame: async ({ index, capturedMs, shownMs, source, shown }) => {
      if (butteraugli && index % SAMPLED === 0) {
        sampled.push({ capturedMs, difference: await butteraugli.compare(source, shown) });
      }
      frames.push({ capturedMs, shownMs, ...judge(source, shown) });
      options.onFrame?.(index + enrolment, source, shown);
    },
  });
  await tracker.close();
  return {
    frames,
    at: (frame) => frames[0].capturedMs + ((frame - enrolment) * 1000) / clip.fps,
    differs: (fromMs, toMs) => {
      const values = sampled
        .filter(({ capturedMs }) => capturedMs >= fromMs && capturedMs < toMs)
        .map(({ difference }) => difference)
        .sort((a, b) => a - b);
      return values[values.length >> 1];
    },
    wireBps,
    stats,
  };
}
