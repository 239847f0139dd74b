import type { Landmarks } from '../geometry/landmarks.js';
import type { Picture } from '../geometry/picture.js';
import { resampleSquare, whole } from '../geometry/resample.js';
import type { DecoderReference, FaceDecoder } from '../models/decoder.js';
import { createDecoder } from '../models/families/index.js';
import type { Pack } from '../models/pack.js';
import { createPackAnalysis, type FrameAnalysis } from './frame-analyser.js';
import { type Compared, prepareCompared, WATCHED_SIZE } from './picture-difference.js';

/** Pixels across the shadow's picture: enough for what is compared, in a third of the time of 256. */
const SHADOW_SIZE = 128;

/** The receiver's decoder at the sender, small and without its network. */
export interface ShadowDecoder {
  /** What the receiver shows for this geometry (crop units), ready to be compared. */
  show(geometry: Landmarks): Promise<Compared>;
  /** Of the references. */
  readonly landmarks: readonly Landmarks[];
  /** What the receiver is to be told of a frame that it shows with these references. */
  readonly analysis: FrameAnalysis;
  close(): Promise<void>;
}

/** A shadow of a receiver that shows with these references, the first one of the background; their pictures stay the caller's. */
export async function createShadowDecoder(
  pack: Pack,
  references: readonly DecoderReference[],
): Promise<ShadowDecoder> {
  const decoder: FaceDecoder = createDecoder(pack);
  const small = references.map(({ picture, landmarks }) => ({
    picture: resampleSquare(picture, whole(picture), SHADOW_SIZE),
    landmarks,
  }));
  await decoder.setIdentity({ size: SHADOW_SIZE, references: small });
  return {
    landmarks: references.map(({ landmarks }) => landmarks),
    analysis: createPackAnalysis(pack, references),
    show: async (geometry) => compared(await decoder.decode(geometry)),
    close: () => decoder.close(),
  };
}

/** A square picture ready to be compared. */
export const compared = (picture: Picture): Compared =>
  prepareCompared(resampleSquare(picture, whole(picture), WATCHED_SIZE));
