import { resolve } from 'node:path';
import { POINT_COUNT } from '../../src/geometry/landmarks.js';
import type { FaceTracker } from '../../src/sender/tracker.js';
import { dataRoot } from '../data.js';
import { readNpz } from '../npz.js';

/**
 * A tracker that gives FaceLandmarker's tracks of the data, unfiltered, for the clip's pictures one
 * after the other, `width` pixels across. `file` is the clip's path under `dataRoot()`.
 */
export function createTrackTracker(file: string, width: number): FaceTracker {
  const track = readNpz(resolve(dataRoot(), 'tracks', `${file}.npz`));
  const points = track.landmarks.data as Int16Array;
  const rows = new Map([...(track.frame.data as Int32Array)].map((frame, row) => [frame, row]));
  const scale = width / Number(track.width.data[0]) / 16;
  const count = 3 * POINT_COUNT;
  let next = 0;
  return {
    async track() {
      const row = rows.get(next++);
      if (row === undefined) return [];
      const landmarks = Float32Array.from(
        points.subarray(row * count, (row + 1) * count),
        (value) => value * scale,
      );
      return [{ landmarks, presence: 1 }];
    },
    async close() {},
  };
}
