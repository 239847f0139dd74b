/** `MediaStreamTrackProcessor` (W3C mediacapture-transform); of a worker in Safari, of a page in Chromium. */
interface TrackProcessor {
  readonly readable: ReadableStream<VideoFrame>;
}

export type TrackProcessorClass = new (init: {
  readonly track: MediaStreamTrack;
}) => TrackProcessor;

/** The scope's `MediaStreamTrackProcessor`, where it has one. */
export const trackProcessorClass = (): TrackProcessorClass | undefined =>
  (globalThis as { MediaStreamTrackProcessor?: TrackProcessorClass }).MediaStreamTrackProcessor;

/** A track that gives no frames is not waited for longer. */
const LAST_FRAME_LIMIT_MS = 500;

/**
 * Takes over a track, and gives each of its frames to `take`, which owns it, until it ends or the function
 * returned is called, which stops it. It is stopped when no read is waiting: else Chromium 156 may make a
 * frame for the stream that has just ended, which nobody can close.
 */
export function readFrames(
  Processor: TrackProcessorClass,
  track: MediaStreamTrack,
  take: (frame: VideoFrame) => void,
): () => Promise<void> {
  const reader = new Processor({ track }).readable.getReader();
  let stopped = false;
  const read = async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (stopped) {
        value.close();
        return;
      }
      take(value);
    }
  };
  // A source that breaks has ended.
  const ended = read().catch(() => undefined);
  return async () => {
    stopped = true;
    const limit = new Promise<void>((resolve) => setTimeout(resolve, LAST_FRAME_LIMIT_MS));
    await Promise.race([ended, limit]);
    track.stop();
  };
}
