import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UserError } from '../../src/cli/user-error.js';
import type { Picture } from '../../src/geometry/picture.js';
import type { StreamSize } from '../../src/protocol/limits.js';
import type { FaceTracker } from '../../src/sender/tracker.js';
import { dataRoot } from '../data.js';
import type { Candidate } from '../quality/candidates.js';
import type { Instruments } from '../quality/instruments.js';
import { createMoments } from '../quality/moments.js';
import type { VideoCodec } from './encoders.js';
import {
  decoded,
  encode,
  frameSizes,
  picturesOf,
  type RawVideo,
  timeDecoding,
  toYuv,
} from './ffmpeg.js';
import { judgeStreams, rememberSources } from './judge-stream.js';
import { runOwn, withPreset } from './own-streams.js';
import type { ClipReport, Repeat, StreamReport } from './report.js';
import { isLooked, lookedFilter, lookedOrdinals, samplingOf } from './sampling.js';
import { videoRates } from './wire-rates.js';

/** Two streams of one codec whose bytes differ by less are one. */
const SAME_BYTES = 0.02;

/** What a clip is measured with. */
export interface ClipTask {
  /** The clip's path in the data. */
  readonly file: string;
  readonly size: StreamSize;
  readonly frames: number;
  readonly stride: number;
  readonly references: number;
  readonly candidates: readonly Candidate[];
  readonly codecs: readonly VideoCodec[];
  /** Targets in kbps, at full size and at half. */
  readonly targets: readonly number[];
  readonly halfTargets: readonly number[];
  readonly openTracker: (width: number) => Promise<FaceTracker>;
  readonly instruments: Instruments;
  /** Folder of the frames and streams of this clip. */
  readonly folder: string;
  /** Whether there is time for another stream. */
  readonly hasTime: () => boolean;
  /** Is told of each stream when it has been measured. */
  readonly save: (report: ClipReport, latest: StreamReport) => void;
}

const sourcePath = (task: ClipTask) => join(task.folder, 'source.rgba');
/** What one of our decoders showed of the frames that are looked at. */
export const ownPath = (folder: string, name: string) =>
  join(folder, `${name.replaceAll('/', '_')}.rgba`);
/** A video codec's stream. */
export const streamPath = (folder: string, codec: string, side: number, targetKbps: number) =>
  join(folder, `${codec}-${side}-${targetKbps}.mkv`);

/** The looked-at frames of the crop. */
export async function lookedSources(
  folder: string,
  { size, fps, frames, stride }: Pick<ClipReport, 'size' | 'fps' | 'frames' | 'stride'>,
): Promise<Picture[]> {
  const bytes = await readFile(join(folder, 'source.rgba'));
  const frameBytes = size * size * 4;
  return lookedOrdinals(frames, samplingOf(fps, stride)).map(
    (at) => picturesOf(bytes.subarray(at * frameBytes, (at + 1) * frameBytes), size)[0],
  );
}

/** Our own decoders' part: the crop is written, their streams are judged, moments are chosen. */
async function measureOwn(task: ClipTask): Promise<ClipReport> {
  const { file, size, stride, folder } = task;
  const path = resolve(dataRoot(), file);
  await mkdir(folder, { recursive: true });
  const run = await runOwn({
    path,
    size,
    references: task.references,
    frames: task.frames,
    candidates: task.candidates,
    openTracker: task.openTracker,
    isLooked: (ordinal, fps) => isLooked(ordinal, samplingOf(fps, stride)),
    sourcePath: sourcePath(task),
  });
  const { start, frames, streams } = run;
  if (run.indices.length === 0) {
    throw new UserError(`${file} ends before its streams have settled: give a longer clip`);
  }
  const sampling = samplingOf(start.fps, stride);
  const sources = await lookedSources(folder, { size, fps: start.fps, frames, stride });
  const ordinals = lookedOrdinals(frames, sampling);
  const moments = createMoments(frames - sampling.first);
  let measuredFrames = 0;
  const shown = streams.map((stream) => stream.shown);
  const figures = await judgeStreams(task.instruments, stride, sources, shown, (at, source) => {
    measuredFrames++;
    const frame = { index: run.indices[at], source: sources[at], shown: [] };
    moments.consider(frame, source, ordinals[at] - sampling.first);
  });
  for (const { name, shown: pictures } of streams) {
    await writeFile(
      ownPath(folder, name),
      Buffer.concat(pictures.map(({ data }) => Buffer.from(data.buffer))),
    );
  }
  return {
    file,
    size,
    fps: start.fps,
    frames,
    stride,
    measuredFrames,
    identityBytes: start.identity.length,
    references: start.references,
    glimpses: moments.chosen().map(({ index, why, source }) => ({
      index,
      ordinal: ordinals[run.indices.indexOf(index)],
      why,
      boxes: source.face?.boxes,
    })),
    streams: streams.map(({ name, bytes, rates, speed }, at) => ({
      codec: name,
      own: true,
      targetKbps: undefined,
      side: size,
      bytes,
      rates,
      speed,
      figures: figures[at],
    })),
    repeats: [],
    limit: task.frames,
  };
}

