import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { CROP_UNITS, type Landmarks, POINT_COUNT } from '../src/geometry/landmarks.js';
import { createPicture, type Picture } from '../src/geometry/picture.js';
import { type Clip, dataRoot } from './data.js';
import { readNpz } from './npz.js';

/** A frame of a clip cut to the codec's square crop. */
export interface CroppedFrame {
  /** Index in the clip. */
  readonly index: number;
  readonly picture: Picture;
  /** In crop units. */
  readonly landmarks: Landmarks;
}

/** A clip's frames that have a face, cut to a steady square of `size`, at most `limit` of them. */
export async function* croppedFrames(
  clip: Clip,
  size: number,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<CroppedFrame> {
  const track = readNpz(resolve(dataRoot(), 'tracks', `${clip.file}.npz`));
  const indices = track.frame.data as Int32Array;
  const points = track.landmarks.data as Int16Array;
  const width = Number(track.width.data[0]);
  const height = Number(track.height.data[0]);
  const crop = steadyCrop(points, indices, clip.fps, width, height);
  const filter = `crop=${crop.side}:${crop.side}:${crop.x}:${crop.y}:exact=1,scale=${size}:${size}:flags=area`;
  const args = ['-v', 'error', '-nostdin', '-i', resolve(dataRoot(), clip.file), '-vf', filter];
  args.push('-fps_mode', 'passthrough', '-f', 'rawvideo', '-pix_fmt', 'rgba', '-');
  const ffmpeg = spawn('ffmpeg', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const bytes = size * size * 4;
  let pending: Buffer[] = [];
  let held = 0;
  let index = 0;
  let next = 0;
  try {
    for await (const chunk of ffmpeg.stdout as AsyncIterable<Buffer>) {
      pending.push(chunk);
      held += chunk.length;
      while (held >= bytes) {
        const all = Buffer.concat(pending);
        pending = [all.subarray(bytes)];
        held -= bytes;
        if (indices[next] === index) {
          const picture = createPicture(size, size);
          picture.data.set(all.subarray(0, bytes));
          const landmarks = new Float32Array(3 * POINT_COUNT);
          const scale = CROP_UNITS / crop.side;
          for (let i = 0; i < landmarks.length; i++) {
            const origin = i % 3 === 0 ? crop.x : i % 3 === 1 ? crop.y : 0;
            landmarks[i] = (points[next * 3 * POINT_COUNT + i] / 16 - origin) * scale;
          }
          yield { index, picture, landmarks };
          if (++next >= Math.min(limit, indices.length)) return;
        }
        index++;
      }
    }
  } finally {
    ffmpeg.kill();
  }
}

/** A square of twice the face's size over the first second, within the picture. */
function steadyCrop(
  points: Int16Array,
  indices: Int32Array,
  fps: number,
  width: number,
  height: number,
) {
  const bounds = [Infinity, Infinity, -Infinity, -Infinity];
  for (let n = 0; n < indices.length && indices[n] < indices[0] + fps; n++) {
    for (let p = 0; p < POINT_COUNT; p++) {
      const at = 3 * (n * POINT_COUNT + p);
      for (const axis of [0, 1]) {
        bounds[axis] = Math.min(bounds[axis], points[at + axis] / 16);
        bounds[2 + axis] = Math.max(bounds[2 + axis], points[at + axis] / 16);
      }
    }
  }
  const [x0, y0, x1, y1] = bounds;
  const side = Math.round(Math.min(2 * Math.max(x1 - x0, y1 - y0), width, height));
  const clamp = (centre: number, limit: number) =>
    Math.round(Math.min(Math.max(centre - side / 2, 0), limit - side));
  return { side, x: clamp((x0 + x1) / 2, width), y: clamp((y0 + y1) / 2, height) };
}
