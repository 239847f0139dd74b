import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { POINT_COUNT } from '../../src/geometry/landmarks.js';
import { createPicture, type Picture } from '../../src/geometry/picture.js';
import { type Clip, dataRoot } from '../data.js';
import { readNpz } from '../npz.js';

/** Pixels across a camera's picture. */
const CAMERA_SIDE = 400;
/** Its side over the face's: room for the codec's crop, which is twice as large as the face. */
const SIDE_PER_FACE = 2.6;

/** Corners of the eyes on the left and on the right of a picture. */
const EYES = [
  [33, 133],
  [362, 263],
] as const;
const FINE = 16;

/** A point of the camera's picture, 0–1 across it. */
export interface CameraPoint {
  readonly x: number;
  readonly y: number;
}

/** The middles of the eyes of each frame of a clip in the camera's picture; of a frame without a face those before. */
export function cameraEyes(clip: Clip): (index: number) => readonly CameraPoint[] {
  const { landmarks, frame } = trackOf(clip);
  const square = squareOf(clip);
  const middle = (row: number, corners: readonly number[]): CameraPoint => {
    const at = (axis: number) =>
      corners.reduce((sum, point) => sum + landmarks[3 * (row * POINT_COUNT + point) + axis], 0) /
      (FINE * corners.length);
    return { x: (at(0) - square.x) / square.side, y: (at(1) - square.y) / square.side };
  };
  return (index) => {
    const row = Math.max(
      0,
      frame.findLastIndex((tracked) => tracked <= index),
    );
    return EYES.map((corners) => middle(row, corners));
  };
}

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

/** A clip's track: landmarks in sixteenths of a pixel, and the frames that they are of. */
function trackOf(clip: Clip) {
  const track = readNpz(resolve(dataRoot(), 'tracks', `${clip.file}.npz`));
  return {
    landmarks: track.landmarks.data as Int16Array,
    frame: track.frame.data as Int32Array,
    width: Number(track.width.data[0]),
    height: Number(track.height.data[0]),
  };
}

/** The square around the face of a clip's first second, within the picture. */
function squareOf(clip: Clip) {
  const { landmarks: points, frame, width, height } = trackOf(clip);
  const rows = Math.min(Math.round(clip.fps), frame.length);
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let at = 0; at < 3 * POINT_COUNT * rows; at += 3) {
    left = Math.min(left, points[at] / FINE);
    right = Math.max(right, points[at] / FINE);
    top = Math.min(top, points[at + 1] / FINE);
    bottom = Math.max(bottom, points[at + 1] / FINE);
  }
  const wanted = SIDE_PER_FACE * Math.max(right - left, bottom - top);
  const side = Math.round(Math.min(wanted, width, height));
  const within = (centre: number, limit: number) =>
    Math.round(Math.min(Math.max(centre - side / 2, 0), limit - side));
  return { side, x: within((left + right) / 2, width), y: within((top + bottom) / 2, height) };
}
