import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Picture } from '../src/geometry/picture.js';

/**
 * Decodes a clip with ffmpeg: every frame once, in order, at its own size, as the tracks count
 * them. Stop early by leaving the loop. Throws where ffmpeg fails.
 */
export async function* readFrames(
  path: string,
  { width, height }: { readonly width: number; readonly height: number },
): AsyncGenerator<Picture> {
  const args = ['-v', 'fatal', '-i', path, '-fps_mode', 'passthrough'];
  args.push('-f', 'rawvideo', '-pix_fmt', 'rgba', '-threads', '1', '-');
  const child = spawn('ffmpeg', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const size = width * height * 4;
  let frame = new Uint8ClampedArray(size);
  let filled = 0;
  try {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>)
      for (let read = 0; read < chunk.length; ) {
        const part = chunk.subarray(read, read + size - filled);
        frame.set(part, filled);
        filled += part.length;
        read += part.length;
        if (filled < size) continue;
        yield { width, height, data: frame };
        frame = new Uint8ClampedArray(size);
        filled = 0;
      }
    const [code] = await ended;
    if (code !== 0) throw new Error(`ffmpeg could not read ${path} (exit status ${code})`);
  } finally {
    child.kill();
    await ended;
  }
}
