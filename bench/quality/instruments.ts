import { resolve } from 'node:path';
import { createLandmarker, type Landmarker } from '../face-landmarker.js';
import { type Butteraugli, openButteraugli } from './butteraugli.js';
import { createFaceEmbedder, type FaceEmbedder } from './identity-similarity.js';

/** What measures; undefined where it is not on this machine. */
export interface Instruments {
  readonly landmarker: Landmarker | undefined;
  readonly embedder: FaceEmbedder | undefined;
  readonly butteraugli: Butteraugli | undefined;
  close(): Promise<void>;
}

/**
 * Opens the instruments: models of the data's `models` folder and libjxl's tool. `skip` is told of each
 * that is missing, and of the columns that go with it.
 */
export async function openInstruments(
  modelFolder: string,
  skip: (line: string) => void,
): Promise<Instruments> {
  const orSkip = async <T>(opening: Promise<T>, columns: string): Promise<T | undefined> => {
    try {
      return await opening;
    } catch (error) {
      skip(`without ${columns}: ${(error as Error).message}`);
      return undefined;
    }
  };
  const landmarker = await orSkip(
    createLandmarker(resolve(modelFolder, 'mediapipe/face_landmarker.task')),
    'sharpness, AKD, lips, irises, opening, lost, mouth, eyes and identity',
  );
  const embedder = landmarker
    ? await orSkip(createFaceEmbedder(resolve(modelFolder, 'MobileFaceNet.onnx')), 'identity')
    : undefined;
  const butteraugli = await openButteraugli();
  if (!butteraugli) {
    skip('without Butteraugli: there is no butteraugli_main: apt-get install libjxl-devtools');
  }
  return {
    landmarker,
    embedder,
    butteraugli,
    async close() {
      await landmarker?.close();
      await embedder?.close();
      await butteraugli?.close();
    },
  };
}
