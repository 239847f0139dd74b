import type { Landmarks } from '../../geometry/landmarks.js';
import { type MotionBasis, MotionModel } from '../../geometry/motion-model.js';
import type { Picture } from '../../geometry/picture.js';
import { LEFT_LIDS, LIPS, RIGHT_LIDS } from '../../geometry/regions.js';
import { withSurround } from '../../geometry/surround.js';
import type { DecoderReference } from '../../models/decoder.js';
import {
  createPortraitInputs,
  NETWORK_SIZE,
  type PortraitInputs,
} from '../../models/families/portrait-inputs.js';
import { alignReferences, createSurroundFit, whole } from '../../models/families/surround-fit.js';
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
  const model = new MotionModel(basis, neutral, true);
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

/** The box around points, grown by half its size on each side, within the picture. */
function boxOf(landmarks: Landmarks, points: readonly number[], margin: number): number[] {
  const xs = points.map((p) => landmarks[3 * p]);
  const ys = points.map((p) => landmarks[3 * p + 1]);
  const low = [Math.min(...xs), Math.min(...ys)];
  const high = [Math.max(...xs), Math.max(...ys)];
  const grow = margin * (high[0] - low[0]);
  return [...low.map((v) => v - grow), ...high.map((v) => v + grow)].map((v) =>
    Math.round(Math.min(NETWORK_SIZE, Math.max(0, v))),
  );
}

export const boxes = (landmarks: Landmarks) => ({
  mouth: boxOf(landmarks, LIPS, 0.15),
  eyes: [boxOf(landmarks, RIGHT_LIDS, 0.3), boxOf(landmarks, LEFT_LIDS, 0.3)],
});

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
