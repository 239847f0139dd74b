import { readFileSync } from 'node:fs';
import { readNpz } from '../../bench/npz.js';
import { type Landmarks, POINT_COUNT } from '../../src/geometry/landmarks.js';
import { parseBasis } from '../../src/models/motion-data.js';

export { addSet, boxes, compressed, enrolled } from '../../src/cli/training/sample.js';

/** The motion basis: the codec's, whose error the network must live with. */
export const basis = parseBasis(
  readFileSync(new URL('../../packs/warp/basis.bin', import.meta.url)),
)!;

/** Reads tracks: landmarks in pixels by frame index. */
export function readTrack(path: string): Map<number, Landmarks> {
  const { frame, landmarks } = readNpz(path);
  const raw = landmarks.data as Int16Array;
  return new Map(
    Array.from(frame.data as Int32Array, (index, row) => [
      index,
      Float32Array.from(
        raw.subarray(3 * POINT_COUNT * row, 3 * POINT_COUNT * (row + 1)),
        (value) => value / 16,
      ),
    ]),
  );
}
