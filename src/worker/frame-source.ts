import { callClock } from '../call.js';
import type { FrameSource } from './messages.js';
import type { NewestFrame } from './newest-frame.js';

/** `MediaStreamTrackProcessor` (W3C mediacapture-transform); of a worker in Safari, of a page in Chromium. */
interface TrackProcessor {
  readonly readable: ReadableStream<VideoFrame>;
}

type TrackProcessorClass = new (init: { readonly track: MediaStreamTrack }) => TrackProcessor;

/** The scope's `MediaStreamTrackProcessor`, where it has one. */
export const trackProcessorClass = (): TrackProcessorClass | undefined =>
  (globalThis as { MediaStreamTrackProcessor?: TrackProcessorClass }).MediaStreamTrackProcessor;

/**
 * Reads the frames of a source into `newest` until the source ends or the returned function is called.
 * Nothing is read of a source whose frames come as messages.
 */
export function readSource(source: FrameSource, newest: NewestFrame): () => void {
  if ('frames' in source) return () => {};
  const readable =
    'readable' in source ? source.readable : new (trackProcessorClass()!)(source).readable;
  const reader = readable.getReader();
  const read = async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      newest.offer(value, callClock());
    }
  };
  // A source that breaks has ended.
  read().catch(() => undefined);
  return () => {
    reader.cancel().catch(() => undefined);
    if ('track' in source) source.track.stop();
  };
}
