import { withAppearance } from '../geometry/appearance.js';
import { CROP_UNITS, type Landmarks } from '../geometry/landmarks.js';
import type { Picture } from '../geometry/picture.js';
import { resampleSquare, whole } from '../geometry/resample.js';
import { SURROUND_COUNT, type SurroundMotion, withSurround } from '../geometry/surround.js';
import { checkLandmarks, checkPicture } from '../models/check-options.js';
import type { DecoderReference } from '../models/decoder.js';
import { COMPARED_SIZE, createAppearanceFit } from '../models/families/appearance-fit.js';
import { alignReferences, createSurroundFit } from '../models/families/surround-fit.js';
import type { OpenSession } from '../models/inference.js';
import { checkPack, type Pack } from '../models/pack.js';
import type { PictureCodec } from '../models/picture-codec.js';
import { checkMethods, checkOption } from '../protocol/check-options.js';
import { parseIdentity } from '../protocol/identity.js';
import { MAX_REFERENCE_SIDE } from '../protocol/limits.js';
import type { CropSquare } from './crop.js';
import { openVectorAnalyser } from './vector-analyser.js';

/**
 * Finds what a pack's motion frames carry beside the face's points, surround and appearance, or in their place, a vector
 * of the family's own.
 */
export interface FrameAnalyser {
  /**
   * The geometry to send of the crop, a square of `picture`: `landmarks` (crop units) with what the
   * pack wants to know of the rest of the picture, compared with the references as the receiver will
   * warp them. Of a stream, frame by frame: each is looked for near the one before. All stay the
   * caller's. About 5 ms of a core (`bench/analyser.ts`); nothing for a pack whose frames carry the face alone.
   */
  analyse(picture: Picture, square: CropSquare, landmarks: Landmarks): Promise<Landmarks>;
  /** Compares with other references from now on. */
  use(analysis: FrameAnalysis): void;
  /** Frees its networks, where the pack's motion is found by any. Safe to call twice. */
  close(): Promise<void>;
}

export interface FrameAnalyserOptions {
  readonly pack: Pack;
  /** The enrolled person: bytes of `encodeIdentity`. */
  readonly identity: Uint8Array;
  /** Reads the pictures in it. */
  readonly codec: PictureCodec;
  /** Opens networks; needed by a pack whose motion is found by networks (`Pack.vector`), and by no other. */
  readonly open?: OpenSession;
}

/** Throws a TypeError that names a bad option; rejects where a picture cannot be read. */
export async function createFrameAnalyser({
  pack,
  identity,
  codec,
  open,
}: FrameAnalyserOptions): Promise<FrameAnalyser> {
  checkPack(pack);
  const parsed = identity instanceof Uint8Array ? parseIdentity(identity) : undefined;
  if (!parsed?.ok) throw new TypeError('identity: must be bytes of encodeIdentity');
  checkMethods('codec', codec, 'decode');
  if (pack.vector) {
    checkOption(typeof open === 'function', 'open', 'a function that opens networks');
    return openVectorAnalyser(pack, open!);
  }
  const references = parsed.value.references.map(async ({ picture, landmarks }) => ({
    picture: await codec.decode(picture, MAX_REFERENCE_SIDE),
    landmarks,
  }));
  let analyse = createPackAnalysis(pack, await Promise.all(references));
  let before: AnalysedFrame | undefined;
  return {
    async analyse(picture, square, landmarks) {
      checkPicture('picture', picture);
      checkLandmarks('landmarks', landmarks);
      before = analyse(picture, square, landmarks, before);
      return before.geometry;
    },
    use(analysis) {
      analyse = analysis;
      before = undefined;
    },
    async close() {},
  };
}

/** What was found in a frame. */
export interface AnalysedFrame {
  /** Landmarks with surround points and, where there is a basis, appearance. */
  readonly geometry: Landmarks;
  readonly motion: SurroundMotion;
  readonly square: CropSquare;
}

/**
 * What `FrameAnalyser.analyse` does with some references, without its memory: `before` is the frame before,
 * undefined where there was none.
 */
export type FrameAnalysis = (
  picture: Picture,
  square: CropSquare,
  landmarks: Landmarks,
  before?: AnalysedFrame,
) => AnalysedFrame;

/** An analysis for the pack; references are those that the receiver gets. */
export function createPackAnalysis(
  pack: Pack,
  references: readonly DecoderReference[],
): FrameAnalysis {
  if (pack.moreValues > 0) return createAnalysis(references, pack.appearance);
  const motion = new Float32Array(2 * SURROUND_COUNT);
  return (_picture, square, geometry) => ({ geometry, motion, square });
}

/** An analysis that finds surround points, and appearance where there is a basis. */
export function createAnalysis(
  references: readonly DecoderReference[],
  basis: Pack['appearance'],
): FrameAnalysis {
  const aligned = alignReferences(references);
  const surround = createSurroundFit(aligned);
  const appearance = basis && createAppearanceFit(aligned, basis);
  return (picture, square, landmarks, before) => {
    const small = resampleSquare(picture, square, COMPARED_SIZE);
    const all = whole(small);
    const motion = surround.fit(small, all, landmarks, before && followed(before, square));
    const surrounded = withSurround(landmarks, motion);
    const geometry = appearance
      ? withAppearance(surrounded, appearance.fit(small, all, surrounded))
      : surrounded;
    return { geometry, motion, square };
  };
}

/** The motion of a frame as it would be in another crop: what rests in the picture moves the other way. */
function followed(before: AnalysedFrame, { x, y, side }: CropSquare): SurroundMotion {
  const shift = [before.square.x - x, before.square.y - y];
  return before.motion.map((value, i) => value + (shift[i % 2] * CROP_UNITS) / side);
}
