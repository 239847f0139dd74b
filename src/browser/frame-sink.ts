import type { WorkerLink } from './worker-link.js';

/** How pictures get onto the track: `getStats().output`. */
export type OutputPath = 'track-generator' | 'canvas-capture';

/** Where the pipeline's pictures come out. */
export interface Output {
  readonly path: OutputPath;
  readonly track: MediaStreamTrack;
}

type TrackGeneratorClass = new (init: {
  readonly kind: 'video';
}) => MediaStreamTrack & { readonly writable: WritableStream<VideoFrame> };

/**
 * Makes a track of the pipeline's pictures by the best way that this browser has: a VideoTrackGenerator in
 * the worker (`fromWorker` resolves with its track), a MediaStreamTrackGenerator here, else the capture of
 * a canvas that the worker draws.
 */
export async function openOutput(
  link: WorkerLink,
  workerHasGenerator: boolean,
  fromWorker: Promise<MediaStreamTrack>,
): Promise<Output> {
  if (workerHasGenerator) {
    link.post({ type: 'sink', sink: { generator: true } });
    return { path: 'track-generator', track: await fromWorker };
  }
  const { MediaStreamTrackGenerator: Generator } = globalThis as {
    MediaStreamTrackGenerator?: TrackGeneratorClass;
  };
  if (Generator) {
    const track = new Generator({ kind: 'video' });
    const { writable } = track;
    link.post({ type: 'sink', sink: { writable } }, [writable as unknown as Transferable]);
    return { path: 'track-generator', track };
  }
  const canvas = document.createElement('canvas');
  const [track] = canvas.captureStream().getVideoTracks();
  const offscreen = canvas.transferControlToOffscreen();
  link.post({ type: 'sink', sink: { canvas: offscreen } }, [offscreen]);
  return { path: 'canvas-capture', track };
}
