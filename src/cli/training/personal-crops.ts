import { resampleSquare, whole } from '../../geometry/resample.js';
import type { DecoderReference } from '../../models/decoder.js';
import type { FaceTracker } from '../../sender/tracker.js';
import type { ClipSource } from '../media/clip-source.js';
import { createCropCache } from './crop-cache.js';
import {
  type PersonalSamples,
  type PersonalSamplesOptions,
  readPersonalFrames,
} from './personal-frames.js';

/**
 * Writes the cache that `personalise.py` of `training/fsth`, `head2head` and `lsr` reads: crops of the size of the
 * pack's networks, of the "people" `enrolment` (the references as a receiver has them), `trained`, and `held-out`, the last fifth. Throws
 * UserError where nobody can be enrolled or the clip is too short.
 */
export async function writePersonalCrops(
  clip: ClipSource,
  tracker: FaceTracker,
  options: PersonalSamplesOptions,
): Promise<PersonalSamples> {
  const { enrolment, trained, heldOut } = await readPersonalFrames(clip, tracker, options);
  const { size } = options.pack.manifest;
  if (size === undefined) throw new Error('the pack was opened without a size');
  const cache = createCropCache(options.folder, size);
  const add = (references: readonly DecoderReference[], person: string) => {
    for (const { picture, landmarks } of references) {
      const cut = resampleSquare(picture, whole(picture), size);
      cache.add(cut, landmarks, { person, clip: person, source: 'personal' });
    }
  };
  add(enrolment.references, 'enrolment');
  add(trained, 'trained');
  add(heldOut, 'held-out');
  cache.close();
  return { trained: trained.length, heldOut: heldOut.length };
}
