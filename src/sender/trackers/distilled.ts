import { POINT_COUNT } from '../../geometry/landmarks.js';
import { createDetector } from './blazeface.js';
import type { FaceFinder } from './following.js';
import { createIrisRefiner } from './iris.js';
import type { TrackerPack } from './pack.js';
import { regionToPicture, sampleRegion } from './region.js';

/** Pixels along a side of the network's input. */
const SIDE = 192;
/** Where the network, trained on faces and pictures without one, has them as likely. */
const MIN_PRESENCE = 0.5;

/**
 * The network of training/tracker, distilled from MediaPipe FaceLandmarker: 478 points at once; with
 * MediaPipe's Iris for a second opinion on the eyes, one after the other where `eyesInTurn`.
 */
export function createDistilledFinder(
  { graph, close }: TrackerPack,
  eyesInTurn: boolean,
): FaceFinder {
  const tracker = graph('tracker.onnx');
  const image = new Float32Array(SIDE * SIDE * 3);
  return {
    detect: createDetector(graph('blazeface.onnx')),
    createRefiner: createIrisRefiner(graph('iris.onnx'), eyesInTurn),
    async fit(picture, region) {
      sampleRegion(picture, region, SIDE, image, 0, { low: 0, high: 1, outside: 'edge' });
      const { points, presence } = await tracker.run({
        image: { data: image, dims: [1, SIDE, SIDE, 3] },
      });
      const score = presence!.data[0]!;
      if (!(score >= MIN_PRESENCE)) return undefined;
      const landmarks = new Float32Array(POINT_COUNT * 3);
      regionToPicture(region, SIDE, points!.data, POINT_COUNT, landmarks);
      return { landmarks, presence: score };
    },
    close,
  };
}
