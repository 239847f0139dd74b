import { type FileHandle, open } from 'node:fs/promises';
import type { Landmarks } from '../../src/geometry/landmarks.js';
import type { Picture } from '../../src/geometry/picture.js';
import type { FaceDecoder } from '../../src/models/decoder.js';
import type { StreamSize } from '../../src/protocol/limits.js';
import type { FaceTracker } from '../../src/sender/tracker.js';
import type { Candidate } from '../quality/candidates.js';
import { type ClipStart, runClip } from '../quality/run-clip.js';
import { createAnalysis, decodePreset, playPreset } from './preset-stream.js';
import type { Speed } from './report.js';
import { messageRates, motionRates, type WireRates } from './wire-rates.js';

/** Time of the calls of one kind: by the clock, and of all threads of this process. */
function createStopwatch() {
  let [wallMs, cpuMs, calls] = [0, 0, 0];
  return {
    async time<T>(work: () => Promise<T>): Promise<T> {
      const started = performance.now();
      const before = process.cpuUsage();
      const result = await work();
      const { user, system } = process.cpuUsage(before);
      wallMs += performance.now() - started;
      cpuMs += (user + system) / 1000;
      calls++;
      return result;
    },
    /** Forgets what was timed. */
    reset() {
      [wallMs, cpuMs, calls] = [0, 0, 0];
    },
    get mean() {
      return { wallMs: wallMs / calls, cpuMs: cpuMs / calls };
    },
  };
}
type Stopwatch = ReturnType<typeof createStopwatch>;

function timedDecoder(decoder: FaceDecoder, watch: Stopwatch): FaceDecoder {
  return {
    setIdentity: (identity) => decoder.setIdentity(identity),
    decode: (geometry) => watch.time(() => decoder.decode(geometry)),
    close: () => decoder.close(),
  };
}

/** One of our decoders on a clip. */
export interface OwnStream {
  readonly name: string;
  readonly rates: WireRates;
  /** Bytes of the identity and of the motion. */
  readonly bytes: number;
  readonly speed: Speed;
  /** What it showed of the frames that are looked at. */
  readonly shown: readonly Picture[];
}

/** A clip cut to the codec's crop, and what we made of it. */
export interface OwnRun {
  readonly start: ClipStart;
  /** Frames written. */
  readonly frames: number;
  /** Numbers in the clip of the frames that are looked at. */
  readonly indices: readonly number[];
  readonly streams: readonly OwnStream[];
}

export interface OwnRunOptions {
  readonly path: string;
  readonly size: StreamSize;
  /** After the enrolment, at most. */
  readonly frames: number;
  readonly references: number;
  readonly candidates: readonly Candidate[];
  /** Opens a tracker for pictures of this width. */
  readonly openTracker: (width: number) => Promise<FaceTracker>;
  /** Whether a frame, by its number after the enrolment, is looked at; `fps`: the clip's. */
  readonly isLooked: (ordinal: number, fps: number) => boolean;
  /** Takes the crop's RGBA frames. */
  readonly sourcePath: string;
}

/** The preset that is measured beside a fixed four frames a message. */
const PRESET = 'lowest';
/** The name of a decoder's stream with it. */
export const withPreset = (name: string) => `${name}, ${PRESET}`;
/** The decoder of a stream of ours, by the stream's name. */
export const decoderOf = (name: string) => name.replace(`, ${PRESET}`, '');

/**
 * Takes a clip through the whole codec but the network, with four frames a message and with the preset `lowest`,
 * and writes the crop, frame by frame, for the video codecs. Throws UserError where nobody can be enrolled.
 */
export async function runOwn(options: OwnRunOptions): Promise<OwnRun> {
  const { candidates, isLooked } = options;
  const tracking = createStopwatch();
  const decoding = candidates.map(createStopwatch);
  let start: ClipStart | undefined;
  let frames = 0;
  const indices: number[] = [];
  const shown: Picture[][] = candidates.map(() => []);
  const geometry: (Landmarks | undefined)[][] = candidates.map(() => []);
  let analyses: Awaited<ReturnType<typeof createAnalysis>>[] | undefined;
  const file: FileHandle = await open(options.sourcePath, 'w');
  try {
    const traffic = await runClip(
      {
        path: options.path,
        size: options.size,
        references: options.references,
        limit: options.frames,
        candidates: candidates.map((candidate, at) => ({
          ...candidate,
          create: async () => timedDecoder(await candidate.create(), decoding[at]),
        })),
        async openTracker(width) {
          const tracker = await options.openTracker(width);
          return {
            track: (picture) => tracking.time(() => tracker.track(picture)),
            close: () => tracker.close(),
          };
        },
      },
      {
        start(known) {
          start = known;
          // Enrolling and the first pictures warm up.
          for (const watch of [tracking, ...decoding]) watch.reset();
        },
        async frame(frame) {
          await file.write(frame.source.data);
          analyses ??= await Promise.all(
            candidates.map(({ pack }) => createAnalysis(pack, start!.identity)),
          );
          for (const [at, analyse] of analyses.entries()) {
            const { source: picture, landmarks } = frame;
            geometry[at].push((await analyse({ picture, landmarks }))?.slice());
          }
          if (isLooked(frames++, start!.fps)) {
            indices.push(frame.index);
            for (const [at, { picture }] of frame.shown.entries()) shown[at].push(picture);
          }
        },
      },
    );
    const tracked = tracking.mean;
    const { identity, fps } = start!;
    const streams: OwnStream[] = [];
    for (const [at, candidate] of candidates.entries()) {
      const { name, pack } = candidate;
      const encodeMs = traffic[at].encodeMs / frames;
      const decodes = decoding[at].mean;
      const speed = {
        encodeMs: tracked.wallMs + encodeMs,
        encodeCpuMs: tracked.cpuMs + encodeMs,
        decodeMs: decodes.wallMs,
        decodeCpuMs: decodes.cpuMs,
      };
      streams.push({
        name,
        rates: motionRates(traffic[at], identity.length),
        bytes: identity.length + traffic[at].bytes,
        speed,
        shown: shown[at],
      });
      const { size } = options;
      const played = playPreset({
        ...{ pack, identity, size, fps, preset: PRESET },
        geometry: geometry[at],
      });
      const ordinals = Array.from({ length: frames }, (_, ordinal) => ordinal);
      streams.push({
        name: withPreset(name),
        rates: messageRates(played.traffic, identity.length),
        bytes: identity.length + played.traffic.forward.reduce((sum, bytes) => sum + bytes, 0),
        speed,
        shown: await decodePreset(
          candidate,
          identity,
          played.shown,
          ordinals.filter((ordinal) => isLooked(ordinal, fps)),
        ),
      });
    }
    return { start: start!, frames, indices, streams };
  } finally {
    await file.close();
  }
}
