import { POINT_COUNT } from '../../geometry/landmarks.js';
import type { InferenceSession } from '../../models/inference.js';
import { createDetectionReader, wholePicture } from './blazeface.js';
import { type FaceFinder, uprightSquare } from './following.js';
import { type Region, regionToPicture, sampleRegion } from './region.js';

/** SHA-256 of MediaPipe's face_landmarker.task, float16/1: the file that all figures are of. */
export const KNOWN_TASK_SHA256 = '64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff';
/** Pixels along a side of the detector's input (BlazeFace, short range). */
export const DETECTOR_SIDE = 128;
/** Pixels along a side of the landmark network's input. */
export const LANDMARKS_SIDE = 256;
/** MediaPipe's default `min_face_presence_confidence`. */
const MIN_PRESENCE = 0.5;
/**
 * What makes the square around the points lie as the one around the detector's box, which FaceLandmarker
 * fits single pictures in: side over the points' extent, and how far its centre is below theirs, in
 * sides. Means over three frames of every second training clip. Followed so, the points of eight frames
 * of every fifth training clip are 0.88 instead of 1.16 % of the inter-ocular distance from those of a
 * fresh detection.
 */
const MARGIN = 1.41;
const DOWN = 0.03;

/**
 * What `sampleRegion` is to be given for samples as MediaPipe takes them (image_to_tensor's OpenCV
 * converter): its first one lies on the region's corner, not half a step inside, and its pixels at
 * whole numbers. Without this the points are 0.4 % of the inter-ocular distance from FaceLandmarker's.
 */
function fromCorner(region: Region, side: number): Region {
  const { centreX, centreY, size, angle } = region;
  const cos = Math.cos(angle) * (size / side);
  const sin = Math.sin(angle) * (size / side);
  return {
    size,
    angle,
    centreX: centreX + (1 - cos + sin) / 2,
    centreY: centreY + (1 - sin - cos) / 2,
  };
}

/**
 * The networks of MediaPipe FaceLandmarker, converted from the user's own `face_landmarker.task`
 * (face-landmarker-task.ts): 478 points at once, irises included. Closes both.
 */
export function createFaceLandmarkerFinder(
  detector: InferenceSession,
  landmarker: InferenceSession,
): FaceFinder {
  const small = new Float32Array(3 * DETECTOR_SIDE * DETECTOR_SIDE);
  const large = new Float32Array(3 * LANDMARKS_SIDE * LANDMARKS_SIDE);
  const read = createDetectionReader(DETECTOR_SIDE);
  return {
    async detect(picture) {
      const region = fromCorner(wholePicture(picture), DETECTOR_SIDE);
      const range = { low: -1, high: 1, outside: 'black' } as const;
      const layout = { single: true, planar: true };
      sampleRegion(picture, region, DETECTOR_SIDE, small, 0, { ...range, ...layout });
      const dims = [1, 3, DETECTOR_SIDE, DETECTOR_SIDE];
      const { scores, boxes } = await detector.run({ image: { data: small, dims } });
      return read(picture, [{ scores: scores!.data, boxes: boxes!.data }]);
    },
    async fit(picture, region) {
      const range = { low: 0, high: 1, outside: 'edge' } as const;
      const layout = { single: true, planar: true };
      const square = fromCorner(region, LANDMARKS_SIDE);
      sampleRegion(picture, square, LANDMARKS_SIDE, large, 0, { ...range, ...layout });
      const dims = [1, 3, LANDMARKS_SIDE, LANDMARKS_SIDE];
      const { points, face } = await landmarker.run({ image: { data: large, dims } });
      const presence = 1 / (1 + Math.exp(-face!.data[0]!));
      if (!(presence >= MIN_PRESENCE)) return undefined;
      const landmarks = new Float32Array(POINT_COUNT * 3);
      regionToPicture(region, LANDMARKS_SIDE, points!.data, POINT_COUNT, landmarks);
      return { landmarks, presence };
    },
    regionOf(points) {
      const square = uprightSquare(points, MARGIN);
      return {
        ...square,
        centreX: square.centreX - Math.sin(square.angle) * DOWN * square.size,
        centreY: square.centreY + Math.cos(square.angle) * DOWN * square.size,
      };
    },
    async close() {
      await Promise.all([detector.close(), landmarker.close()]);
    },
  };
}
