import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { createPicture, type Picture } from '../../src/geometry/picture.js';

const run = promisify(execFile);

/** BT.601 in the video range both ways, chroma filtered: the conversion is not what is judged. */
const TO_YUV = 'accurate_rnd+full_chroma_int:out_color_matrix=bt601:out_range=tv';
const FROM_YUV = 'accurate_rnd+full_chroma_int+full_chroma_inp:in_color_matrix=bt601:in_range=tv';
const QUIET = ['-hide_banner', '-nostdin', '-y'];

/** Square frames without a header, one after the other. */
export interface RawVideo {
  readonly path: string;
  /** Pixels a side. */
  readonly side: number;
  readonly fps: number;
}

/** Milliseconds that ffmpeg worked, starting aside: by the clock, and of all cores together. */
export interface WorkTime {
  readonly wallMs: number;
  readonly cpuMs: number;
}

const rawInput = ({ path, side, fps }: RawVideo, format: string) => [
  ...['-f', 'rawvideo', '-pix_fmt', format, '-s', `${side}x${side}`, '-r', String(fps)],
  ...['-i', path],
];

/** Turns RGBA frames into 4:2:0 ones of `side` pixels. */
export async function toYuv(from: RawVideo, side: number, path: string): Promise<RawVideo> {
  const scale = `scale=${side}:${side}:flags=area+${TO_YUV},format=yuv420p`;
  const output = ['-vf', scale, '-f', 'rawvideo', path];
  await run('ffmpeg', [...QUIET, '-v', 'error', ...rawInput(from, 'rgba'), ...output]);
  return { path, side, fps: from.fps };
}

async function timed(args: readonly string[]): Promise<WorkTime> {
  const { stderr } = await run('ffmpeg', [...QUIET, '-v', 'info', '-benchmark', ...args]);
  const found = /bench: utime=([\d.]+)s stime=([\d.]+)s rtime=([\d.]+)s/.exec(stderr);
  if (!found) throw new Error(`ffmpeg printed no times: ${stderr}`);
  const [user, system, wall] = found.slice(1).map((seconds) => Number(seconds) * 1000);
  return { wallMs: wall, cpuMs: user + system };
}

/** Encodes 4:2:0 frames into a Matroska file. */
export function encode(
  from: RawVideo,
  encoder: string,
  options: readonly string[],
  path: string,
): Promise<WorkTime> {
  return timed([...rawInput(from, 'yuv420p'), '-c:v', encoder, ...options, '-f', 'matroska', path]);
}

/** Decodes a file and throws the frames away. */
export function timeDecoding(path: string): Promise<WorkTime> {
  return timed(['-i', path, '-f', 'null', '-']);
}

/** Bytes of each coded frame, in order. */
export async function frameSizes(path: string): Promise<number[]> {
  const entries = ['-select_streams', 'v', '-show_entries', 'packet=size', '-of', 'json'];
  const { stdout } = await run('ffprobe', ['-v', 'error', ...entries, path]);
  const { packets } = JSON.parse(stdout) as { packets: { size: string }[] };
  return packets.map(({ size }) => Number(size));
}

/**
 * Decodes the frames of a file that `filter` (ffmpeg's, applied first; empty: all) lets through, to
 * `side` pixels.
 */
export async function decoded(path: string, side: number, filter: string): Promise<Picture[]> {
  const scale = `scale=${side}:${side}:flags=bicubic+${FROM_YUV},format=rgba`;
  const args = ['-v', 'error', '-i', path, '-vf', [filter, scale].filter(Boolean).join(',')];
  args.push('-fps_mode', 'passthrough', '-f', 'rawvideo', '-');
  const ffmpeg = spawn('ffmpeg', [...QUIET, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  for await (const chunk of ffmpeg.stdout as AsyncIterable<Buffer>) chunks.push(chunk);
  return picturesOf(Buffer.concat(chunks), side);
}

/** Cuts RGBA frames of `side` pixels apart. */
export function picturesOf(bytes: Uint8Array, side: number): Picture[] {
  const size = side * side * 4;
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, at) => {
    const picture = createPicture(side, side);
    picture.data.set(bytes.subarray(at * size, (at + 1) * size));
    return picture;
  });
}
