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

/** A track whose page has stopped it ends within a frame's time. */
const DRAIN_LIMIT_MS = 1000;

/**
 * Reads the frames of a source into `newest` until the source ends or the returned function is called,
 * whose promise resolves when no frame is on its way any more; the page stops the track first. Nothing is
 * read of a source whose frames come as messages.
 */
export function readSource(source: FrameSource, newest: NewestFrame): () => Promise<void> {
  if ('frames' in source) return async () => {};
  const readable =
    'readable' in source ? source.readable : new (trackProcessorClass()!)(source).readable;
  const reader = readable.getReader();
  let stopped = false;
  const read = async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      // Cancelled, a stream of another thread would drop the frames on their way, which nobody closes then.
      if (stopped) value.close();
      else newest.offer(value, callClock());
    }
  };
  // A source that breaks has ended.
  const ended = read().catch(() => undefined);
  return () => {
    stopped = true;
    if ('track' in source) source.track.stop();
    const limit = new Promise<void>((resolve) => setTimeout(resolve, DRAIN_LIMIT_MS));
    return Promise.race([ended, limit]);
  };
}
