import type { FrameSource } from '../worker/messages.js';
import type { WorkerLink } from './worker-link.js';

/** How frames come from a track: `getStats().capture.path`. */
export type CapturePath = 'track-processor' | 'video-frame-callback';

/** A running capture. */
export interface Capture {
  readonly path: CapturePath;
  /** The worker has taken the frame: the next one may come. */
  frameTaken(): void;
  /** Stops the track. */
  stop(): void;
}

type TrackProcessorClass = new (init: {
  readonly track: MediaStreamTrack;
}) => {
  readonly readable: ReadableStream<VideoFrame>;
};

/**
 * Sends the frames of `track`, which it takes over, to the pipeline by the best way that this browser has:
 * a MediaStreamTrackProcessor here or in the worker, else `requestVideoFrameCallback` of a hidden video,
 * which rests while the page is hidden.
 */
export function startCapture(
  track: MediaStreamTrack,
  link: WorkerLink,
  workerHasProcessor: boolean,
): Capture {
  const { MediaStreamTrackProcessor: Processor } = globalThis as {
    MediaStreamTrackProcessor?: TrackProcessorClass;
  };
  const give = (source: FrameSource, transfer: unknown): boolean => {
    try {
      link.post({ type: 'source', source }, [transfer as Transferable]);
      return true;
    } catch {
      // DataCloneError: this browser transfers no such thing.
      return false;
    }
  };
  const processed: Capture = {
    path: 'track-processor',
    frameTaken() {},
    stop: () => track.stop(),
  };
  if (Processor) {
    const { readable } = new Processor({ track });
    if (give({ readable }, readable)) return processed;
  }
  if (workerHasProcessor && give({ track }, track)) return processed;
  link.post({ type: 'source', source: { frames: true } });
  return captureVideo(track, (frame) => link.post({ type: 'frame', frame }, [frame]));
}

function captureVideo(track: MediaStreamTrack, send: (frame: VideoFrame) => void): Capture {
  const video = document.createElement('video');
  Object.assign(video, { muted: true, playsInline: true, srcObject: new MediaStream([track]) });
  let stopped = false;
  let isBusy = false;
  const next = () =>
    video.requestVideoFrameCallback(() => {
      if (stopped) return;
      if (!isBusy) {
        isBusy = true;
        send(new VideoFrame(video));
      }
      next();
    });
  next();
  // Rejects where the track ends first; then nothing comes.
  video.play().catch(() => undefined);
  return {
    path: 'video-frame-callback',
    frameTaken() {
      isBusy = false;
    },
    stop() {
      stopped = true;
      video.srcObject = null;
      track.stop();
    },
  };
}
