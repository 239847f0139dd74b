import { percentile } from '../../src/cli/report/percentiles.js';
import type { Landmarks } from '../../src/geometry/landmarks.js';
import { whole } from '../../src/geometry/resample.js';
import type { DecoderIdentity } from '../../src/models/decoder.js';
import { createDecoder } from '../../src/models/families/index.js';
import type { OpenSession } from '../../src/models/inference.js';
import type { Pack } from '../../src/models/pack.js';
import type { PictureCodec } from '../../src/models/picture-codec.js';
import { createFrameAnalyser } from '../../src/sender/frame-analyser.js';
import type { ClipFrame } from './clip-run.js';
import { type RecordedRun, recordRuns } from './recorded-open.js';

const median = (values: readonly number[]): number =>
  percentile(
    values.toSorted((a, b) => a - b),
    0.5,
  )!;

/** What a pack's sender makes of frames, tracker left out. */
export interface Analysed {
  /** Geometry to send of each frame with a face, at least one. */
  readonly geometry: readonly Landmarks[];
  /** Milliseconds a frame, median. */
  readonly senderMs: number;
  /** What it ran for the last frame. */
  readonly runs: readonly RecordedRun[];
}

/** Analyses frames one after the other. `identity`: bytes of `encodeIdentity`. Throws where no frame has a face. */
export async function analyseFrames(
  pack: Pack,
  identity: Uint8Array,
  frames: readonly ClipFrame[],
  codec: PictureCodec,
  open: OpenSession,
): Promise<Analysed> {
  const recorded = recordRuns(open);
  const analyser = await createFrameAnalyser({ pack, identity, codec, open: recorded.open });
  try {
    const geometry: Landmarks[] = [];
    const times: number[] = [];
    for (const { source, landmarks } of frames) {
      if (!landmarks) continue;
      recorded.take();
      const started = performance.now();
      const found = await analyser.analyse(source, whole(source), landmarks);
      times.push(performance.now() - started);
      geometry.push(found.slice());
    }
    if (geometry.length === 0) throw new Error('no frame has a face');
    return { geometry, senderMs: median(times), runs: recorded.take() };
  } finally {
    await analyser.close();
  }
}

/** How fast a decoder is by itself. */
export interface DecoderTime {
  /** From decompressed references to a decoder that is ready, its networks' loading counted. */
  readonly enrolmentMs: number;
  /** Median of a frame, by the clock. */
  readonly decodeMs: number;
  /** CPU time of a frame, all threads of the process: other work on the machine changes it less. */
  readonly cpuMs: number;
  /** Frames decoded a second, one after the other. */
  readonly fps: number;
}

/** Times a decoder whose networks `open` opens, after `warmUp` frames: sessions plan their memory in the first. */
export async function timeDecoder(
  pack: Pack,
  identity: DecoderIdentity,
  geometry: readonly Landmarks[],
  open: OpenSession,
  warmUp: number,
): Promise<DecoderTime> {
  const decoder = createDecoder(pack, open);
  try {
    const begun = performance.now();
    await decoder.setIdentity(identity);
    const enrolmentMs = performance.now() - begun;
    for (let n = 0; n < warmUp; n++) await decoder.decode(geometry[n % geometry.length]);
    const times: number[] = [];
    const before = process.cpuUsage();
    for (const each of geometry) {
      const started = performance.now();
      await decoder.decode(each);
      times.push(performance.now() - started);
    }
    const { user, system } = process.cpuUsage(before);
    const total = times.reduce((sum, ms) => sum + ms, 0);
    const count = times.length;
    const cpuMs = (user + system) / 1000 / count;
    return { enrolmentMs, decodeMs: median(times), cpuMs, fps: (1000 * count) / total };
  } finally {
    await decoder.close();
  }
}
