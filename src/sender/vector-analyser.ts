import { withVector } from '../geometry/motion-vector.js';
import { checkLandmarks, checkPicture } from '../models/check-options.js';
import { openFsrtMotion } from '../models/families/fsrt-motion.js';
import type { OpenSession } from '../models/inference.js';
import { type Pack, PackError } from '../models/pack.js';
import { InvalidStateError } from '../protocol/errors.js';
import type { FrameAnalyser } from './frame-analyser.js';

const ROLES = ['keypoints', 'expression'] as const;

/**
 * An analyser of a pack whose motion frames are a vector: two of the pack's networks find it in the crop. Landmarks say
 * no more than where the crop is. PackError where the pack lacks a network.
 */
export async function openVectorAnalyser(pack: Pack, open: OpenSession): Promise<FrameAnalyser> {
  const missing = ROLES.find((role) => !Object.hasOwn(pack.networks, role));
  if (missing) {
    throw new PackError(
      `the pack has no network "${missing}", which finds its motion in a picture`,
    );
  }
  const { keypoints, expression } = pack.networks;
  const finder = await openFsrtMotion({ keypoints, expression, open }, pack.vector!.side);
  let running: Promise<unknown> = Promise.resolve();
  let closed = false;
  return {
    analyse(picture, square, landmarks) {
      checkPicture('picture', picture);
      checkLandmarks('landmarks', landmarks);
      if (closed) return Promise.reject(new InvalidStateError('the analyser is closed'));
      const found = running.then(() => finder.find(picture, square));
      running = found.catch(() => undefined);
      return found.then((motion) =>
        withVector(landmarks, [...motion.keypoints, ...motion.expression]),
      );
    },
    use() {
      // What the networks find does not depend on the references.
    },
    async close() {
      closed = true;
      await running;
      await finder.close();
    },
  };
}
