import { loadRuntime } from '../models/inference-web.js';
import type { FaceTracker } from '../sender/tracker.js';
import { openMediaPipeTracker } from '../sender/trackers/mediapipe.js';
import { openFetchedTracker } from '../sender/trackers/open-fetched.js';
import type { SenderSettings } from './messages.js';

/** A tracker, and what runs it. */
export interface OpenedTracker extends FaceTracker {
  readonly name: string;
  readonly runtime: 'mediapipe' | 'wasm' | 'webgpu';
  readonly reason: string;
}

/**
 * Opens the tracker that the settings name. The package's own runs in WebAssembly on one thread: its
 * graphs are too small for a GPU's round trip, and the other threads are the decoder's.
 */
export async function openTracker({ assets, tracker }: SenderSettings): Promise<OpenedTracker> {
  if ('faceLandmarker' in tracker) {
    const opened = await openMediaPipeTracker({
      assets: new URL(assets),
      task: new URL(tracker.faceLandmarker),
      smooth: true,
    });
    return {
      ...opened,
      name: 'face_landmarker.task',
      runtime: 'mediapipe',
      reason: 'the application gives face_landmarker.task',
    };
  }
  const { runtime, reason, open } = await loadRuntime({
    assets: new URL(assets),
    prefer: 'wasm',
    threads: 1,
  });
  const opened = await openFetchedTracker({ url: tracker.pack, open, smooth: true });
  return {
    ...opened,
    runtime,
    reason: `the application gives no face_landmarker.task (${reason})`,
  };
}
