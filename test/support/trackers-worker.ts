/** What test/browser-trackers.test.ts does in a worker. */
import type { Picture } from '../../src/geometry/picture.js';
import { loadRuntime } from '../../src/models/inference-web.js';
import type { FaceTracker } from '../../src/sender/tracker.js';
import { openMediaPipeTracker } from '../../src/sender/trackers/mediapipe.js';
import { openFetchedTracker } from '../../src/sender/trackers/open-fetched.js';
import { serveFunctions } from './serve-functions.js';

/** A folder of a tracker pack, or MediaPipe's task file. */
export type TrackerName =
  | { readonly pack: string }
  | { readonly task: string; readonly assets?: string };
/** Raw RGBA pixels at a path. */
export interface ServedPicture {
  readonly path: string;
  readonly width: number;
  readonly height: number;
}
/** Faces of a picture: their points as x, y, z. */
export type Faces = readonly (readonly number[])[];

const assets = new URL('assets/', location.href);

async function openTracker(tracker: TrackerName, smooth: boolean): Promise<FaceTracker> {
  if ('task' in tracker) {
    return openMediaPipeTracker({
      assets: new URL(tracker.assets ?? assets, location.href),
      task: new URL(tracker.task, location.href),
      smooth,
    });
  }
  const { open } = await loadRuntime({ assets, prefer: 'wasm', threads: 1 });
  return openFetchedTracker({ url: tracker.pack, open, smooth });
}

async function fetchPicture({ path, width, height }: ServedPicture): Promise<Picture> {
  const data = new Uint8ClampedArray(await (await fetch(path)).arrayBuffer());
  return { width, height, data };
}

serveFunctions({
  async track(name: TrackerName, smooth: boolean, pictures: readonly ServedPicture[]) {
    const tracker = await openTracker(name, smooth);
    const found: Faces[] = [];
    for (const each of pictures) {
      const faces = await tracker.track(await fetchPicture(each));
      found.push(faces.map(({ landmarks }) => [...landmarks]));
    }
    await Promise.all([tracker.close(), tracker.close()]);
    return found;
  },
  /** What a closed tracker says. */
  async closed(name: TrackerName, picture: ServedPicture) {
    const tracker = await openTracker(name, true);
    await tracker.close();
    return tracker.track(await fetchPicture(picture)).then(() => 'tracked', String);
  },
});
