import type { Landmarks } from '../../src/geometry/landmarks.js';
import { LIPS } from '../../src/geometry/regions.js';
import type { Pack } from '../../src/models/pack.js';
import { encodeIdentity } from '../../src/protocol/identity.js';
import type { FrameOrigin } from '../../src/receiver/concealment.js';
import type { SenderSessionOptions } from '../../src/sender/session.js';
import { createSimulatedCall, type Shown } from '../../test/support/simulated-call.js';
import type { Track } from '../tracks.js';
import type { Scenario } from './scenarios.js';

/** Headers of a message over IPv4: SCTP 28, DTLS 22, UDP and IP 28; a SACK datagram is as long. */
const HEADER_BYTES = 78;
/** Frames off by more are seen: mean over the lips, crop units (pixels at 256×256). */
const SEEN_PX = 2;
/** What the first seconds teach the jitter buffer is not judged. */
const SETTLED_MS = 10_000;
/** The smallest WebP header there is: the sessions look no further. */
const PICTURE = Uint8Array.from(
  Buffer.from('524946461a000000574542505650384c0d0000002f0000001007101111888808', 'hex'),
);

/** How a call was set up. */
export interface Setting {
  readonly name: string;
  readonly sender: Partial<SenderSessionOptions>;
}

/** Figures of one call. */
export interface Figures {
  readonly shown: number;
  /** Shown frames whose lips are off by more than 2 px from the quiet call's frame of that number. */
  readonly off: number;
  /** Those whose lips are off by as much from the source, as they are on a quiet network too. */
  readonly wrong: number;
  readonly origins: Readonly<Record<FrameOrigin, number>>;
  /** Times from one shown frame to the next above three frame intervals, once settled. */
  readonly stalls: number;
  /** Frames made up without knowing a later one, once settled. */
  readonly blind: number;
  /** Milliseconds from capture to show of each decoded frame, once settled. */
  readonly latencies: readonly number[];
  /** Kilobits a second forward and back, headers and SACKs counted. */
  readonly forwardKbps: number;
  readonly backwardKbps: number;
  /** Milliseconds from the end of the outage until a frame captured in it or later was shown. */
  readonly back: number | undefined;
}

/** A call of `seconds` over the frames of `track`, back and forth, and the frames that were shown. */
export function play(
  track: Track,
  pack: Pack,
  { sender }: Setting,
  scenario: Scenario,
  { seed, delayMs, seconds }: { seed: number; delayMs: number; seconds: number },
) {
  const { fps } = track.clip;
  const first = track.frames.find((frame) => frame !== undefined)!;
  const identity = encodeIdentity({
    size: 256,
    neutral: track.neutral,
    references: [{ picture: PICTURE, landmarks: first.slice(0, track.neutral.length) }],
  });
  const startMs = 1000;
  const call = createSimulatedCall({
    sender: { pack, identity, fps, ...sender },
    receiver: { pack, maxSize: 256 },
    delayMs,
    forward: { ...scenario.forward, seed },
    backward: { ...scenario.backward, seed: seed + 1000 },
    outages: (scenario.outages ?? []).map(([from, to]) => [from + startMs, to + startMs] as const),
  });
  call.connect();
  call.run(startMs);
  const frames = track.frames.slice(track.enrolment);
  const turn = 2 * frames.length - 2;
  const source = (number: number): Landmarks | undefined => {
    const at = number % turn;
    return frames[at < frames.length ? at : turn - at];
  };
  call.stream(Math.round(seconds * fps), source);
  call.hangUp();
  return { call, startMs, source };
}

/** Geometry on show by the number of the frame. */
export function onShow(shown: readonly Shown[]): Map<number, Landmarks> {
  const geometry = new Map<number, Landmarks>();
  for (const { sequence, landmarks } of shown) if (landmarks) geometry.set(sequence, landmarks);
  return geometry;
}

/** What became of a call, beside the frames of the quiet one. */
export function judge(
  { call, startMs, source }: ReturnType<typeof play>,
  quiet: ReadonlyMap<number, Landmarks>,
  scenario: Scenario,
  { fps, seconds }: { fps: number; seconds: number },
): Figures {
  const { shown, sent } = call;
  const origins = { decoded: 0, interpolated: 0, extrapolated: 0, held: 0 };
  let [off, wrong, stalls, blind, compared] = [0, 0, 0, 0, 0];
  let last: Landmarks | undefined;
  const latencies: number[] = [];
  shown.forEach(({ sequence, landmarks, origin, atMs, captureMs }, i) => {
    if (origin === 'still') return;
    origins[origin]++;
    last = landmarks ?? last;
    const wanted = quiet.get(sequence);
    if (wanted) {
      compared++;
      if (!last || lipDistance(last, wanted) > SEEN_PX) off++;
      const truth = source(sequence);
      if (!last || (truth && lipDistance(last, truth) > SEEN_PX)) wrong++;
    }
    const settled = atMs >= startMs + SETTLED_MS;
    if (!settled) return;
    if (i > 0 && atMs - shown[i - 1].atMs > 3000 / fps) stalls++;
    if (origin === 'extrapolated' || (origin === 'held' && wanted)) blind++;
    if (origin === 'decoded') latencies.push(atMs - captureMs);
  });
  const streamed = sent.filter(({ atMs }) => atMs >= startMs);
  const kbps = (direction: 'forward' | 'backward') => {
    const own = streamed.filter((message) => message.direction === direction);
    const others = streamed.length - own.length;
    const bytes = own.reduce((sum, message) => sum + message.bytes + HEADER_BYTES, 0);
    return ((bytes + (others / 2) * HEADER_BYTES) * 8) / seconds / 1000;
  };
  const outage = scenario.outages?.[0].map((ms) => ms + startMs);
  const back =
    outage &&
    shown.find(
      ({ atMs, origin, captureMs }) =>
        atMs > outage[1] && origin === 'decoded' && captureMs > outage[0],
    );
  return {
    shown: compared,
    off,
    wrong,
    origins,
    stalls,
    blind,
    latencies,
    forwardKbps: kbps('forward'),
    backwardKbps: kbps('backward'),
    back: outage && (back ? back.atMs - outage[1] : Infinity),
  };
}

function lipDistance(a: Landmarks, b: Landmarks): number {
  let sum = 0;
  for (const p of LIPS) sum += Math.hypot(a[3 * p] - b[3 * p], a[3 * p + 1] - b[3 * p + 1]);
  return sum / LIPS.length;
}
