import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { openClip } from '../src/cli/media/clip-source.js';
import { POINT_COUNT } from '../src/geometry/landmarks.js';
import type { Picture } from '../src/geometry/picture.js';
import { createNodeSession } from '../src/models/inference-node.js';
import type { FaceTracker } from '../src/sender/tracker.js';
import { createFaceLandmarkerFinder } from '../src/sender/trackers/face-landmarker.js';
import { convertTask } from '../src/sender/trackers/face-landmarker-task.js';
import { followFaces } from '../src/sender/trackers/following.js';
import { openFaceTracker } from '../src/sender/trackers/open.js';
import type { Faces, ServedPicture, TrackerName } from './support/trackers-worker.js';
import {
  openWorkerPage,
  servedFolder,
  servedMediaPipe,
  servedRuntime,
  WEBGL_ARGS,
  type WorkerPage,
} from './support/worker-page.js';
import { dataFolder, describeNeeds, hasTool, itNeeds } from './tools.js';

const path = (relative: string) => fileURLToPath(new URL(`../${relative}`, import.meta.url));
const PACK = path('packs/tracker');
const TASK = join(dataFolder, 'models/mediapipe/face_landmarker.task');
const embedded: TrackerName = { pack: 'packs/tracker' };
const mediaPipe = { task: 'face_landmarker.task' } satisfies TrackerName;
/** MediaPipe wants to tell Google about its use; the page's policy does not let it. */
const TELEMETRY = 'connect-src: https://odml.pa.googleapis.com/v1/log';
const FRAMES = 30;
const EYES = [468, 473];

/** The first pictures of the sample, and how the page fetches them. */
async function samplePictures(): Promise<Picture[]> {
  const clip = await openClip(path('samples/sample.webp'));
  const pictures: Picture[] = [];
  for await (const picture of clip.frames()) {
    pictures.push(picture);
    if (pictures.length === FRAMES) break;
  }
  await clip.close();
  return pictures;
}

const served = (pictures: readonly Picture[]): ServedPicture[] =>
  pictures.map(({ width, height }, i) => ({ path: `frames/${i}`, width, height }));

async function trackHere(tracker: FaceTracker, pictures: readonly Picture[]): Promise<Faces[]> {
  const found: Faces[] = [];
  for (const picture of pictures) {
    found.push((await tracker.track(picture)).map(({ landmarks }) => [...landmarks]));
  }
  await tracker.close();
  return found;
}

/** Distance of two points in a picture. */
const apart = (a: readonly number[], i: number, b: readonly number[], j: number) =>
  Math.hypot(a[i * 3] - b[j * 3], a[i * 3 + 1] - b[j * 3 + 1]);

/** Distances of the points of single faces in pixels. */
function distances(ours: Faces, theirs: Faces): number[] {
  expect([ours.length, theirs.length]).toEqual([1, 1]);
  expect(ours[0]).toHaveLength(3 * POINT_COUNT);
  return Array.from({ length: POINT_COUNT }, (_, i) => apart(ours[0], i, theirs[0], i));
}

const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

describeNeeds('chromium')('trackers in a worker', () => {
  const it = itNeeds('chromium');
  const itWithTask = itNeeds('chromium', 'data');
  let page: WorkerPage;
  let pictures: Picture[];

  beforeAll(async () => {
    pictures = await samplePictures();
    const task = hasTool('data') ? await readFile(TASK) : new Uint8Array();
    page = await openWorkerPage({
      worker: 'test/support/trackers-worker.ts',
      files: [
        ...(await servedRuntime()),
        ...(await servedMediaPipe()),
        ...(await servedFolder('packs/tracker', 'packs/tracker')),
        ['packs/changed/manifest.json', await readFile(`${PACK}/manifest.json`)],
        ['packs/changed/tracker.onnx', await readFile(`${PACK}/iris.onnx`)],
        ['face_landmarker.task', task],
        ['other.task', new Uint8Array(8)],
        ...pictures.map(({ data }, i) => [`frames/${i}`, new Uint8Array(data.buffer)] as const),
      ],
      args: WEBGL_ARGS,
    });
  });
  afterEach(async () => {
    expect((await page.problems()).filter((problem) => problem !== TELEMETRY)).toEqual([]);
  });
  afterAll(() => page?.close());

  it("the package's own finds the points that it finds in Node", async () => {
    const here = await trackHere(await openFaceTracker({ packPath: PACK }), pictures);
    const there = await page.call<Faces[]>('track', embedded, true, served(pictures));
    expect(there).toHaveLength(FRAMES);
    there.forEach((faces, i) => {
      expect(Math.max(...distances(faces, here[i]))).toBeLessThan(0.5);
    });
  });

  it('a pack that is not there or not its own says so', async () => {
    const open = (pack: string) => page.call('track', { pack }, true, []).catch(String);
    expect(await open('packs/nothing')).toContain(
      `PackError: the tracker pack in ${page.url}packs/nothing/ cannot be used (manifest.json cannot be read: the server says 404 Not Found)`,
    );
    expect(await open('packs/changed')).toContain(
      'tracker.onnx does not have the SHA-256 that manifest.json says',
    );
  });

  it('a task file that is not there or another one is refused', async () => {
    const open = (task: string) => page.call('track', { task }, true, []).catch(String);
    expect(await open('nothing.task')).toContain(
      `PackError: ${page.url}nothing.task cannot be read: the server says 404 Not Found`,
    );
    expect(await open('other.task')).toContain(
      `PackError: ${page.url}other.task has the SHA-256 af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc, not 64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff: give`,
    );
  });

  itWithTask('MediaPipe that is not there is named', async () => {
    const nowhere: TrackerName = { ...mediaPipe, assets: 'nothing/' };
    expect(await page.call('track', nowhere, true, []).catch(String)).toContain(
      `PackError: @mediapipe/tasks-vision is not at ${page.url}nothing/mediapipe/vision_bundle.mjs (404): run npx visavis assets`,
    );
  });

  itWithTask("MediaPipe's finds the points of its networks in Node", async () => {
    const { detector, landmarks } = convertTask('task', await readFile(TASK));
    const finder = createFaceLandmarkerFinder(
      await createNodeSession(detector),
      await createNodeSession(landmarks),
    );
    const here = await trackHere(followFaces(finder, false), pictures);
    const there = await page.call<Faces[]>('track', mediaPipe, false, served(pictures));
    const errors = there.map((faces, i) => {
      const [right, left] = EYES;
      return (100 * mean(distances(faces, here[i]))) / apart(here[i][0], right, here[i][0], left);
    });
    // Measured: 0.88, as each follows the face in a square of its own.
    expect(mean(errors)).toBeLessThan(1.1);
  });

  itWithTask('two of MediaPipe start at once; one filters; neither works when closed', async () => {
    const [raw, smooth] = await Promise.all([
      page.call<Faces[]>('track', mediaPipe, false, served(pictures)),
      page.call<Faces[]>('track', mediaPipe, true, served(pictures)),
    ]);
    const jitter = (found: readonly Faces[]) =>
      mean(
        found
          .slice(2)
          .flatMap(([face], i) =>
            face.map((value, k) => Math.abs(value - 2 * found[i + 1][0][k] + found[i][0][k])),
          ),
      );
    expect(smooth[0]).toEqual(raw[0]);
    expect(jitter(smooth)).toBeLessThan(jitter(raw));
    expect(await page.call('closed', mediaPipe, served(pictures)[0])).toBe(
      'InvalidStateError: the tracker is closed',
    );
    expect(await page.problems()).toContain(TELEMETRY);
  });
});
