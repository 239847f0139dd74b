import { spawn } from 'node:child_process';
import { once } from 'node:events';
import sharp from 'sharp';
import type { Picture } from '../src/geometry/picture.js';

/** End of a JPEG picture; in its coded data a byte 0xff is always followed by 0. */
const END_OF_IMAGE = Buffer.from([0xff, 0xd9]);

/**
 * A clip's frames as `readFrames` gives them, through JPEG at ffmpeg's quality 2: so they were shown to
 * FaceLandmarker when the tracks were made (found by trying: with these, and no others, its own networks give
 * its tracks). Stop early by leaving the loop. Throws where ffmpeg fails.
 */
export async function* readJpegFrames(path: string): AsyncGenerator<Picture> {
  const args = ['-v', 'fatal', '-i', path, '-fps_mode', 'passthrough', '-threads', '1'];
  args.push('-q:v', '2', '-f', 'image2pipe', '-c:v', 'mjpeg', '-');
  const child = spawn('ffmpeg', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  let bytes: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      bytes = Buffer.concat([bytes, chunk]);
      for (let end = bytes.indexOf(END_OF_IMAGE); end >= 0; end = bytes.indexOf(END_OF_IMAGE)) {
        const jpeg = sharp(bytes.subarray(0, end + END_OF_IMAGE.length)).ensureAlpha();
        const { data, info } = await jpeg.raw().toBuffer({ resolveWithObject: true });
        bytes = bytes.subarray(end + END_OF_IMAGE.length);
        yield { width: info.width, height: info.height, data: new Uint8ClampedArray(data) };
      }
    }
    const [code] = await ended;
    if (code !== 0) throw new Error(`ffmpeg could not read ${path} (exit status ${code})`);
  } finally {
    child.kill();
    await ended;
  }
}
