import type { Landmarks } from '../../geometry/landmarks.js';
import type { Picture } from '../../geometry/picture.js';
import type { InferenceSession } from '../../models/inference.js';
import type { Refine } from './following.js';
import { type Region, regionToPicture, sampleRegion } from './region.js';

/** Pixels along a side of the network's input. */
const SIDE = 64;
/** The network's points of one eye: 71 of lids and brow, then 5 of the iris. */
const EYE_POINTS = 76;
const IRIS_START = 71;
/**
 * Side of the eye's square over the distance of its corners. MediaPipe's graph has 2.3; against
 * FaceLandmarker's tracks 2.8 was best (picked on the validation and hard clips, then confirmed on
 * 925 frames of the training clips, whose figures these are): lids 1.33 instead of
 * 1.52 % of the inter-ocular distance, the ring around them 2.10 instead of 2.79 %.
 */
const EYE_MARGIN = 2.8;

/** One eye: corners, where the network's first points go in the mesh, and its five iris points. */
interface Eye {
  readonly outer: number;
  readonly inner: number;
  /** The network knows right eyes: the left one is shown to it mirrored. */
  readonly mirrored: boolean;
  /** Mesh points of the network's points 0–47, lids inwards out: three rings of lower and upper. */
  readonly contour: readonly number[];
  /** Points of centre, and of the iris's rim in the network's order. */
  readonly iris: readonly number[];
}

// Tables of MediaPipe's update_face_landmarks_calculator.
const RIGHT: Eye = {
  outer: 33,
  inner: 133,
  mirrored: false,
  // biome-ignore format: a table
  contour: [
    33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173,
    130, 25, 110, 24, 23, 22, 26, 112, 243, 247, 30, 29, 27, 28, 56, 190,
    226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189,
  ],
  iris: [468, 469, 470, 471, 472],
};
const LEFT: Eye = {
  outer: 263,
  inner: 362,
  mirrored: true,
  // biome-ignore format: a table
  contour: [
    263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398,
    359, 255, 339, 254, 253, 252, 256, 341, 463, 467, 260, 259, 257, 258, 286, 414,
    446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444, 443, 442, 441, 413,
  ],
  iris: [473, 476, 475, 474, 477],
};
const EYES = [RIGHT, LEFT];
/**
 * How much this network's word counts against that of the points it is given, which err
 * independently: halves for the lids and the ring around them, a quarter for the next ring (whose
 * points it hardly sees), and for the irises, where it knows more people. Picked coarsely on the
 * validation clips; on two people held out of the training clips the gain for the irises was not confirmed.
 */
const LIDS = 32;
const LIDS_SHARE = 0.5;
const RING_SHARE = 0.25;
const IRIS_SHARE = 0.7;

/** The square around an eye, along the line of its corners. */
function eyeRegion(points: Landmarks, { outer, inner, mirrored }: Eye): Region {
  const [right, left] = mirrored ? [inner * 3, outer * 3] : [outer * 3, inner * 3];
  const dx = points[left]! - points[right]!;
  const dy = points[left + 1]! - points[right + 1]!;
  return {
    centreX: (points[left]! + points[right]!) / 2,
    centreY: (points[left + 1]! + points[right + 1]!) / 2,
    size: Math.hypot(dx, dy) * EYE_MARGIN,
    angle: Math.atan2(dy, dx),
  };
}

/** The points of an eye that the network's word counts for, and how much. */
const SHARES = EYES.map(({ contour, iris }) => [
  ...contour.map((point, i) => ({ point, from: i, share: i < LIDS ? LIDS_SHARE : RING_SHARE })),
  ...iris.map((point, i) => ({ point, from: IRIS_START + i, share: IRIS_SHARE })),
]);

/** What an eye's points are moved by: x, y along the eye's square, in its sides. */
type Correction = Float32Array;

/** What moves an eye's points towards what the network found, in pixels of the picture. */
function correctionTo(
  found: Float32Array,
  eye: number,
  face: Landmarks,
  region: Region,
): Correction {
  const correction = new Float32Array(2 * SHARES[eye]!.length);
  const cos = Math.cos(region.angle) / region.size;
  const sin = Math.sin(region.angle) / region.size;
  SHARES[eye]!.forEach(({ point, from, share }, i) => {
    const dx = share * (found[from * 3]! - face[point * 3]!);
    const dy = share * (found[from * 3 + 1]! - face[point * 3 + 1]!);
    correction[i * 2] = cos * dx + sin * dy;
    correction[i * 2 + 1] = cos * dy - sin * dx;
  });
  return correction;
}

/** Moves one eye's lids and iris; their depth stays. */
function correct(face: Landmarks, eye: number, region: Region, correction: Correction): void {
  const cos = Math.cos(region.angle) * region.size;
  const sin = Math.sin(region.angle) * region.size;
  SHARES[eye]!.forEach(({ point }, i) => {
    const [u, v] = [correction[i * 2]!, correction[i * 2 + 1]!];
    face[point * 3]! += cos * u - sin * v;
    face[point * 3 + 1]! += sin * u + cos * v;
  });
}

/**
 * MediaPipe Iris (Ablavatski et al. 2020): a second opinion on the lids and irises of a face's 478
 * points, which are in pixels of the picture. The function returned makes one for each face that is
 * followed. `inTurn`: after a face's first picture it looks at one eye of each, and moves the other one as
 * in the picture before.
 */
export function createIrisRefiner(session: InferenceSession, inTurn: boolean): () => Refine {
  const pixels = SIDE * SIDE * 3;
  const images = new Float32Array(EYES.length * pixels);

  async function look(
    picture: Picture,
    face: Landmarks,
    eyes: readonly number[],
    regions: readonly Region[],
  ): Promise<Correction[]> {
    eyes.forEach((eye, i) => {
      const { mirrored } = EYES[eye]!;
      const range = { low: 0, high: 1, mirrored, outside: 'edge' } as const;
      sampleRegion(picture, regions[eye]!, SIDE, images, i * pixels, range);
    });
    const data = images.subarray(0, eyes.length * pixels);
    const { points } = await session.run({ image: { data, dims: [eyes.length, SIDE, SIDE, 3] } });
    return eyes.map((eye, i) => {
      const found = points!.data.subarray(i * EYE_POINTS * 3, (i + 1) * EYE_POINTS * 3);
      regionToPicture(regions[eye]!, SIDE, found, EYE_POINTS, found, EYES[eye]!.mirrored);
      return correctionTo(found, eye, face, regions[eye]!);
    });
  }

  return () => {
    const corrections: Correction[] = [];
    let turn = 0;
    return async (picture, face) => {
      const regions = EYES.map((eye) => eyeRegion(face, eye));
      const eyes = inTurn && corrections.length > 0 ? [turn] : [0, 1];
      turn = 1 - turn;
      const fresh = await look(picture, face, eyes, regions);
      eyes.forEach((eye, i) => {
        corrections[eye] = fresh[i]!;
      });
      regions.forEach((region, eye) => {
        correct(face, eye, region, corrections[eye]!);
      });
    };
  };
}
