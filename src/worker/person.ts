import { callClock } from '../call.js';
import type { DeviceKey } from '../consent/device-key.js';
import { type SavedEnrolment, signEnrolment, verifyEnrolment } from '../consent/saved-enrolment.js';
import type { Landmarks } from '../geometry/landmarks.js';
import { createBrowserPictureCodec } from '../models/picture-codec-browser.js';
import { parseIdentity } from '../protocol/identity.js';
import type { StreamSize } from '../protocol/limits.js';
import { type HeadCrop, resumeCrop } from '../sender/crop.js';
import { enrol } from '../sender/enrolment.js';
import { continueFace } from '../sender/face-distance.js';
import { createLiveEnrolment, type EnrolmentStatus } from '../sender/live-enrolment.js';
import type { TrackedFace } from '../sender/tracker.js';
import type { FaceFeed } from './face-feed.js';

/** Whom the stream shows. */
export interface EnrolledPerson {
  /** Bytes of `encodeIdentity`. */
  readonly identity: Uint8Array;
  readonly crop: HeadCrop;
  /** Where the face was last. */
  readonly face: TrackedFace;
  /** Frames a second that this machine tracks of this source. */
  readonly fps: number;
  readonly saved: SavedEnrolment;
}

/** Reference pictures of an identity. */
const REFERENCES = 4;
/** Pictures with a face that a saved enrolment's crop is made from. */
const RESUME_FACES = 5;
const MIN_FPS = 5;

interface LiveOptions {
  readonly mode: 'quick' | 'guided';
  readonly size: StreamSize;
  /** Most frames a second. */
  readonly fps: number;
}

/**
 * Enrols the person in front of the camera. `person` is undefined where the feed ends before; `skip`
 * goes on with the next prompt.
 */
export function enrolLive(
  feed: FaceFeed,
  { mode, size, fps }: LiveOptions,
  key: DeviceKey,
  onStatus: (status: EnrolmentStatus) => void,
): { readonly person: Promise<EnrolledPerson | undefined>; skip(): void } {
  const enrolment = createLiveEnrolment({ mode, size });
  const run = async (): Promise<EnrolledPerson | undefined> => {
    const rate = createRate();
    let last: TrackedFace | undefined;
    let told = '';
    const tell = () => {
      const { status } = enrolment;
      const text = JSON.stringify(status);
      if (text !== told) onStatus(status);
      told = text;
    };
    tell();
    while (enrolment.status.prompt !== 'done') {
      const seen = await feed.next();
      if (!seen) return undefined;
      rate.count();
      last = (last && continueFace(seen.faces, last)) ?? seen.faces[0] ?? last;
      if (enrolment.look(seen.faces, callClock()) === 'keep') {
        const { picture } = seen;
        enrolment.keep({ ...picture, data: picture.data.slice() });
      }
      tell();
    }
    const { crop, identity } = await enrol(enrolment.finish(), {
      size,
      references: REFERENCES,
      codec: createBrowserPictureCodec(),
    });
    const saved = await signEnrolment(key, { identity, size });
    return { identity, crop, face: last!, fps: rate.perSecond(fps), saved };
  };
  return { person: run(), skip: () => enrolment.skip(callClock()) };
}

/** Goes on with an enrolment of this device. TypeError where it is none. */
export async function resumeEnrolment(
  feed: FaceFeed,
  saved: SavedEnrolment,
  key: DeviceKey,
  fps: number,
): Promise<EnrolledPerson | undefined> {
  const parsed = parseIdentity(saved.identity);
  if (!parsed.ok || !(await verifyEnrolment(key, saved))) {
    throw new TypeError('enrolment: must be one that was made and signed on this device');
  }
  const rate = createRate();
  const faces: Landmarks[] = [];
  for (;;) {
    const seen = await feed.next();
    if (!seen) return undefined;
    rate.count();
    const [face] = seen.faces;
    if (!face) continue;
    faces.push(face.landmarks.slice());
    if (faces.length < RESUME_FACES) continue;
    const { width, height } = seen.picture;
    const crop = resumeCrop(faces, parsed.value.neutral, width, height);
    const { identity } = saved;
    return { identity, crop, face, fps: rate.perSecond(fps), saved };
  }
}

/** Counts pictures, for the rate that the stream announces. */
function createRate() {
  let first: number | undefined;
  let count = 0;
  return {
    count() {
      // Not the first: networks take longer the first time.
      if (first === undefined) first = callClock();
      else count++;
    },
    perSecond(most: number): number {
      const seconds = (callClock() - first!) / 1000;
      return Math.max(MIN_FPS, Math.min(most, Math.round(count / Math.max(seconds, 0.001))));
    },
  };
}
