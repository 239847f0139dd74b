import type { Picture } from '../geometry/picture.js';
import type { FrameSink } from './messages.js';

/** `VideoTrackGenerator` (W3C mediacapture-transform §4): workers of some browsers have it. */
interface TrackGenerator {
  readonly writable: WritableStream<VideoFrame>;
  readonly track: MediaStreamTrack;
}

type TrackGeneratorClass = new () => TrackGenerator;

/** The scope's `VideoTrackGenerator`, where it has one. */
export const trackGeneratorClass = (): TrackGeneratorClass | undefined =>
  (globalThis as { VideoTrackGenerator?: TrackGeneratorClass }).VideoTrackGenerator;

/** Puts pictures on a track. */
export interface PictureWriter {
  /** Shows a picture, which stays the caller's, taken at `captureMs` of any clock that goes on. */
  write(picture: Picture, captureMs: number): Promise<void>;
  /** Ends the track where it is the worker's. Safe to call twice. */
  close(): Promise<void>;
}

/** Opens a sink; `giveTrack` is called with the track where the worker makes it. */
export function openSink(
  sink: FrameSink,
  giveTrack: (track: MediaStreamTrack) => void,
): PictureWriter {
  if ('canvas' in sink) return canvasWriter(sink.canvas);
  if ('writable' in sink) return streamWriter(sink.writable);
  const { writable, track } = new (trackGeneratorClass()!)();
  giveTrack(track);
  return streamWriter(writable);
}

function streamWriter(writable: WritableStream<VideoFrame>): PictureWriter {
  const writer = writable.getWriter();
  // Whoever stopped the track wants no more frames: that ends the stream, not the call.
  writer.closed.catch(() => undefined);
  return {
    async write({ width, height, data }, captureMs) {
      const frame = new VideoFrame(data, {
        format: 'RGBX',
        codedWidth: width,
        codedHeight: height,
        timestamp: Math.round(captureMs * 1000),
      });
      try {
        await writer.write(frame);
      } catch {
        // The track was stopped.
      } finally {
        // A generator takes what it is given over, a stopped one may not.
        frame.close();
      }
    },
    async close() {
      await writer.close().catch(() => undefined);
    },
  };
}

function canvasWriter(canvas: OffscreenCanvas): PictureWriter {
  const context = canvas.getContext('2d')!;
  return {
    async write({ width, height, data }) {
      if (canvas.width !== width || canvas.height !== height)
        Object.assign(canvas, { width, height });
      context.putImageData(
        new ImageData(data as Uint8ClampedArray<ArrayBuffer>, width, height),
        0,
        0,
      );
    },
    async close() {},
  };
}
