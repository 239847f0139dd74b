import type { LinkLog, ReceiverLog, SenderLog, ShownFrame, WireLog } from './logs.js';
import type { QualityLog } from './measure.js';
import { percentiles } from './percentiles.js';
import { psnrOf } from './quality.js';
import { kbps, rateBetween } from './rates.js';
import type { FrameSample, LinkFigures, Machine, RateSample, Report } from './schema.js';

export interface ReportInput {
  /** Of visavis. */
  readonly version: string;
  /** Undefined on the machine of the receiver alone. */
  readonly sender?: SenderLog | undefined;
  /** Undefined on the machine of the sender alone. */
  readonly receiver?: ReceiverLog | undefined;
  /** Undefined where the frames were not compared. */
  readonly quality?: QualityLog | undefined;
  /** Options of the run beside those in the sender's log. */
  readonly config?: Readonly<Record<string, string | number | boolean | null>>;
  readonly machine: Machine;
}

/** Makes `report.json` of the two logs. What cannot be known without the missing one is null. */
export function buildReport(input: ReportInput): Report {
  const { sender, receiver, quality } = input;
  const seconds = sender ? sender.framesSent / sender.fps : null;
  const stages = stageTimes(sender, receiver);
  const steady = {
    sender: [sender?.referencesDeliveredMs, lastOf(sender?.frames.map((frame) => frame.sentMs))],
    receiver: [receiver?.identityMs, lastOf(receiver?.frames.map((frame) => frame.receivedMs))],
  } as const;
  const stagesMs = {
    track: percentilesOf(stages.track),
    encode: percentilesOf(stages.encode),
    bundle: percentilesOf(stages.bundle),
    network: percentilesOf(stages.network),
    jitter_buffer: percentilesOf(stages.jitter_buffer),
    decode: percentilesOf(stages.decode),
    present: percentilesOf(stages.present),
    capture_to_shown: percentilesOf(stages.capture_to_shown),
  };
  return {
    version: input.version,
    clip: sender?.clip ?? null,
    fps: round(sender?.fps, 3),
    seconds: round(seconds, 3),
    tracker: sender?.tracker ?? null,
    pack: { name: receiver?.packName ?? null, sha256: receiver?.packSha256 ?? null },
    frames: {
      sent: sender?.framesSent ?? null,
      received: receiver?.framesReceived ?? null,
      shown: receiver?.framesShown ?? null,
      concealed: receiver?.framesConcealed ?? null,
      skipped: receiver?.framesSkipped ?? null,
      no_face: sender?.noFaceFrames ?? null,
    },
    payload: {
      identity_bytes: sender?.identityBytes ?? null,
      motion_bytes: sender?.motionBytes ?? null,
      picture_bytes: sender?.pictureBytes ?? null,
      control_bytes: sender?.controlBytes ?? null,
      backward_bytes: receiver?.backwardBytes ?? null,
      motion_kbps: sender && seconds ? round(kbps(sender.motionBytes, seconds * 1000), 3) : null,
    },
    wire: {
      forward_bytes: sender?.wire.sentBytes ?? receiver?.wire.receivedBytes ?? null,
      backward_bytes: receiver?.wire.sentBytes ?? sender?.wire.receivedBytes ?? null,
      steady_forward_kbps: round(
        sender
          ? rateBetween(sender.wire, 'sent', ...steady.sender)
          : rateBetween(receiver?.wire, 'received', ...steady.receiver),
        3,
      ),
      steady_backward_kbps: round(
        receiver
          ? rateBetween(receiver.wire, 'sent', ...steady.receiver)
          : rateBetween(sender?.wire, 'received', ...steady.sender),
        3,
      ),
    },
    link: { forward: linkFigures(sender?.link), backward: linkFigures(receiver?.link) },
    stages_ms: stagesMs,
    sent_fps: round(sentFps(sender), 2),
    shown_fps: round(shownFps(receiver?.frames ?? []), 2),
    connect_to_first_frame_ms: round(span(receiver?.peerJoinedMs, receiver?.firstFrameMs), 1),
    connect_ms: round(span(receiver?.peerJoinedMs, receiver?.connectedMs), 1),
    quality: {
      psnr_db: round(quality?.psnrDb, 3),
      ssim: round(quality?.ssim, 5),
      frames_measured: quality?.frames.length ?? 0,
    },
    bounds: whatBounds(input, stagesMs),
    drops: receiver?.drops ?? {},
    config: {
      size: sender?.size ?? null,
      references: sender?.references ?? null,
      bundle: sender?.bundle ?? null,
      preset: sender?.preset ?? null,
      stride: sender?.rate.stride ?? null,
      quantiser: sender?.rate.quantiser ?? null,
      redundancy: sender?.rate.redundancy ?? null,
      rate_reason: sender?.rate.reason ?? null,
      ...input.config,
    },
    series: {
      rates: rateSeries(sender, receiver),
      frames: frameSeries(sender, receiver, quality),
    },
    machine: input.machine,
  };
}

