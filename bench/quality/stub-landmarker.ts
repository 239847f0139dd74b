import type { Landmarks } from '../../src/geometry/landmarks.js';
import type { Picture } from '../../src/geometry/picture.js';
import { openFaceTracker } from '../../src/sender/trackers/open.js';

export interface Landmarker {
  landmarks(picture: Picture): Promise<Landmarks | undefined>;
  close(): Promise<void>;
}
export async function createLandmarker(_file: string): Promise<Landmarker> {
  const tracker = await openFaceTracker({ smooth: false });
  return {
    landmarks: async (picture) => (await tracker.track(picture))[0]?.landmarks,
    close: () => tracker.close(),
  };
}
