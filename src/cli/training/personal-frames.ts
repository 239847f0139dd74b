import type { Landmarks } from '../../geometry/landmarks.js';
import { resampleSquare } from '../../geometry/resample.js';
import type { DecoderReference } from '../../models/decoder.js';
import { NETWORK_SIZE } from '../../models/families/portrait-inputs.js';
import type { Pack } from '../../models/pack.js';
import { createNodePictureCodec } from '../../models/picture-codec-node.js';
import { parseIdentity } from '../../protocol/identity.js';
import { toCropUnits } from '../../sender/crop.js';
import { continueFace } from '../../sender/face-distance.js';
import type { FaceTracker } from '../../sender/tracker.js';
import { enrolClip } from '../enrol-clip.js';
import type { ClipSource } from '../media/clip-source.js';
import { UserError } from '../user-error.js';
import { MAX_COUNT } from './cache-file.js';

/** Seconds that a call enrols from by default. */
const ENROL_SECONDS = 1;
/** Frames kept at most: each is 2 MB on the disk, and three a second differ enough. */
const MOST_FRAMES = 300;
/** Frames that a clip must give: with fewer there is nothing to learn and nothing to measure. */
const FEWEST_FRAMES = 50;
/** The end of the clip that is measured and not trained on. */
const HELD_OUT_SHARE = 0.2;
/** A picture of 256 × 256 and its geometry, of the frame of this index. */
export interface Frame extends DecoderReference {
  readonly index: number;
}

export interface PersonalSamplesOptions {
  /** The clip's path, for messages. */
  readonly path: string;
  /** Where the cache goes: a folder that is there. */
  readonly folder: string;
  readonly pack: Pack;
  readonly signal: AbortSignal;
  readonly onFrame: (count: number) => void;
}

/** How many samples there are. */
export interface PersonalSamples {
  readonly trained: number;
  readonly heldOut: number;
}

/** What a clip shows of a person. */
export interface PersonalFrames {
  /** As the receiver has it. */
  readonly enrolment: {
    readonly neutral: Landmarks;
    readonly references: readonly DecoderReference[];
  };
  readonly trained: readonly Frame[];
  /** The end of the clip. */
  readonly heldOut: readonly Frame[];
}

/**
 * Enrols the person as a call does, and keeps frames of the rest, evenly spread. Throws UserError where nobody can
 * be enrolled or the clip is too short.
 */
export async function readPersonalFrames(
  clip: ClipSource,
  tracker: FaceTracker,
  options: PersonalSamplesOptions,
): Promise<PersonalFrames> {
  const { enrolment, frames } = await readFrames(clip, tracker, options);
  const first = frames[0]?.index ?? 0;
  const last = frames.at(-1)?.index ?? 0;
  const border = last - HELD_OUT_SHARE * (last - first);
  if (frames.length < FEWEST_FRAMES) {
    throw new UserError(
      `${options.path} shows a face in ${frames.length} frames after the first second, and ${FEWEST_FRAMES} are needed: give a clip of about a minute`,
    );
  }
  return {
    enrolment,
    trained: frames.filter(({ index }) => index <= border),
    heldOut: frames.filter(({ index }) => index > border),
  };
}

/** Enrols as a call does, and keeps frames of the rest, evenly spread. */
async function readFrames(
  clip: ClipSource,
  tracker: FaceTracker,
  { path, signal, onFrame }: PersonalSamplesOptions,
) {
  const pictures = clip.frames()[Symbol.asyncIterator]();
  try {
    const { crop, identity, nextIndex, ...enrolled } = await enrolClip(pictures, clip, tracker, {
      path,
      size: NETWORK_SIZE,
      references: MAX_COUNT,
      seconds: ENROL_SECONDS,
    });
    let { face } = enrolled;
    let every = 1;
    let frames: Frame[] = [];
    for (let index = nextIndex; ; index++) {
      const { value: picture, done } = await pictures.next();
      if (done) break;
      signal.throwIfAborted();
      onFrame(index);
      const found = continueFace(await tracker.track(picture), face);
      if (!found) continue;
      face = found;
      const square = crop.follow(found.landmarks);
      if ((index - nextIndex) % every !== 0) continue;
      frames.push({
        index,
        picture: resampleSquare(picture, square, NETWORK_SIZE),
        landmarks: toCropUnits(found.landmarks, square),
      });
      if (frames.length > MOST_FRAMES) {
        every *= 2;
        frames = frames.filter((frame) => (frame.index - nextIndex) % every === 0);
      }
    }
    return { enrolment: await decoded(identity), frames };
  } finally {
    await pictures.return?.();
  }
}

/** An identity as the receiver has it. */
async function decoded(bytes: Uint8Array) {
  const identity = parseIdentity(bytes);
  if (!identity.ok) throw new Error(`the enrolment cannot be read back: ${identity.drop}`);
  const codec = createNodePictureCodec();
  const references = identity.value.references.map(async ({ picture, landmarks }) => ({
    picture: await codec.decode(picture, NETWORK_SIZE),
    landmarks,
  }));
  return { neutral: identity.value.neutral, references: await Promise.all(references) };
}