/**
 * Measures one clip at one size, from where `before` left off, until all is done or there is no more
 * time. Throws UserError where nobody can be enrolled.
 */
export async function measureClip(
  task: ClipTask,
  before: ClipReport | undefined,
): Promise<ClipReport> {
  const { size, stride, folder, codecs } = task;
  const wanted = [size, size / 2].flatMap((side) =>
    (side === size ? task.targets : task.halfTargets).flatMap((targetKbps) =>
      codecs.map((codec) => ({ codec, side, targetKbps })),
    ),
  );
  const isDone = (report: ClipReport, { codec, side, targetKbps }: (typeof wanted)[number]) =>
    [...report.streams, ...report.repeats].some(
      (each) => each.codec === codec.name && each.side === side && each.targetKbps === targetKbps,
    );
  const ownNames = task.candidates.flatMap(({ name }) => [name, withPreset(name)]);
  const hasOwn = ownNames.every((name) => before?.streams.some(({ codec }) => codec === name));
  if (before && hasOwn && wanted.every((each) => isDone(before, each))) return before;
  let report = before;
  if (!report || !hasOwn || !existsSync(sourcePath(task))) {
    if (before && !task.hasTime()) return before;
    const own = await measureOwn(task);
    const others = before?.streams.filter((stream) => !stream.own) ?? [];
    report = { ...own, streams: [...own.streams, ...others], repeats: before?.repeats ?? [] };
    for (const stream of own.streams) task.save(report, stream);
  }
  const { fps } = report;
  const sampling = samplingOf(fps, stride);
  const sources = await lookedSources(folder, report);
  const instruments = rememberSources(task.instruments, sources);
  const source: RawVideo = { path: sourcePath(task), side: size, fps };
  const yuvs = new Map<number, RawVideo>();
  for (const each of wanted) {
    if (isDone(report, each)) continue;
    if (!task.hasTime()) break;
    const { codec, side, targetKbps } = each;
    const yuv = yuvs.get(side) ?? (await toYuv(source, side, join(folder, `${side}.yuv`)));
    yuvs.set(side, yuv);
    const path = streamPath(folder, codec.name, side, targetKbps);
    const encoding = await encode(yuv, codec.encoder, codec.options(targetKbps), path);
    const sizes = await frameSizes(path);
    if (sizes.length !== report.frames) {
      throw new Error(`${codec.name}: ${sizes.length} frames of ${report.frames} were coded`);
    }
    const bytes = sizes.reduce((sum, value) => sum + value, 0);
    const same: StreamReport | undefined = report.streams.find(
      (other) =>
        other.codec === codec.name &&
        other.side === side &&
        Math.abs(other.bytes / bytes - 1) < SAME_BYTES,
    );
    if (same?.targetKbps !== undefined) {
      const repeat: Repeat = { codec: codec.name, side, targetKbps, sameAs: same.targetKbps };
      report = { ...report, repeats: [...report.repeats, repeat] };
      continue;
    }
    const decoding = await timeDecoding(path);
    const shown = await decoded(path, size, lookedFilter(sampling));
    if (shown.length !== sources.length) {
      throw new Error(`${codec.name}: ${shown.length} frames of ${sources.length} were decoded`);
    }
    const [figures] = await judgeStreams(instruments, stride, sources, [shown]);
    const stream: StreamReport = {
      codec: codec.name,
      own: false,
      targetKbps,
      side,
      bytes,
      rates: videoRates(sizes, fps, sampling.first),
      speed: {
        encodeMs: encoding.wallMs / report.frames,
        encodeCpuMs: encoding.cpuMs / report.frames,
        decodeMs: decoding.wallMs / report.frames,
        decodeCpuMs: decoding.cpuMs / report.frames,
      },
      figures,
    };
    report = { ...report, streams: [...report.streams, stream] };
    task.save(report, stream);
  }
  for (const { path } of yuvs.values()) await rm(path, { force: true });
  return report;
}
