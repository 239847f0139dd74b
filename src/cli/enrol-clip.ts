import type { Picture } from '../geometry/picture.js';
import { createNodePictureCodec } from '../models/picture-codec-node.js';
import { STREAM_SIZES, type StreamSize } from '../protocol/limits.js';
import { HeadCrop } from '../sender/crop.js';
import { type Enrolment, type EnrolmentFrame, enrol } from '../sender/enrolment.js';
import {
  CUT_DISTANCE,
  continueFace,
  FRONTAL_DEGREES,
  faceDistance,
  isCrowded,
  turnDegrees,
} from '../sender/face-distance.js';
import type { FaceTracker, TrackedFace } from '../sender/tracker.js';
import type { ClipSource } from './media/clip-source.js';
import { UserError } from './user-error.js';

export interface EnrolClipOptions {
  /** The clip's path, for messages. */
  readonly path: string;
  /** Pixels across the crop; undefined: the largest size that the head's crop has the pixels for. */
  readonly size: StreamSize | undefined;
  readonly references: number;
  /** Seconds from the first face on that the person is enrolled from. */
  readonly seconds: number;
}

/** An enrolled person and where their clip goes on. */
export interface EnrolledClip extends Enrolment {
  /** Pixels across the crop. */
  readonly size: StreamSize;
  /** Number of the first frame after the enrolment. */
  readonly nextIndex: number;
  /** The enrolled face in the last enrolment frame. */
  readonly face: TrackedFace;
}

/** Someone may walk into the picture; an enrolment that has not begun after this time never does. */
const SEARCH_SECONDS = 10;
/** Of the enrolment's frames, at least so many must show the face. */
const FACE_SHARE = 0.5;
const MIN_FACE_FRAMES = 3;
/** Of the frames with a face, at least so many must be within `FRONTAL_DEGREES`. */
const FRONTAL_SHARE = 0.5;
/** Pictures kept while enrolling: thirty of 1920×1080 are 250 MB. */
const MAX_PICTURES = 30;

/** The frames that a person may be enrolled from, from the first that shows them on. */
interface Window {
  readonly start: number;
  readonly kept: EnrolmentFrame[];
  /** In the last frame that showed it. */
  face: TrackedFace;
  faces: number;
  frontal: number;
  crowded: number;
}

/**
 * Enrols the first person that a clip shows for `seconds` without a cut, facing the camera. UserError
 * where there is none, or where there are two.
 */
export async function enrolClip(
  frames: AsyncIterator<Picture>,
  clip: ClipSource,
  tracker: FaceTracker,
  { path, size, references, seconds }: EnrolClipOptions,
): Promise<EnrolledClip> {
  const wanted = Math.max(MIN_FACE_FRAMES, Math.round(clip.fps * seconds));
  const keepEvery = Math.ceil(wanted / MAX_PICTURES);
  const lastFrame = Math.round(clip.fps * SEARCH_SECONDS) + wanted;
  let window: Window | undefined;
  let facesSeen = 0;
  for (let index = 0; ; index++) {
    const next = await frames.next();
    if (next.done || index >= lastFrame) throw noEnrolment(path, index, wanted, facesSeen);
    const found = await tracker.track(next.value);
    const face = window ? continueFace(found, window.face) : found[0];
    if (face) {
      facesSeen++;
      if (!window || faceDistance(face, window.face) > CUT_DISTANCE) {
        window = { start: index, kept: [], face, faces: 0, frontal: 0, crowded: 0 };
      }
      if ((index - window.start) % keepEvery === 0) {
        window.kept.push({ picture: next.value, landmarks: face.landmarks.slice() });
      }
      window.face = face;
      window.faces++;
      if (Math.abs(turnDegrees(face.landmarks)) <= FRONTAL_DEGREES) window.frontal++;
      if (isCrowded(found)) window.crowded++;
    }
    if (window && index + 1 - window.start >= wanted) {
      const { kept, faces, frontal, crowded } = window;
      if (crowded * 2 > faces) throw twoFaces(path);
      if (faces >= wanted * FACE_SHARE && frontal >= faces * FRONTAL_SHARE) {
        const codec = createNodePictureCodec();
        const crop = size ?? sizeFor(kept);
        const enrolment = await enrol(kept, { size: crop, references, codec });
        return { ...enrolment, size: crop, nextIndex: index + 1, face: window.face };
      }
      window = undefined;
    }
  }
}

/** The largest size that the head's crop fills without being enlarged; the smallest where none is. */
function sizeFor(frames: readonly EnrolmentFrame[]): StreamSize {
  const { width, height } = frames[0].picture;
  const faces = frames.map(({ landmarks }) => landmarks);
  const { side } = new HeadCrop(faces, width, height).square;
  return STREAM_SIZES.findLast((size) => size <= side) ?? STREAM_SIZES[0];
}

/** Why `frames` frames, whether the whole clip or the beginning of it, gave no enrolment. */
function noEnrolment(path: string, frames: number, wanted: number, facesSeen: number): UserError {
  if (facesSeen < MIN_FACE_FRAMES && frames >= MIN_FACE_FRAMES) {
    return new UserError(
      `no face in the first ${frames} frames of ${path}: give a clip that shows one person's face, at least 50 pixels high`,
    );
  }
  if (frames <= wanted) {
    return new UserError(
      `${path} ends after ${frames === 1 ? 'one frame' : `${frames} frames`}: enrolment takes ${wanted} and there must be some to send after it; give a longer clip or a smaller --enrol-seconds`,
    );
  }
  return new UserError(
    `nobody faces the camera for long enough in the first ${frames} frames of ${path}: give a clip that begins with one person's face from the front, or a smaller --enrol-seconds`,
  );
}

function twoFaces(path: string): UserError {
  return new UserError(
    `two faces of like size in ${path}: visavis carries one person; crop the clip to one of them`,
  );
}
