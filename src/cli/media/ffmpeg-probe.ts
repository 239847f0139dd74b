import { text } from 'node:stream/consumers';
import { UserError } from '../user-error.js';
import { complaint, fileUrl, startTool } from './ffmpeg-process.js';

/** What ffprobe says of a file's first video stream. */
export interface VideoInfo {
  /** Number of the stream in the file. */
  readonly stream: number;
  /** Pixels across as shown: rotated and with square pixels. */
  readonly width: number;
  readonly height: number;
  /** Mean pictures a second. */
  readonly fps: number;
  readonly frameCount?: number;
}

interface ProbedStream {
  index: number;
  codec_type: string;
  codec_name?: string;
  width?: number;
  height?: number;
  sample_aspect_ratio?: string;
  avg_frame_rate?: string;
  nb_frames?: string;
  duration?: string;
  disposition?: { attached_pic?: number };
  side_data_list?: { rotation?: number }[];
}

/** Mean rates outside of this are a container's guess, not a rate. */
const FPS_RANGE = { min: 1, max: 240 };

/** Where the container has no mean rate it is measured over so many seconds of the clip. */
const MEASURED_SECONDS = 20;

/** Rate of a stream whose packets carry no times either. */
const DEFAULT_FPS = 25;

/** ffprobe's sureness (0–100) up to which the format is a guess from noise. */
const GUESSED_FORMAT_SCORE = 25;

/** Looks a file up with ffprobe. Throws UserError where it holds no video. */
export async function probeVideo(path: string, signal?: AbortSignal): Promise<VideoInfo> {
  const probed = await ffprobe(path, ['-show_streams', '-show_format'], signal);
  const { streams = [], format } = probed as {
    streams?: ProbedStream[];
    format?: { format_name: string; probe_score: number; duration?: string };
  };
  const video = streams.find(
    (stream) =>
      stream.codec_type === 'video' &&
      stream.codec_name !== 'ansi' && // a text file, shown as a terminal would
      stream.disposition?.attached_pic !== 1,
  );
  if (video === undefined) {
    const guessed = (format?.probe_score ?? 0) <= GUESSED_FORMAT_SCORE;
    const hasSound = streams.some((stream) => stream.codec_type === 'audio');
    throw hasSound && !guessed
      ? new UserError(`${path} holds sound but no video: give a clip that shows a face`)
      : notVideo(path, 'its format is unknown');
  }
  if (!video.width || !video.height) throw notVideo(path, 'its pictures have no size');

  const size = shownSize(video, video.width, video.height);
  const declared = ratio(video.avg_frame_rate);
  const fps =
    declared >= FPS_RANGE.min && declared <= FPS_RANGE.max
      ? declared
      : await measureFps(path, video.index, signal);
  const seconds = Number(video.duration ?? format?.duration);
  const frameCount = Number(video.nb_frames) || Math.round(seconds * fps) || undefined;
  return {
    stream: video.index,
    ...size,
    fps,
    ...(frameCount === undefined ? {} : { frameCount }),
  };
}

/** A UserError for a file that is no video, with ffmpeg's reason. */
export const notVideo = (path: string, reason: string): UserError =>
  new UserError(
    `${path} is not a video ffmpeg can read: ${reason.replace(/\.$/, '')}; give another clip`,
  );

function shownSize(video: ProbedStream, width: number, height: number) {
  const aspect = ratio(video.sample_aspect_ratio?.replace(':', '/')) || 1;
  const across = Math.max(1, Math.round(width * aspect));
  const rotation = video.side_data_list?.find((data) => data.rotation !== undefined)?.rotation ?? 0;
  // ffmpeg turns by multiples of 90° exactly, as here, and by any other angle within the same frame.
  return Math.abs(rotation) % 180 === 90
    ? { width: height, height: across }
    : { width: across, height };
}

function ratio(text: string | undefined): number {
  const [above, below] = (text ?? '').split('/').map(Number);
  return below > 0 && above > 0 ? above / below : 0;
}

/** Mean rate from the packets' times: recordings of browsers state none. */
async function measureFps(path: string, stream: number, signal?: AbortSignal): Promise<number> {
  const probed = await ffprobe(
    path,
    [
      ...['-select_streams', String(stream), '-read_intervals', `%+${MEASURED_SECONDS}`],
      ...['-show_entries', 'packet=pts_time'],
    ],
    signal,
  );
  const times = ((probed as { packets?: { pts_time?: string }[] }).packets ?? [])
    .map((packet) => Number(packet.pts_time))
    .filter(Number.isFinite);
  const span = Math.max(...times) - Math.min(...times);
  const fps = span > 0 ? (times.length - 1) / span : DEFAULT_FPS;
  return Math.min(FPS_RANGE.max, Math.max(FPS_RANGE.min, fps));
}

async function ffprobe(path: string, args: string[], signal?: AbortSignal): Promise<unknown> {
  const probe = startTool(
    'ffprobe',
    ['-v', 'error', '-of', 'json', ...args, fileUrl(path)],
    `${path} needs`,
  );
  const abort = () => void probe.kill();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const output = text(probe.process.stdout!).catch(() => '');
    const { status, stderr } = await probe.ended;
    signal?.throwIfAborted();
    if (status !== 0) throw notVideo(path, complaint(stderr, path, 'first'));
    return JSON.parse(await output);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