function linkFigures(link: LinkLog | null | undefined): LinkFigures | null {
  if (!link) return null;
  const { lostToOutage, droppedByQueue, ...same } = link;
  return { ...same, lost_to_outage: lostToOutage, dropped_by_queue: droppedByQueue };
}

type StageName = keyof Report['stages_ms'];

function stageTimes(sender?: SenderLog, receiver?: ReceiverLog): Record<StageName, number[]> {
  const times: Record<StageName, number[]> = {
    track: [],
    encode: [],
    bundle: [],
    network: [],
    jitter_buffer: [],
    decode: [],
    present: [],
    capture_to_shown: [],
  };
  const add = (stage: StageName, ms: number | null) => ms !== null && times[stage].push(ms);
  for (const frame of sender?.frames ?? []) {
    add('track', frame.trackMs - frame.captureMs);
    add('encode', frame.encodeMs - frame.trackMs);
    add('bundle', frame.sentMs - frame.encodeMs);
  }
  const sent = new Map(sender?.frames.map((frame) => [frame.index, frame]));
  for (const frame of receiver?.frames ?? []) {
    add('jitter_buffer', span(frame.receivedMs, frame.bufferMs));
    add('decode', span(frame.bufferMs, frame.decodeMs));
    add('present', span(frame.decodeMs, frame.shownMs));
    const origin = sent.get(frame.index);
    add('network', span(origin?.sentMs, frame.receivedMs));
    if (frame.state === 'decoded') add('capture_to_shown', span(origin?.captureMs, frame.shownMs));
  }
  return times;
}

function percentilesOf(values: readonly number[]) {
  const { p50, p95, p99 } = percentiles(values);
  return { p50: round(p50, 2), p95: round(p95, 2), p99: round(p99, 2) };
}

/** New pictures a second, from the first to the last; null of fewer than two. */
function shownFps(frames: readonly ShownFrame[]): number | null {
  const moments = frames.filter((frame) => frame.state !== 'held').map((frame) => frame.shownMs);
  const first = moments.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const ms = (lastOf(moments) ?? first) - first;
  return ms > 0 ? ((moments.length - 1) * 1000) / ms : null;
}

/** Frames captured a second, from the first to the last. */
function sentFps(sender: SenderLog | undefined): number | null {
  const [first, last] = [sender?.frames[0], sender?.frames.at(-1)];
  if (!sender || !first || !last || last === first) return null;
  return (1000 * (sender.frames.length - 1)) / (last.captureMs - first.captureMs);
}

/** A run that is off the clip's rate by more than this share, sent or shown, did not keep up with it. */
const PACED_TOLERANCE = 0.03;

/** Unpaced, a decoder that is busy for more than this share of the time is what the sender waits for. */
const BUSY_SHARE = 0.7;

/**
 * What keeps the rate from being higher: the decoder where it skipped frames or was waited for, the
 * sender where it, doing one frame after the other, was slower than the clip; else the clip itself.
 */
