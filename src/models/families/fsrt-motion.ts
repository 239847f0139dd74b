import type { Picture } from '../../geometry/picture.js';
import { resampleSquare, type Square } from '../../geometry/resample.js';
import type { OpenSession } from '../inference.js';
import { pictureTensor } from './picture-tensor.js';

/** The networks that see a frame: a sender's, and a receiver's of its sources (`training/fsrt/graphs.py`). */
export interface FsrtMotionNetworks {
  /** `pictures` K × 3 × S × S (0–1) → `keypoints` K × n × 2 (−1–1), `heat`, `features`. */
  readonly keypoints: Uint8Array;
  /** `features`, `heat` → `expression` K × |e|. */
  readonly expression: Uint8Array;
  readonly open: OpenSession;
}

/** What FSRT's networks see in a picture. */
export interface FsrtMotion {
  /** x and y of the keypoints in turn, −1–1 across the picture. */
  readonly keypoints: Float32Array;
  readonly expression: Float32Array;
}

/** Finds FSRT's motion in pictures. */
export interface FsrtMotionFinder {
  /** The motion in a square of a picture, which stays the caller's. Calls must not overlap. */
  find(picture: Picture, square: Square): Promise<FsrtMotion>;
  close(): Promise<void>;
}

/** Opens keypoint detector and expression network; `side`: pixels across the pictures that they see. */
export async function openFsrtMotion(
  { keypoints, expression, open }: FsrtMotionNetworks,
  side: number,
): Promise<FsrtMotionFinder> {
  const detector = await open(keypoints);
  const reader = await open(expression).catch(async (error) => {
    await detector.close();
    throw error;
  });
  return {
    async find(picture, square) {
      const pictures = pictureTensor([resampleSquare(picture, square, side)]);
      const found = await detector.run({ pictures });
      const { heat, features } = found;
      const read = await reader.run({ features, heat });
      return { keypoints: found.keypoints.data, expression: read.expression.data };
    },
    async close() {
      await Promise.all([detector.close(), reader.close()]);
    },
  };
}
