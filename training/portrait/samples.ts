import { readFileSync } from 'node:fs';
import { readNpz } from '../../bench/npz.js';
import { type Landmarks, POINT_COUNT } from '../../src/geometry/landmarks.js';
import type { MotionModel } from '../../src/geometry/motion-model.js';
import { LEFT_LIDS, LIPS, RIGHT_LIDS } from '../../src/geometry/regions.js';
import type { DecoderReference } from '../../src/models/decoder.js';
import { createPortraitInputs, NETWORK_SIZE } from '../../src/models/families/portrait-inputs.js';
import { parseBasis } from '../../src/models/motion-data.js';
import { createNodePictureCodec } from '../../src/models/picture-codec-node.js';
import { MAX_VALUE } from '../../src/protocol/motion-codec.js';
import { DEFAULT_QUANTISER } from '../../src/sender/defaults.js';
import { REFERENCE_QUALITY } from '../../src/sender/enrolment.js';
import type { Cache } from './cache-file.js';

/** The motion basis: the codec's, whose error the network must live with. */
export const basis = parseBasis(
  readFileSync(new URL('../../packs/warp/basis.bin', import.meta.url)),
)!;
const codec = createNodePictureCodec();

/** A reference as it comes out of the identity transfer. */
export async function compressed(reference: DecoderReference): Promise<DecoderReference> {
  const bytes = await codec.encode(reference.picture, REFERENCE_QUALITY);
  return { ...reference, picture: await codec.decode(bytes, NETWORK_SIZE) };
}

/** Geometry as the receiver rebuilds it. */
export function throughCodec(model: MotionModel, landmarks: Landmarks): Landmarks {
  const values = model.quantise(landmarks, undefined, DEFAULT_QUANTISER, MAX_VALUE);
  return model.reconstruct(values, DEFAULT_QUANTISER);
}

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

/** The box around points, grown by half its size on each side, within the picture. */
function boxOf(landmarks: Landmarks, points: readonly number[], margin: number): number[] {
  const xs = points.map((p) => landmarks[3 * p]);
  const ys = points.map((p) => landmarks[3 * p + 1]);
  const low = [Math.min(...xs), Math.min(...ys)];
  const high = [Math.max(...xs), Math.max(...ys)];
  const grow = margin * (high[0] - low[0]);
  return [...low.map((v) => v - grow), ...high.map((v) => v + grow)].map((v) =>
    Math.round(Math.min(NETWORK_SIZE, Math.max(0, v))),
  );
}

export const boxes = (landmarks: Landmarks) => ({
  mouth: boxOf(landmarks, LIPS, 0.15),
  eyes: [boxOf(landmarks, RIGHT_LIDS, 0.3), boxOf(landmarks, LEFT_LIDS, 0.3)],
});

/** Adds references to the cache, with the conditioning that the encoders see beside them. */
export function addSet(cache: Cache, references: readonly DecoderReference[]): number {
  const conditionings = references.map((reference) => {
    const own = createPortraitInputs([reference]);
    own.update(reference.landmarks);
    return own.conditioning;
  });
  return cache.addSet(
    references.map(({ picture }) => picture),
    conditionings,
  );
}
