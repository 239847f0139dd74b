import { readFrames, trackProcessorClass } from '../worker/frame-source.js';
import type { FrameRelay } from './frame-relay.js';
import type { WorkerLink } from './worker-link.js';

/** How frames come from a track: `getStats().capture.path`. */
export type CapturePath = 'track-processor' | 'video-frame-callback';

/** A running capture. */
export interface Capture {
  readonly path: CapturePath;
  /** Stops the track after its next frame. No frame comes from the call on; safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Sends the frames of `track`, which it takes over, to the pipeline by the best way that this browser has:
 * a MediaStreamTrackProcessor here or in the worker, else `requestVideoFrameCallback` of a hidden video,
 * which rests while the page is hidden.
 */
export function startCapture(
  track: MediaStreamTrack,
  link: WorkerLink,
  relay: FrameRelay,
  workerHasProcessor: boolean,
): Capture {
  const Processor = trackProcessorClass();
  if (Processor) {
    const stop = readFrames(Processor, track, (frame) => relay.offer(frame));
    return { path: 'track-processor', stop };
  }
  if (workerHasProcessor) {
    try {
      link.post({ type: 'source', track }, [track as unknown as Transferable]);
      return { path: 'track-processor', stop: async () => track.stop() };
    } catch {
      // DataCloneError: this browser transfers no track.
    }
  }
  return captureVideo(track, relay);
}

function captureVideo(track: MediaStreamTrack, relay: FrameRelay): Capture {
  const video = document.createElement('video');
  Object.assign(video, { muted: true, playsInline: true, srcObject: new MediaStream([track]) });
  let stopped = false;
  const next = () =>
    video.requestVideoFrameCallback(() => {
      if (stopped) return;
      next();
      // The video may have lost the frame that it was called for.
      if (video.readyState >= video.HAVE_CURRENT_DATA) relay.offer(new VideoFrame(video));
    });
  next();
  // Rejects where the track ends first; then nothing comes.
  video.play().catch(() => undefined);
  return {
    path: 'video-frame-callback',
    async stop() {
      stopped = true;
      video.srcObject = null;
      track.stop();
    },
  };
}
