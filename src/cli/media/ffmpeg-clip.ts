import type { Picture } from '../../geometry/picture.js';
import { UserError } from '../user-error.js';
import type { ClipSource, OpenClipOptions } from './clip-source.js';
import { notVideo, probeVideo, type VideoInfo } from './ffmpeg-probe.js';
import { complaint, fileUrl, startTool, type Tool } from './ffmpeg-process.js';
import { fitSide, MAX_SIDE } from './fit-side.js';

/** Opens anything ffmpeg can decode; see `openClip`. */
export async function openFfmpegClip(
  path: string,
  { signal, maxSide = MAX_SIDE }: OpenClipOptions,
): Promise<ClipSource> {
  const info = await probeVideo(path, signal);
  const { width, height } = fitSide(info.width, info.height, Math.min(maxSide, MAX_SIDE));
  const running = new Set<Tool>();
  let closed = false;

  return {
    width,
    height,
    fps: info.fps,
    ...(info.frameCount === undefined ? {} : { frameCount: info.frameCount }),
    async *frames() {
      signal?.throwIfAborted();
      if (closed) return;
      const tool = startTool('ffmpeg', decodeArguments(path, info, width, height), `${path} needs`);
      running.add(tool);
      const abort = () => void tool.kill();
      signal?.addEventListener('abort', abort, { once: true });
      try {
        let count = 0;
        for await (const picture of picturesOf(tool, width, height)) {
          count++;
          yield picture;
          if (closed) return;
          signal?.throwIfAborted();
        }
        const { status, stderr } = await tool.ended;
        signal?.throwIfAborted();
        if (closed) return;
        if (count === 0)
          throw notVideo(path, complaint(stderr, path, 'first') || 'it has no pictures');
        if (status !== 0) {
          throw new UserError(
            `${path} breaks off after ${count} frames: ${complaint(stderr, path, 'last')}`,
          );
        }
      } finally {
        signal?.removeEventListener('abort', abort);
        await tool.kill();
        running.delete(tool);
      }
    },
    async close() {
      closed = true;
      await Promise.all([...running].map((tool) => tool.kill()));
    },
  };
}

/**
 * The fps filter gives each picture its time: it repeats and leaves out pictures of a clip whose own
 * times vary. The scale filter also keeps the size where the stream changes it midway, as a recorded
 * call does. ffmpeg has turned the picture upright before either.
 */
function decodeArguments(path: string, info: VideoInfo, width: number, height: number): string[] {
  const filters = `setpts=PTS-STARTPTS,fps=${info.fps.toFixed(6)},scale=${width}:${height},setsar=1`;
  return [
    ...['-v', 'error', '-nostdin', '-i', fileUrl(path), '-map', `0:${info.stream}`],
    ...['-vf', filters, '-f', 'rawvideo', '-pix_fmt', 'rgba', 'pipe:1'],
  ];
}

/** Cuts the pipe into pictures. Nothing is read ahead of the caller but the pipe's own 64 KiB. */
async function* picturesOf(tool: Tool, width: number, height: number): AsyncGenerator<Picture> {
  const bytes = width * height * 4;
  // Not zeroed: 8 MB of it 25 times a second cost more than the reading.
  const allocate = () => new Uint8ClampedArray(Buffer.allocUnsafeSlow(bytes).buffer);
  let data = allocate();
  let filled = 0;
  try {
    for await (const chunk of tool.process.stdout! as AsyncIterable<Uint8Array>) {
      for (let from = 0; from < chunk.length; ) {
        const part = chunk.subarray(from, from + bytes - filled);
        data.set(part, filled);
        filled += part.length;
        from += part.length;
        if (filled === bytes) {
          yield { width, height, data };
          data = allocate();
          filled = 0;
        }
      }
    }
  } catch (error) {
    // The pipe of a process that was killed: its end tells why.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}
