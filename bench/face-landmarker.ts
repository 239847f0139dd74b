import { readFile } from 'node:fs/promises';
import type { Landmarks } from '../src/geometry/landmarks.js';
import type { Picture } from '../src/geometry/picture.js';
import { createNodeSession } from '../src/models/inference-node.js';
import { createFaceLandmarkerFinder } from '../src/sender/trackers/face-landmarker.js';
import { convertTask } from '../src/sender/trackers/face-landmarker-task.js';
import { detectionRegion } from '../src/sender/trackers/following.js';

/** MediaPipe FaceLandmarker as a measuring instrument: no state, no filter. */
export interface Landmarker {
  /**
   * 478 points of the best-scored face, in pixels of the picture; undefined where there is none. Detects
   * and fits afresh, as FaceLandmarker does with single pictures. Calls must not overlap.
   */
  landmarks(picture: Picture): Promise<Landmarks | undefined>;
  close(): Promise<void>;
}

/** Opens MediaPipe's `face_landmarker.task`. Rejects with a PackError where the file is none. */
export async function createLandmarker(taskFile: string): Promise<Landmarker> {
  const task = convertTask(taskFile, await readFile(taskFile));
  const finder = createFaceLandmarkerFinder(
    await createNodeSession(task.detector),
    await createNodeSession(task.landmarks),
  );
  return {
    async landmarks(picture) {
      const [detection] = await finder.detect(picture);
      if (!detection) return undefined;
      const face = await finder.fit(picture, detectionRegion(detection));
      return face?.landmarks;
    },
    close: finder.close,
  };
}
