import type { InferenceSession } from '../../models/inference.js';
import { createNodeSession } from '../../models/inference-node.js';
import { PackError } from '../../models/pack.js';
import { DETECTOR_SIDE, LANDMARKS_SIDE } from './face-landmarker.js';
import type { ConvertedTask } from './face-landmarker-task.js';

/** What an output must have. */
interface Expected {
  readonly elements: number;
  /** Of all elements, of the known file. */
  readonly mean: number;
  /** Elements spread evenly from the first to the last. */
  readonly values: readonly number[];
}

/** Printed by training/check_tflite.py: PyTorch in float64, which read the TFLite files by itself. */
const DETECTOR: Readonly<Record<string, Expected>> = {
  boxes: {
    elements: 896 * 16,
    mean: 7.15109,
    // biome-ignore format: a table
    values: [-0.2042, 2.6027, 0.1016, -1.0303, 27.1781, 8.8098, -9.7152, -18.7068, 18.5575, -9.5326],
  },
  scores: {
    elements: 896,
    mean: -6.08481,
    // biome-ignore format: a table
    values: [-5.3216, -4.2053, -4.0211, -3.4626, -3.1294, -4.386, -5.2202, -5.3972, -3.9768, -43.0301],
  },
};
const LANDMARKS: Readonly<Record<string, Expected>> = {
  points: {
    elements: 478 * 3,
    mean: 86.7131,
    // biome-ignore format: a table
    values: [99.076, 74.6222, 97.7441, 78.1657, 92.9809, 107.1822, 189.3038, 148.6273, 204.2362, 4.5638],
  },
  face: { elements: 1, mean: -22.77812, values: [-22.7781] },
};
/** The values have four digits; float32 in another order of summation is within 0.0002 of them. */
const TOLERANCE = 0.002;

/** A picture of slow waves in whole numbers, 3 × side × side between `low` and 1. */
export function testPicture(side: number, low: number): Float32Array {
  const picture = new Float32Array(3 * side * side);
  let write = 0;
  for (let c = 0; c < 3; c++)
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++) {
        const wave = (x * (c + 2) + y * (5 - c) + Math.floor((x * y) / (24 + 8 * c))) % 256;
        const level = (wave < 128 ? wave : 255 - wave) * 2;
        picture[write++] = low + ((1 - low) * level) / 255;
      }
  return picture;
}

/**
 * Runs converted graphs on a test picture. Where the task file is the known one, their numbers are
 * compared with recorded ones: resolves to the largest deviation found, else to undefined. Rejects
 * with a PackError where a graph cannot be run or gives something else.
 */
export async function checkTask(task: ConvertedTask): Promise<number | undefined> {
  const deviations = [
    await checkGraph(task.detector, testPicture(DETECTOR_SIDE, -1), DETECTOR_SIDE, DETECTOR),
    await checkGraph(task.landmarks, testPicture(LANDMARKS_SIDE, 0), LANDMARKS_SIDE, LANDMARKS),
  ];
  if (!task.known) return undefined;
  const largest = Math.max(...deviations);
  if (largest <= TOLERANCE) return largest;
  throw new PackError(
    `the converted graphs are off by ${largest.toPrecision(2)} from what they should give: please report this with the type of your processor`,
  );
}

/** The largest deviation from the recorded values. */
async function checkGraph(
  graph: Uint8Array,
  data: Float32Array,
  side: number,
  outputs: Readonly<Record<string, Expected>>,
): Promise<number> {
  let session: InferenceSession | undefined;
  try {
    session = await createNodeSession(graph);
    const found = await session.run({ image: { data, dims: [1, 3, side, side] } });
    const deviations = Object.entries(outputs).map(([name, { elements, mean, values }]) => {
      const numbers = found[name]!.data;
      if (numbers.length !== elements || !numbers.every(Number.isFinite)) {
        throw new Error(`${name} are not ${elements} finite numbers`);
      }
      const sum = numbers.reduce((all, number) => all + number, 0);
      const off = values.map((value, i) => {
        const at = Math.floor((i * (elements - 1)) / Math.max(1, values.length - 1));
        return Math.abs(numbers[at]! - value);
      });
      return Math.max(Math.abs(sum / elements - mean), ...off);
    });
    return Math.max(...deviations);
  } catch (cause) {
    throw new PackError(
      `a converted graph does not work (${(cause as Error).message}): give MediaPipe's face_landmarker.task, float16/1`,
      { cause },
    );
  } finally {
    await session?.close();
  }
}
