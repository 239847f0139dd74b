import { readFile } from 'node:fs/promises';
import { fitSimilarity } from '../../src/geometry/fit.js';
import type { Landmarks } from '../../src/geometry/landmarks.js';
import type { Picture } from '../../src/geometry/picture.js';
import { LEFT_LIDS, RIGHT_LIDS } from '../../src/geometry/regions.js';
import { createNodeSession } from '../../src/models/inference-node.js';

/** Pixels a side of the network's input. */
const SIDE = 112;
/**
 * Where ArcFace (Deng et al., CVPR 2019) aligns the right and the left eye, the tip of the nose and
 * the right and the left corner of the mouth, in pixels of a 112×112 picture; z is not used.
 */
const TEMPLATE = Float32Array.of(
  ...[38.2946, 51.6963, 0, 73.5318, 51.5014, 0, 56.0252, 71.7366, 0],
  ...[41.5493, 92.3655, 0, 70.7299, 92.2041, 0],
);
const NOSE_TIP = 1;
const RIGHT_CORNER = 61;
const LEFT_CORNER = 291;

/** Measures whether two pictures show the same person. */
export interface FaceEmbedder {
  /** The embedding of the face (landmarks in pixels of the picture), of length 1. */
  embed(picture: Picture, face: Landmarks): Promise<Float32Array>;
  close(): Promise<void>;
}

/** The five points of a face that `TEMPLATE` places. */
function fivePoints(face: Landmarks): Float32Array {
  const centre = (points: readonly number[]) =>
    [0, 1].map((axis) => points.reduce((sum, p) => sum + face[3 * p + axis], 0) / points.length);
  const groups = [RIGHT_LIDS, LEFT_LIDS, [NOSE_TIP], [RIGHT_CORNER], [LEFT_CORNER]];
  return Float32Array.from(groups.flatMap((group) => [...centre(group), 0]));
}

/**
 * The face of a picture, turned, scaled and moved to where the network expects it: 3 planes (R, G, B)
 * of 112×112 values (v − 127.5) / 128. Each pixel is the mean of 2×2 bilinear samples.
 */
export function alignFace({ data, width, height }: Picture, face: Landmarks): Float32Array {
  const { a, b, tx, ty } = fitSimilarity(TEMPLATE, fivePoints(face), [0, 1, 2, 3, 4]);
  const planes = new Float32Array(3 * SIDE * SIDE);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      for (const [dx, dy] of SUBPIXELS) {
        const [u, v] = [x + dx, y + dy];
        const px = Math.max(0, Math.min(width - 1.001, a * u - b * v + tx - 0.5));
        const py = Math.max(0, Math.min(height - 1.001, b * u + a * v + ty - 0.5));
        const [x0, y0] = [Math.floor(px), Math.floor(py)];
        const [fx, fy] = [px - x0, py - y0];
        const at = (y0 * width + x0) * 4;
        for (let channel = 0; channel < 3; channel++) {
          const from = at + channel;
          const above = data[from] * (1 - fx) + data[from + 4] * fx;
          const below = data[from + width * 4] * (1 - fx) + data[from + width * 4 + 4] * fx;
          planes[channel * SIDE * SIDE + y * SIDE + x] += (above * (1 - fy) + below * fy) / 4;
        }
      }
    }
  }
  return planes.map((value) => (value - 127.5) / 128);
}

const SUBPIXELS = [0.25, 0.75].flatMap((dy) => [0.25, 0.75].map((dx) => [dx, dy] as const));

/** Opens MobileFaceNet (`MobileFaceNet.onnx` of the data). Rejects where it cannot be read. */
export async function createFaceEmbedder(modelFile: string): Promise<FaceEmbedder> {
  const session = await createNodeSession(await readFile(modelFile));
  return {
    async embed(picture, face) {
      const input0 = { data: alignFace(picture, face), dims: [1, 3, SIDE, SIDE] };
      const { output0 } = await session.run({ input0 });
      const length = Math.hypot(...output0.data);
      return output0.data.map((value) => value / length);
    },
    close: () => session.close(),
  };
}

/** Cosine of two embeddings, −1–1: one person's about 0.68 and more, two strangers' below 0.45. */
export function cosine(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, at) => sum + value * b[at], 0);
}
