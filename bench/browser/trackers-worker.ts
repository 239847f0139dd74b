/** What bench/browser-trackers.ts does in a worker. */
import type { Picture } from '../../src/geometry/picture.js';
import type { OpenSession } from '../../src/models/inference.js';
import { loadRuntime } from '../../src/models/inference-web.js';
import type { FaceTracker } from '../../src/sender/tracker.js';
import { openMediaPipeTracker } from '../../src/sender/trackers/mediapipe.js';
import { openFetchedTracker } from '../../src/sender/trackers/open-fetched.js';
import { serveFunctions } from '../../test/support/serve-functions.js';

/** Milliseconds of a picture: all of it, and each network's by bytes of its file. */
export interface Times {
  readonly all: number;
  readonly networks: Readonly<Record<number, number>>;
}

interface ServedPictures {
  /** Raw RGBA, one after the other. */
  readonly path: string;
  readonly width: number;
  readonly height: number;
}

const assets = new URL('assets/', location.href);

async function fetchPictures({ path, width, height }: ServedPictures): Promise<Picture[]> {
  const bytes = await (await fetch(path)).arrayBuffer();
  const size = width * height * 4;
  return Array.from({ length: bytes.byteLength / size }, (_, i) => ({
    width,
    height,
    data: new Uint8ClampedArray(bytes, i * size, size),
  }));
}

async function time(
  tracker: FaceTracker,
  served: ServedPictures,
  networks: () => Record<number, number>,
): Promise<Times[]> {
  const pictures = await fetchPictures(served);
  for (const picture of pictures.slice(0, 10)) await tracker.track(picture);
  const times: Times[] = [];
  for (const picture of pictures) {
    networks();
    const start = performance.now();
    await tracker.track(picture);
    times.push({ all: performance.now() - start, networks: networks() });
  }
  await tracker.close();
  return times;
}

serveFunctions({
  async pack(url: string, threads: number, pictures: ServedPictures) {
    const { open } = await loadRuntime({ assets, prefer: 'wasm', threads });
    let spent: Record<number, number> = {};
    const openTimed: OpenSession = async (graph) => {
      const session = await open(graph);
      return {
        ...session,
        async run(inputs) {
          const start = performance.now();
          const outputs = await session.run(inputs);
          spent[graph.length] = (spent[graph.length] ?? 0) + performance.now() - start;
          return outputs;
        },
      };
    };
    const take = () => {
      const taken = spent;
      spent = {};
      return taken;
    };
    return time(await openFetchedTracker({ url, open: openTimed }), pictures, take);
  },
  async mediaPipe(pictures: ServedPictures) {
    const task = new URL('face_landmarker.task', location.href);
    const start = performance.now();
    const tracker = await openMediaPipeTracker({ assets, task });
    const opened = performance.now() - start;
    return { opened, times: await time(tracker, pictures, () => ({})) };
  },
});
