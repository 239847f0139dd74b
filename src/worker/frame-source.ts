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

/**
 * Gives each frame of a processor to `take`, which owns it, until the track ends or the function returned is
 * called: then whatever still comes is closed.
 */
export function readFrames(
  { readable }: TrackProcessor,
  take: (frame: VideoFrame) => void,
): () => void {
  const reader = readable.getReader();
  let stopped = false;
  const read = async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (stopped) value.close();
      else take(value);
    }
  };
  // A source that breaks has ended.
  read().catch(() => undefined);
  return () => {
    stopped = true;
  };
}
