import { parseFeedback, serialiseFeedback } from '../../src/protocol/feedback.js';
import { parseMotion, serialiseMotion } from '../../src/protocol/motion-packet.js';
import { FeedbackScheduler } from '../../src/receiver/feedback-scheduler.js';
import { RateController, type RateDecision } from '../../src/sender/rate-control.js';
import {
  frameBytesFactor,
  INDEPENDENT_RATIO,
  type MotionSettings,
  WERIFT_WIRE,
  type WireProfile,
} from '../../src/sender/rate-model.js';
import { type RateOptions, rateAims } from '../../src/sender/rate-presets.js';
import {
  createSimulatedLink,
  type SimulatedLink,
  type SimulatedLinkOptions,
} from '../../src/transport/simulated-link.js';

/** A path that may change: from a time on, another link. */
export interface Path extends Partial<SimulatedLinkOptions> {
  readonly fromMs?: number;
}

export interface RateCallOptions extends RateOptions {
  readonly seconds: number;
  readonly fps?: number;
  /** Frames a second that there really are (`fps`). */
  readonly realFps?: (nowMs: number) => number;
  readonly wire?: WireProfile;
  readonly fixed?: Partial<MotionSettings>;
  /** One path after the other; a single one by default, which takes everything. */
  readonly paths?: readonly Path[];
  /** Bytes of a frame with the default settings (14). */
  readonly frameBytes?: (nowMs: number) => number;
  readonly picturesPending?: boolean;
  /** Milliseconds from a frame's capture to when it is coded (0). */
  readonly slowMs?: (nowMs: number) => number;
}

/** A second of the call. */
export interface RateSecond extends RateDecision {
  /** Bits that were sent, headers counted. */
  readonly sentBps: number;
  /** Milliseconds from capture of a message's last frame to its arrival, the longest. */
  readonly delayMs: number;
}

const TICK_MS = 5;
const DELAY_MS = 30;

/** Rate control between a stream of made-up packets and a receiver's feedback, over a simulated link. */
export function rateCall(options: RateCallOptions): RateSecond[] {
  const { seconds, fps = 25, wire = WERIFT_WIRE, paths = [{}], frameBytes = () => 14 } = options;
  const { slowMs = () => 0, realFps = () => fps } = options;
  const control = new RateController({
    fps,
    wire,
    aims: rateAims(options, wire),
    ...(options.fixed && { fixed: options.fixed }),
  });
  control.strides = true;
  control.picturesPending = options.picturesPending ?? false;
  const intervalMs = 1000 / fps;
  const scheduler = new FeedbackScheduler(intervalMs, false);
  const links: { fromMs: number; link: SimulatedLink }[] = paths.map(({ fromMs = 0, ...path }) => ({
    fromMs,
    link: createSimulatedLink({
      seed: 7,
      delayMs: DELAY_MS,
      headerBytes: wire.messageBytes,
      ...path,
    }),
  }));
  const back = createSimulatedLink({ seed: 1, delayMs: DELAY_MS });
  const records: RateSecond[] = [];
  let settings: MotionSettings = control.decide(0);
  let coded = settings.quantiser;
  let sinceIndependent = 0;
  let messages = 0;
  let frame = 0;
  let captureMs = 0;
  let bundle = 0;
  let sentBytes = 0;
  let delayMs = 0;
  let newest = 0;

  const sendMessage = (last: number, nowMs: number) => {
    const { framesPerPacket, stride, redundancy } = settings;
    if (control.wantsIndependent || sinceIndependent >= 4 * fps) {
      coded = settings.quantiser;
      sinceIndependent = 0;
    }
    const independent =
      redundancy > 0 ? ++messages % (redundancy + 1) === 0 : sinceIndependent === 0;
    const frames = independent ? framesPerPacket - 1 + INDEPENDENT_RATIO : framesPerPacket;
    const bytes = frames * frameBytes(nowMs) * frameBytesFactor(coded, stride);
    const first = last - (framesPerPacket - 1) * stride;
    const packet = {
      sequence: first & 0xffff,
      timestamp: Math.round(first * intervalMs) & 0xffff,
      frameCount: framesPerPacket,
      stride,
      intervals: undefined,
      coding: { kind: 'predicted', referenceDistance: stride, digest: 0 } as const,
      body: new Uint8Array(Math.round(bytes)),
    };
    const alone = serialiseMotion(packet, []);
    const message = serialiseMotion(packet, Array(redundancy).fill(alone));
    control.packetMade({
      bytes: alone.length,
      frames: framesPerPacket,
      stride,
      quantiser: coded,
      independent,
    });
    control.messageSent(message.length, nowMs, last);
    sentBytes += message.length + wire.messageBytes;
    links.findLast(({ fromMs }) => fromMs <= nowMs)?.link.send(message, nowMs);
    settings = control.decide(nowMs);
  };

  for (let nowMs = 0; nowMs < seconds * 1000; nowMs += TICK_MS) {
    for (; captureMs + slowMs(nowMs) <= nowMs; frame++) {
      control.frameCaptured(captureMs);
      captureMs += 1000 / realFps(captureMs);
      sinceIndependent++;
      bundle++;
      if (bundle < settings.framesPerPacket * settings.stride) continue;
      bundle = 0;
      sendMessage(frame, nowMs);
    }
    for (const { link } of links) {
      for (const { data, sentMs, atMs } of link.poll(nowMs)) {
        scheduler.receive(data, atMs);
        scheduler.progress(1, atMs);
        delayMs = Math.max(delayMs, atMs - sentMs);
        const parsed = parseMotion(data);
        if (!parsed.ok) throw new Error(parsed.drop);
        const { sequence, frameCount, stride } = parsed.value.packet;
        newest = sequence + (frameCount - 1) * stride;
      }
    }
    const state = { newestDecoded: newest, needsIndependent: false, waitingSinceMs: undefined };
    const due = scheduler.poll(state, newest, nowMs, 2 * DELAY_MS);
    if (due) back.send(serialiseFeedback(due), nowMs);
    for (const { data } of back.poll(nowMs)) {
      const feedback = parseFeedback(data);
      if (!feedback.ok) continue;
      const { lossFraction, queueMs, newestSequence } = feedback.value;
      const report = { loss: lossFraction / 255, queueMs, newestFrame: newestSequence };
      control.report(report, nowMs);
      settings = control.decide(nowMs);
    }
    if ((nowMs + TICK_MS) % 1000 === 0) {
      records.push({ ...control.decision, sentBps: sentBytes * 8, delayMs });
      sentBytes = 0;
      delayMs = 0;
    }
  }
  return records;
}
