import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { type Landmarks, POINT_COUNT } from '../../geometry/landmarks.js';
import type { Picture } from '../../geometry/picture.js';
import { checkPicture } from '../../models/check-options.js';
import { PackError } from '../../models/pack.js';
import { fetchPackFile } from '../../models/pack-fetch.js';
import { firstMissing } from '../../models/served-files.js';
import { InvalidStateError } from '../../protocol/errors.js';
import type { FaceTracker, TrackedFace } from '../tracker.js';
import type { Box } from './blazeface.js';
import { KNOWN_TASK_SHA256 } from './face-landmarker.js';
import {
  boxOf,
  createPointFilter,
  isSameFace,
  MAX_FACES,
  type PointFilter,
  uprightSquare,
} from './following.js';
import type { OpenedTracker } from './pack-tracker.js';

/** Options of `openMediaPipeTracker`. */
export interface MediaPipeTrackerOptions {
  /** The folder that `npx visavis assets` made: `mediapipe/` is looked for in it. */
  readonly assets: URL;
  /** MediaPipe's face_landmarker.task (float16/1), served by the application. */
  readonly task: URL;
  /** Whether the points are filtered over time (One-Euro); default true. */
  readonly smooth?: boolean;
}

/** The part of @mediapipe/tasks-vision that is used. */
interface TasksVision {
  readonly FaceLandmarker: {
    createFromOptions(
      files: { readonly wasmLoaderPath: string; readonly wasmBinaryPath: string },
      options: {
        readonly baseOptions: { readonly modelAssetBuffer: Uint8Array; readonly delegate: 'CPU' };
        readonly runningMode: 'VIDEO';
        readonly numFaces: number;
      },
    ): Promise<FaceLandmarker>;
  };
}

interface FaceLandmarker {
  detectForVideo(
    image: ImageData,
    timestampMs: number,
  ): { readonly faceLandmarks: readonly (readonly NormalisedPoint[])[] };
  close(): void;
}

/** x over the picture's width, y over its height, z in about the scale of x. */
interface NormalisedPoint {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** MediaPipe's module, and what that loads, in `assets/mediapipe/`. */
const FILES = [
  'vision_bundle.mjs',
  'wasm/vision_wasm_module_internal.js',
  'wasm/vision_wasm_module_internal.wasm',
] as const;
/** Between pictures, of MediaPipe's clock, which must go on; its points do not depend on it. */
const FRAME_MS = 40;

/**
 * A tracker on MediaPipe's FaceLandmarker (@mediapipe/tasks-vision, on the processor), in a worker of
 * the type `module`; needs WebGL 2 there. With two faces to look for, MediaPipe does not filter: the
 * filter is the one of the other trackers. MediaPipe gives no presence for a face that it gives: it is 1.
 *
 * tasks-vision sends figures about its use to Google every minute and when it is closed (privacy notice in
 * its README), unless the page's `connect-src` forbids, as it should.
 *
 * Rejects with a PackError where the task file or MediaPipe's files are not there, the task file is
 * another one, or MediaPipe does not start.
 */
export async function openMediaPipeTracker({
  assets,
  task,
  smooth = true,
}: MediaPipeTrackerOptions): Promise<OpenedTracker> {
  const landmarker = await startInTurn(assets, await fetchTask(task));
  return { name: 'face_landmarker.task', ...followWith(landmarker, smooth) };
}

async function fetchTask(url: URL): Promise<Uint8Array> {
  const bytes = await fetchPackFile(url).catch((cause: Error) => {
    throw new PackError(`${url} cannot be read: ${cause.message}`, { cause });
  });
  const hash = bytesToHex(sha256(bytes));
  if (hash === KNOWN_TASK_SHA256) return bytes;
  throw new PackError(
    `${url} has the SHA-256 ${hash}, not ${KNOWN_TASK_SHA256}: give MediaPipe's face_landmarker.task, float16/1`,
  );
}

/** What the last start comes to: MediaPipe's loader hands its code over in a global variable. */
let starting: Promise<unknown> = Promise.resolve();
let starts = 0;

function startInTurn(assets: URL, model: Uint8Array): Promise<FaceLandmarker> {
  const result = starting.then(() => start(assets, model));
  starting = result.catch(() => undefined);
  return result;
}

async function start(assets: URL, modelAssetBuffer: Uint8Array): Promise<FaceLandmarker> {
  const [module, loader, binary] = FILES.map((file) => new URL(`mediapipe/${file}`, assets));
  // The loader must run anew: as another module, by the fragment.
  loader!.hash = String(++starts);
  try {
    const { FaceLandmarker }: TasksVision = await import(
      /* @vite-ignore */ /* webpackIgnore: true */ module!.href
    );
    const files = { wasmLoaderPath: loader!.href, wasmBinaryPath: binary!.href };
    return await FaceLandmarker.createFromOptions(files, {
      baseOptions: { modelAssetBuffer, delegate: 'CPU' },
      runningMode: 'VIDEO',
      numFaces: MAX_FACES,
    });
  } catch (cause) {
    const missing = await firstMissing([module!, loader!, binary!]);
    const why = missing
      ? `is not at ${missing}: run npx visavis assets`
      : `does not start (${cause})`;
    throw new PackError(`@mediapipe/tasks-vision ${why}`, { cause });
  }
}

interface FollowedFace extends TrackedFace {
  readonly box: Box;
  readonly filter: PointFilter | undefined;
}

function followWith(landmarker: FaceLandmarker, smooth: boolean): FaceTracker {
  let faces: FollowedFace[] = [];
  let size = '';
  let clock = 0;
  let closed = false;
  return {
    async track(picture) {
      if (closed) throw new InvalidStateError('the tracker is closed');
      checkPicture('picture', picture);
      const { width, height, data } = picture;
      if (`${width}x${height}` !== size) faces = [];
      size = `${width}x${height}`;
      clock += FRAME_MS;
      const image = new ImageData(data as Uint8ClampedArray<ArrayBuffer>, width, height);
      const { faceLandmarks } = landmarker.detectForVideo(image, clock);
      const before = [...faces];
      faces = faceLandmarks.map((points) => {
        const landmarks = toPixels(points, picture);
        const box = boxOf(landmarks);
        const known = before.findIndex((face) => isSameFace(face.box, box));
        const [last] = known < 0 ? [] : before.splice(known, 1);
        const filter = last?.filter ?? (smooth ? createPointFilter() : undefined);
        filter?.(landmarks, uprightSquare(landmarks).size);
        return { landmarks, presence: 1, box, filter };
      });
      faces.sort((a, b) => b.box.width * b.box.height - a.box.width * a.box.height);
      return faces.map(({ landmarks, presence }) => ({ landmarks, presence }));
    },
    async close() {
      if (closed) return;
      closed = true;
      landmarker.close();
    },
  };
}

function toPixels(points: readonly NormalisedPoint[], { width, height }: Picture): Landmarks {
  const landmarks = new Float32Array(POINT_COUNT * 3);
  points.forEach(({ x, y, z }, i) => {
    landmarks[i * 3] = x * width;
    landmarks[i * 3 + 1] = y * height;
    landmarks[i * 3 + 2] = z * width;
  });
  return landmarks;
}
