/** A clip as the file of Chromium's fake camera. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { openClip } from '../../src/cli/media/clip-source.js';

export interface FakeCameraOptions {
  /** Pixels along the longer side at most. */
  readonly maxSide?: number;
  /** Seconds of the clip at most: a second of 640×480 is 11 MB. */
  readonly seconds?: number;
  /** Left and right exchanged: somebody else. */
  readonly mirrored?: boolean;
  /** Times as fast as it was taken: fewer frames a second, as many in all. Default 1. */
  readonly speed?: number;
}

/**
 * Writes a clip as YUV4MPEG2, which Chromium's `--use-file-for-fake-video-capture` plays in a loop at the
 * clip's own rate, unless told otherwise. Gives the file's path; the caller removes it.
 */
export async function writeFakeCamera(
  path: string,
  { maxSide = 640, seconds = 10, mirrored = false, speed = 1 }: FakeCameraOptions = {},
): Promise<string> {
  const clip = await openClip(path, { maxSide });
  const file = cameraFile(`${basename(path)}${mirrored ? '-mirrored' : ''}`);
  const { width, height, fps } = clip;
  const even = (side: number) => side - (side % 2);
  const crop = `crop=${even(width)}:${even(height)}:0:0${mirrored ? ',hflip' : ''},format=yuv420p`;
  const input = [
    '-f',
    'rawvideo',
    '-pix_fmt',
    'rgba',
    '-s',
    `${width}x${height}`,
    '-r',
    `${fps * speed}`,
  ];
  const ffmpeg = spawn(
    'ffmpeg',
    ['-v', 'error', '-y', ...input, '-i', '-', '-vf', crop, '-f', 'yuv4mpegpipe', file],
    { stdio: ['pipe', 'ignore', 'inherit'] },
  );
  let left = Math.round(seconds * fps);
  for await (const { data } of clip.frames()) {
    if (left-- <= 0) break;
    if (!ffmpeg.stdin.write(data)) await once(ffmpeg.stdin, 'drain');
  }
  ffmpeg.stdin.end();
  const [code] = await once(ffmpeg, 'exit');
  await clip.close();
  if (code !== 0) throw new Error(`ffmpeg exited with ${code}`);
  return file;
}

/** Writes a second of nothing but grey. */
export function writeGreyCamera(): string {
  const file = cameraFile('grey');
  const grey = ['-f', 'lavfi', '-i', 'color=gray:s=320x240:r=10:d=1', '-pix_fmt', 'yuv420p'];
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...grey, file]);
  return file;
}

const cameraFile = (name: string): string => join(tmpdir(), `visavis-${process.pid}-${name}.y4m`);

/** Chromium's arguments for a page that takes the file for its camera, and asks nobody. */
export const fakeCameraArguments = (file: string): string[] => [
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  `--use-file-for-fake-video-capture=${file}`,
];
