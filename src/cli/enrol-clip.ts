import type { Picture } from '../geometry/picture.js';
import { createNodePictureCodec } from '../models/picture-codec-node.js';
import type { StreamSize } from '../protocol/limits.js';
import { faceBox } from '../sender/crop.js';
import { type Enrolment, type EnrolmentFrame, enrol } from '../sender/enrolment.js';
import type { FaceTracker, TrackedFace } from '../sender/tracker.js';
import type { ClipSource } from './media/clip-source.js';
import { UserError } from './user-error.js';

export interface EnrolClipOptions {
  /** The clip's path, for messages. */
  readonly path: string;
  readonly size: StreamSize;
  readonly references: number;
  /** Seconds from the first face on that the person is enrolled from. */
  readonly seconds: number;
}

/** An enrolled person and where their clip goes on. */
export interface EnrolledClip extends Enrolment {
  /** Number of the first frame after the enrolment. */
  readonly nextIndex: number;
  /** The enrolled face in the last enrolment frame. */
  readonly face: TrackedFace;
}

/** Someone may walk into the picture, but nobody waits longer for a face than this. */
const SEARCH_SECONDS = 10;
/** Of the enrolment's frames, at least so many must show the face. */
const FACE_SHARE = 0.5;
const MIN_FACE_FRAMES = 3;
/** A second face at least this large beside the first is another person, not a picture on a wall. */
const SECOND_FACE_SIZE = 0.6;
/** Pictures kept while enrolling: thirty of 1920×1080 are 250 MB. */
const MAX_PICTURES = 30;

/** Enrols the person that a clip shows first. UserError where there is none, or more than one. */
export async function enrolClip(
  frames: AsyncIterator<Picture>,
  clip: ClipSource,
  tracker: FaceTracker,
  { path, size, references, seconds }: EnrolClipOptions,
): Promise<EnrolledClip> {
  const wanted = Math.max(MIN_FACE_FRAMES, Math.round(clip.fps * seconds));
  const keepEvery = Math.ceil(wanted / MAX_PICTURES);
  const searchFrames = Math.round(clip.fps * SEARCH_SECONDS);
  let window: EnrolmentFrame[] = [];
  let face: TrackedFace | undefined;
  let faceFrames = 0;
  let crowded = 0;
  let windowStart: number | undefined;
  for (let index = 0; ; index++) {
    const next = await frames.next();
    if (next.done) throw tooShort(path, index, wanted, faceFrames);
    const faces = await tracker.track(next.value);
    if (faces.length > 0) {
      windowStart ??= index;
      face = faces[0];
      if ((index - windowStart) % keepEvery === 0) {
        window.push({ picture: next.value, landmarks: faces[0].landmarks.slice() });
      }
      faceFrames++;
      if (faces.length > 1 && isPerson(faces[0], faces[1])) crowded++;
    }
    if (windowStart !== undefined && index + 1 - windowStart >= wanted) {
      if (crowded * 2 > faceFrames) throw twoFaces(path);
      if (face && faceFrames >= wanted * FACE_SHARE && window.length > 0) {
        const codec = createNodePictureCodec();
        const enrolment = await enrol(window, { size, references, codec });
        return { ...enrolment, nextIndex: index + 1, face };
      }
      [window, faceFrames, crowded, windowStart] = [[], 0, 0, undefined];
    }
    if (windowStart === undefined && index + 1 >= searchFrames) throw noFace(path, index + 1);
  }
}

/** The face of a frame that continues `previous`; undefined where there is none. */
export function continueFace(
  faces: readonly TrackedFace[],
  previous: TrackedFace,
): TrackedFace | undefined {
  const from = faceBox(previous.landmarks);
  const gap = ({ landmarks }: TrackedFace) => {
    const box = faceBox(landmarks);
    return Math.hypot(box.x - from.x, box.y - from.y);
  };
  return faces.toSorted((a, b) => gap(a) - gap(b))[0];
}

function isPerson(first: TrackedFace, second: TrackedFace): boolean {
  return faceBox(second.landmarks).size >= SECOND_FACE_SIZE * faceBox(first.landmarks).size;
}

function tooShort(path: string, frames: number, wanted: number, faceFrames: number): UserError {
  if (frames > wanted && faceFrames < MIN_FACE_FRAMES) return noFace(path, frames);
  return new UserError(
    `${path} has ${frames} frames, ${faceFrames} of them with a face: enrolment needs ${wanted} and there must be some to send after it; give a longer clip or a smaller --enrol-seconds`,
  );
}

function noFace(path: string, frames: number): UserError {
  return new UserError(
    `no face in the first ${frames} frames of ${path}: give a clip that shows one person's face, at least 50 pixels high`,
  );
}

function twoFaces(path: string): UserError {
  return new UserError(
    `two faces of like size in ${path}: visavis carries one person; crop the clip to one of them`,
  );
}