function whatBounds(
  { sender, receiver, config }: ReportInput,
  stages: Report['stages_ms'],
): string | null {
  const track = stages.track.p50;
  const decode = stages.decode.p50;
  if (!sender || track === null) return null;
  const frameMs = 1000 / sender.fps;
  const tookMs = 1000 / (sentFps(sender) ?? sender.fps);
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  const rate = `${round(1000 / tookMs, 2)} fps`;
  if (config?.fast && decode !== null && decode > BUSY_SHARE * tookMs) {
    return `the decoder, at ${rate}: it takes ${ms(decode)} of the ${ms(tookMs)} that a frame took`;
  }
  const bounds: string[] = [];
  const { framesSkipped = 0, framesShown = 0 } = receiver ?? {};
  if (decode !== null && framesSkipped > PACED_TOLERANCE * framesShown) {
    bounds.push(
      `the decoder: it takes ${ms(decode)} of the ${ms(frameMs)} that a frame has, and skipped ${framesSkipped} of ${framesShown} frames`,
    );
  }
  if (Math.abs(tookMs / frameMs - 1) > PACED_TOLERANCE) {
    bounds.push(
      `the sender, at ${rate}: tracking takes ${ms(track)} of the ${ms(tookMs)} that a frame took, the rest is reading, cropping and keeping the picture`,
    );
  }
  if (bounds.length > 0) return bounds.join('; ');
  return `the clip's own rate of ${round(sender.fps, 2)} fps: tracking takes ${ms(track)} of the ${ms(frameMs)} that a frame has`;
}

const SECOND_MS = 1000;

/** A shorter rest at the end is left out: its rate is one packet or none. */
const SHORTEST_MS = 500;

function rateSeries(sender?: SenderLog, receiver?: ReceiverLog): RateSample[] {
  const log = sender ?? receiver;
  if (log === undefined) return [];
  const start = log.startedMs;
  const end = Math.max(log.endedMs, lastOf(log.wire.series.map((sample) => sample.ms)) ?? start);
  const own = { wire: 'sent', payload: 'payloadSent' } as const;
  const others = { wire: 'received', payload: 'payloadReceived' } as const;
  const [forward, backward] = sender ? [own, others] : [others, own];
  const wire: WireLog = log.wire;
  const samples: RateSample[] = [];
  for (let from = start; from + SHORTEST_MS <= end; from += SECOND_MS) {
    const to = Math.min(from + SECOND_MS, end);
    const rate = (counter: (typeof own | typeof others)['wire' | 'payload']) =>
      round(rateBetween(wire, counter, from, to), 3) ?? 0;
    samples.push({
      second: round((to - start) / 1000, 3)!,
      wire_forward_kbps: rate(forward.wire),
      wire_backward_kbps: rate(backward.wire),
      payload_forward_kbps: rate(forward.payload),
      payload_backward_kbps: rate(backward.payload),
    });
  }
  return samples;
}

function frameSeries(
  sender?: SenderLog,
  receiver?: ReceiverLog,
  quality?: QualityLog,
): FrameSample[] {
  const captured = new Map(sender?.frames.map((frame) => [frame.index, frame.captureMs]));
  const measured = new Map(quality?.frames.map((frame) => [frame.index, frame]));
  return (receiver?.frames ?? []).map(({ index, state, shownMs }) => {
    const likeness = measured.get(index);
    return {
      index,
      state,
      capture_to_shown_ms:
        state === 'decoded' ? round(span(captured.get(index), shownMs), 2) : null,
      psnr_db: likeness ? round(psnrOf(likeness.mse), 2) : null,
      ssim: round(likeness?.ssim, 4),
    };
  });
}

const span = (from: number | null | undefined, to: number | null | undefined): number | null =>
  from == null || to == null ? null : to - from;

/** The largest, or null of none. */
const lastOf = (values: readonly (number | null)[] = []): number | null =>
  values.reduce<number | null>(
    (last, value) => (value !== null && (last === null || value > last) ? value : last),
    null,
  );

const round = (value: number | null | undefined, digits: number): number | null =>
  value == null || !Number.isFinite(value) ? null : Number(value.toFixed(digits));
