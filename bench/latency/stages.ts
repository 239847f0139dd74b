import { type Percentiles, percentiles } from '../../src/cli/report/percentiles.js';
import type { CallRun } from '../call-run.js';

/** From the picture to what is shown, one after the other: their sum is `total`. */
export const STAGES = [
  /** Finding the face. */
  'track',
  /** Comparing the picture with the references, and coding the motion. */
  'encode',
  /** Until the bundle is full. */
  'bundle',
  /** From the channel to the other side's. */
  'wire',
  /** Until the frame is due. */
  'jitterBuffer',
  /** Waiting for the decoder, and decoding. */
  'decode',
  'show',
  /** From capture to shown. */
  'total',
  /** `total` without `track` and `decode`: what coding, network and waiting add. */
  'added',
] as const;

export type Stage = (typeof STAGES)[number];

/** Milliseconds of one frame by stage; undefined of one that was not shown from its own motion. */
export type FrameTimes = Readonly<Record<Stage, number>>;

/** Of each frame of a call that was decoded and shown, in the order of showing. */
export function frameTimes({ sender, receiver }: CallRun): FrameTimes[] {
  const sent = new Map(sender.frames.map((frame) => [frame.index, frame]));
  return receiver.frames.flatMap((frame) => {
    const { receivedMs, bufferMs, decodeMs, shownMs } = frame;
    const from = sent.get(frame.index);
    if (frame.state !== 'decoded' || !from) return [];
    if (receivedMs === null || bufferMs === null || decodeMs === null) return [];
    const track = from.trackMs - from.captureMs;
    const decode = decodeMs - bufferMs;
    const total = shownMs - from.captureMs;
    return [
      {
        track,
        encode: from.encodeMs - from.trackMs,
        bundle: from.sentMs - from.encodeMs,
        wire: receivedMs - from.sentMs,
        jitterBuffer: bufferMs - receivedMs,
        decode,
        show: shownMs - decodeMs,
        total,
        added: total - track - decode,
      },
    ];
  });
}

/** Percentiles of each stage. */
export function stagePercentiles(frames: readonly FrameTimes[]): Record<Stage, Percentiles> {
  const entries = STAGES.map((stage) => [stage, percentiles(frames.map((each) => each[stage]))]);
  return Object.fromEntries(entries) as Record<Stage, Percentiles>;
}
