import { featureBoxes } from '../../geometry/appearance.js';
import type { Landmarks } from '../../geometry/landmarks.js';
import { type MotionBasis, MotionModel, SURROUND_VALUES } from '../../geometry/motion-model.js';
import type { Picture } from '../../geometry/picture.js';
import { whole } from '../../geometry/resample.js';
import { withSurround } from '../../geometry/surround.js';
import type { DecoderReference } from '../../models/decoder.js';
import {
  createPortraitInputs,
  NETWORK_SIZE,
  type PortraitInputs,
} from '../../models/families/portrait-inputs.js';
import { alignReferences, createSurroundFit } from '../../models/families/surround-fit.js';
import { createNodePictureCodec } from '../../models/picture-codec-node.js';
import { MAX_VALUE } from '../../protocol/motion-codec.js';
import { DEFAULT_QUANTISER } from '../../sender/defaults.js';
import { REFERENCE_QUALITY } from '../../sender/enrolment.js';
import type { Cache } from './cache-file.js';

const codec = createNodePictureCodec();

/** A reference as it comes out of the identity transfer. */
export async function compressed(reference: DecoderReference): Promise<DecoderReference> {
  const bytes = await codec.encode(reference.picture, REFERENCE_QUALITY);
  return { ...reference, picture: await codec.decode(bytes, NETWORK_SIZE) };
}

/** A person as the receiver knows them. */
export interface Enrolled {
  readonly inputs: PortraitInputs;
  /** The geometry of a picture, with its surround points, as the receiver rebuilds it. */
  coded(picture: Picture, landmarks: Landmarks): Landmarks;
}

/** A person with these references, as they come out of the identity transfer. */
export function enrolled(
  references: readonly DecoderReference[],
  basis: MotionBasis,
  neutral: Landmarks,
): Enrolled {
  const aligned = alignReferences(references);
  const surround = createSurroundFit(aligned);
  const model = new MotionModel(basis, neutral, SURROUND_VALUES);
  const through = (landmarks: Landmarks) =>
    model.reconstruct(
      model.quantise(landmarks, undefined, DEFAULT_QUANTISER, MAX_VALUE),
      DEFAULT_QUANTISER,
    );
  return {
    inputs: createPortraitInputs(aligned),
    coded(picture, landmarks) {
      const motion = surround.fit(picture, whole(picture), through(landmarks));
      return through(withSurround(landmarks, motion));
    },
  };
}

/** The boxes of mouth and eyes, as the index of a cache has them. */
export function boxes(landmarks: Landmarks) {
  const [mouth, right, left] = featureBoxes(landmarks);
  return { mouth, eyes: [right, left] };
}

/** Adds references to the cache, with the conditioning that the encoders see beside them. */
export function addSet(cache: Cache, references: readonly DecoderReference[]): number {
  const conditionings = references.map((reference) => {
    const own = createPortraitInputs([reference]);
    own.update(reference.landmarks);
    return own.conditioning;
  });
  return cache.addSet(
    references.map(({ picture }) => picture),
    conditionings,
  );
}
