import type { Landmarks } from '../geometry/landmarks.js';
import type { Picture } from '../geometry/picture.js';
import { type SurroundMotion, withSurround } from '../geometry/surround.js';
import { checkLandmarks, checkPicture } from '../models/check-options.js';
import { alignReferences, createSurroundFit } from '../models/families/surround-fit.js';
import type { PictureCodec } from '../models/picture-codec.js';
import { checkMethods } from '../protocol/check-options.js';
import { parseIdentity } from '../protocol/identity.js';
import { MAX_REFERENCE_SIDE } from '../protocol/limits.js';
import type { CropSquare } from './crop.js';

/** Finds the surround points of a call's pictures, each from where the one before had them. */
export interface SurroundTracker {
  /**
   * `landmarks` (crop units) with the surround points of the crop, a square of `picture` of which
   * 64 × 64 pixels are looked at. All stay the caller's.
   */
  track(picture: Picture, square: CropSquare, landmarks: Landmarks): Landmarks;
}

/**
 * A tracker for a person, bytes of `encodeIdentity`; `codec` reads the pictures in it. Throws a
 * TypeError that names a bad option; rejects where a picture cannot be read.
 */
export async function createSurroundTracker(
  identity: Uint8Array,
  codec: PictureCodec,
): Promise<SurroundTracker> {
  const parsed = identity instanceof Uint8Array ? parseIdentity(identity) : undefined;
  if (!parsed?.ok) throw new TypeError('identity: must be bytes of encodeIdentity');
  checkMethods('codec', codec, 'decode');
  const references = parsed.value.references.map(async ({ picture, landmarks }) => ({
    picture: await codec.decode(picture, MAX_REFERENCE_SIDE),
    landmarks,
  }));
  const surround = createSurroundFit(alignReferences(await Promise.all(references)));
  let before: SurroundMotion | undefined;
  return {
    track(picture, square, landmarks) {
      checkPicture('picture', picture);
      checkLandmarks('landmarks', landmarks);
      before = surround.fit(picture, square, landmarks, before);
      return withSurround(landmarks, before);
    },
  };
}
