import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { POINT_COUNT } from '../../src/geometry/landmarks.js';
import { createPicture, type Picture } from '../../src/geometry/picture.js';
import { type Clip, dataRoot } from '../data.js';
import { readNpz } from '../npz.js';

/** Pixels across a camera's picture. */
export const CAMERA_SIDE = 400;
/** Its side over the face's: room for the codec's crop, which is twice as large as the face. */
const SIDE_PER_FACE = 2.6;

/**
 * A clip as a camera that looks at a head: a still square around the face of its first second, in
 * pictures of `CAMERA_SIDE`, so that two people's faces lie at one place and have one size.
 */
export async function* cameraFrames(clip: Clip): AsyncGenerator<Picture> {
  const { x, y, side } = squareOf(clip);
  const filter = `crop=${side}:${side}:${x}:${y}:exact=1,scale=${CAMERA_SIDE}:${CAMERA_SIDE}:flags=area`;
  const args = ['-v', 'error', '-nostdin', '-i', resolve(dataRoot(), clip.file), '-vf', filter];
  args.push('-fps_mode', 'passthrough', '-threads', '1', '-f', 'rawvideo', '-pix_fmt', 'rgba', '-');
  const ffmpeg = spawn('ffmpeg', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let picture = createPicture(CAMERA_SIDE, CAMERA_SIDE);
  let filled = 0;
  try {
    for await (const chunk of ffmpeg.stdout as AsyncIterable<Buffer>) {
      for (let read = 0; read < chunk.length; ) {
        const part = chunk.subarray(read, read + picture.data.length - filled);
        picture.data.set(part, filled);
        filled += part.length;
        read += part.length;
        if (filled < picture.data.length) continue;
        yield picture;
        picture = createPicture(CAMERA_SIDE, CAMERA_SIDE);
        filled = 0;
      }
    }
  } finally {
    ffmpeg.kill();
  }
}

/** The square around the face of a clip's first second, within the picture. */
function squareOf(clip: Clip) {
  const track = readNpz(resolve(dataRoot(), 'tracks', `${clip.file}.npz`));
  const points = track.landmarks.data as Int16Array;
  const width = Number(track.width.data[0]);
  const height = Number(track.height.data[0]);
  const rows = Math.min(Math.round(clip.fps), track.frame.data.length);
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let at = 0; at < 3 * POINT_COUNT * rows; at += 3) {
    left = Math.min(left, points[at] / 16);
    right = Math.max(right, points[at] / 16);
    top = Math.min(top, points[at + 1] / 16);
    bottom = Math.max(bottom, points[at + 1] / 16);
  }
  const wanted = SIDE_PER_FACE * Math.max(right - left, bottom - top);
  const side = Math.round(Math.min(wanted, width, height));
  const within = (centre: number, limit: number) =>
    Math.round(Math.min(Math.max(centre - side / 2, 0), limit - side));
  return { side, x: within((left + right) / 2, width), y: within((top + bottom) / 2, height) };
}
