import { enrolClip } from '../../src/cli/enrol-clip.js';
import { openClip } from '../../src/cli/media/clip-source.js';
import type { Landmarks } from '../../src/geometry/landmarks.js';
import type { Picture } from '../../src/geometry/picture.js';
import { resampleSquare } from '../../src/geometry/resample.js';
import type { StreamSize } from '../../src/protocol/limits.js';
import { toCropUnits } from '../../src/sender/crop.js';
import { continueFace } from '../../src/sender/face-distance.js';
import type { FaceTracker } from '../../src/sender/tracker.js';
import type { Candidate } from './candidates.js';
import { type Lane, openLane, type Shown } from './lane.js';
import type { MotionTraffic } from './wire.js';

/** Seconds from the first face on that the references are chosen from: the terms. */
const ENROL_SECONDS = 1;
/** Longest side of the pictures over the crop's, as src/cli/open-enrolled.ts reads a clip. */
const PICTURE_PER_CROP = 5;

export interface ClipOptions {
  readonly path: string;
  readonly size: StreamSize;
  readonly references: number;
  /** Frames after the enrolment, at most. */
  readonly limit: number;
  readonly candidates: readonly Candidate[];
  /** Opens a tracker for the clip's pictures, of this width; it is closed again. */
  readonly openTracker: (width: number) => Promise<FaceTracker>;
}

/** One frame of a clip beside what every decoder showed for it. */
export interface CodedFrame {
  /** Number in the clip. */
  readonly index: number;
  /** The square of the clip that the codec was given, `size × size`. */
  readonly source: Picture;
  /** In the order of the candidates. */
  readonly shown: readonly Shown[];
}

/** The same with what it was made of. */
export interface TrackedFrame extends CodedFrame {
  /** What the tracker found, crop units; undefined: no face. */
  readonly landmarks: Landmarks | undefined;
}

/** What was sent to a decoder, and what it took to make it. */
export interface LaneTraffic extends MotionTraffic {
  /** Milliseconds in all, from landmarks and pictures to messages. */
  readonly encodeMs: number;
}

/** What is known of a clip before its first frame. */
export interface ClipStart {
  readonly fps: number;
  /** Number of the first frame after the enrolment. */
  readonly firstIndex: number;
  /** Frames that will come, as far as the container knows. */
  readonly expectedFrames: number | undefined;
  /** Bytes of `encodeIdentity`. */
  readonly identity: Uint8Array;
  readonly references: number;
}

export interface ClipObserver {
  start(start: ClipStart): void;
  /** The pictures become the observer's. The next frame waits for it. */
  frame(frame: TrackedFrame): Promise<void>;
}

/**
 * Takes a clip through the whole codec but the network, once for all decoders, and gives the motion
 * that was sent to each. Throws UserError where nobody can be enrolled.
 */
export async function runClip(
  { path, size, references, limit, candidates, openTracker }: ClipOptions,
  observer: ClipObserver,
): Promise<LaneTraffic[]> {
  const clip = await openClip(path, { maxSide: PICTURE_PER_CROP * size });
  const frames = clip.frames()[Symbol.asyncIterator]();
  let tracker: FaceTracker | undefined;
  const lanes: Lane[] = [];
  try {
    tracker = await openTracker(clip.width);
    const enrolled = await enrolClip(frames, clip, tracker, {
      path,
      size,
      references,
      seconds: ENROL_SECONDS,
    });
    const { crop, nextIndex, identity } = enrolled;
    for (const candidate of candidates) lanes.push(await openLane(candidate, identity, clip.fps));
    observer.start({
      fps: clip.fps,
      firstIndex: nextIndex,
      expectedFrames: clip.frameCount && Math.min(limit, clip.frameCount - nextIndex),
      identity,
      references: enrolled.referenceCount,
    });
    const sources: Pick<TrackedFrame, 'index' | 'source' | 'landmarks'>[] = [];
    const queues: Shown[][] = candidates.map(() => []);
    const deliver = async (from: (lane: Lane) => Promise<Shown[]>) => {
      for (const [at, lane] of lanes.entries()) queues[at].push(...(await from(lane)));
      while (queues.every((queue) => queue.length > 0)) {
        await observer.frame({ ...sources.shift()!, shown: queues.map((queue) => queue.shift()!) });
      }
    };
    let { face } = enrolled;
    for (let index = nextIndex; index < nextIndex + limit; index++) {
      const { value: picture, done } = await frames.next();
      if (done) break;
      const found = continueFace(await tracker.track(picture), face);
      face = found ?? face;
      const square = found ? crop.follow(found.landmarks) : crop.square;
      const source = resampleSquare(picture, square, size);
      const landmarks = found && toCropUnits(found.landmarks, square);
      sources.push({ index, source, landmarks });
      await deliver((lane) => lane.push(landmarks, source));
    }
    await deliver((lane) => lane.flush());
    return lanes.map(({ traffic, encodeMs }) => ({ ...traffic, encodeMs }));
  } finally {
    for (const lane of lanes) await lane.close();
    await tracker?.close();
    await frames.return?.();
    await clip.close();
  }
}
