/** What the network may do to a call, in virtual time: the targets that bench/recovery.ts measures on clips. */
import { describe, expect, it } from 'vitest';
import type { Landmarks } from '../src/geometry/landmarks.js';
import { MotionModel } from '../src/geometry/motion-model.js';
import { LIPS } from '../src/geometry/regions.js';
import { parseIdentity } from '../src/protocol/identity.js';
import type { MotionState } from '../src/protocol/motion-codec.js';
import { MotionDepacketizer } from '../src/protocol/motion-depacketizer.js';
import { parseMotion } from '../src/protocol/motion-packet.js';
import type { MotionSenderOptions } from '../src/sender/motion-sender.js';
import { RATE_PRESETS } from '../src/sender/rate-presets.js';
import type { SimulatedLinkOptions } from '../src/transport/simulated-link.js';
import { type CallOptions, IDENTITY, PACK, simulatedCall } from './support/call.js';
import { recordedSender, seeded, stream, WARP_TABLES, walk } from './support/motion-stream.js';
import type { Shown } from './support/simulated-call.js';

const FRAMES_PER_MESSAGE = [1, 2, 4] as const;
const burstLoss = { enterBad: (0.25 * 0.05) / 0.95, leaveBad: 0.25, lossGood: 0, lossBad: 1 };
const FRAMES = 1000;

/** The newest packet's frames are decoded by a receiver that knows nothing else. */
function expectDecodedAlone(message: Uint8Array): void {
  const frames = new MotionDepacketizer(WARP_TABLES, 40).receive(message, 0);
  const parsed = parseMotion(message);
  if (!parsed.ok) throw new Error(parsed.drop);
  const { sequence, frameCount } = parsed.value.packet;
  const wanted = Array.from({ length: frameCount }, (_, index) => sequence + index);
  expect(frames.map((frame) => frame.sequence).slice(-frameCount)).toEqual(wanted);
}

describe('messages that can each be decoded by itself', () => {
  it.each([0, 1, 2, 3])('with %i copies', (redundancy) => {
    const { messages } = stream(walk(1, 100), { redundancy, selfContained: true });
    for (const message of messages) expectDecodedAlone(message);
    const independent = messages.filter((message) => message[0] >> 6 === 1).length;
    expect(independent).toBe(Math.ceil(messages.length / (redundancy + 1)));
  });

  it.each([0, 2])('are sent once the receiver has fallen silent, with %i copies', (redundancy) => {
    const { packetizer, add } = recordedSender({ redundancy, independentInterval: 1000 });
    const heard = () =>
      packetizer.handleFeedback({
        newestSequence: packetizer.sequence - 1,
        lossFraction: 0,
        needsRecovery: false,
        needsIndependent: false,
        needsIdentity: false,
      });
    const send = (frames: number) =>
      walk(packetizer.sequence, frames)
        .map((values, i) => add(values, (packetizer.sequence + i) * 40))
        .filter((message) => message !== undefined);
    const independent = (message: Uint8Array) => message[0] >> 6 === 1;
    expect(send(60).filter(independent).length).toBe(1);
    heard();
    expect(send(270).some(independent)).toBe(false);
    send(6);
    const silent = send(60).slice(2 + redundancy);
    for (const message of silent) expectDecodedAlone(message);
    heard();
    // One may have been begun already.
    expect(send(30).slice(1).some(independent)).toBe(false);
  });
});

function call(framesPerPacket: number, frames: number, options: CallOptions = {}, redundancy = 1) {
  return callOf({ framesPerPacket, redundancy }, frames, options);
}

function callOf(sender: MotionSenderOptions, frames: number, options: CallOptions = {}) {
  const one = simulatedCall({ ...options, sender });
  one.connect();
  one.stream(frames);
  one.hangUp();
  return one;
}

/** Where the lips are on a quiet network, by the number of the frame. */
const quiet = new Map(
  call(1, FRAMES).shown.map(({ sequence, landmarks }) => [sequence, landmarks]),
);

/** The share of frames whose lips are more than 2 px from where they are on a quiet network. */
function shareOff({ shown }: { readonly shown: readonly Shown[] }): number {
  let last: Landmarks | undefined;
  const off = shown.filter(({ sequence, landmarks }) => {
    last = landmarks ?? last;
    const wanted = quiet.get(sequence);
    return wanted && (!last || lipDistance(last, wanted) > 2);
  });
  return off.length / FRAMES;
}

function lipDistance(a: Landmarks, b: Landmarks): number {
  const far = (p: number) => Math.hypot(a[3 * p] - b[3 * p], a[3 * p + 1] - b[3 * p + 1]);
  return LIPS.reduce((sum, p) => sum + far(p), 0) / LIPS.length;
}

/** The longest time between two frames on show. */
function longestGap(shown: readonly Shown[]): number {
  return Math.max(...shown.slice(1).map(({ atMs }, i) => atMs - shown[i].atMs));
}

describe('what the application sees', () => {
  it('says how frames came about, and what is shown for want of them', () => {
    const one = simulatedCall({ outages: [[3000, 6000]] });
    one.connect();
    const seen: string[] = [];
    for (let frame = 0; frame < 250; frame++) {
      one.stream(1);
      const { concealment } = one.receiver.getStats();
      if (concealment !== seen.at(-1)) seen.push(concealment);
    }
    expect(seen).toEqual(['none', 'extrapolated', 'held', 'none']);
    const { framesByOrigin } = one.receiver.getStats();
    const counted = Object.entries(framesByOrigin).map(
      ([origin, frames]) => frames - one.shown.filter((frame) => frame.origin === origin).length,
    );
    expect(counted).toEqual([0, 0, 0, 0]);
    expect(framesByOrigin.extrapolated).toBe(25);
  });

  it('knows when frames were captured, by its own clock, made-up ones too', () => {
    const loss = { loss: 0.2, seed: 2 };
    // Ten days later, and over the wraps of the wire's 16 bits.
    const one = simulatedCall({ forward: loss, senderClockMs: 864e6 });
    one.connect();
    const startMs = one.now;
    one.stream(2000);
    const known = one.shown.filter(({ capturedMs }) => capturedMs !== undefined);
    expect(known.length).toBeGreaterThan(1900);
    for (const { capturedMs, sequence, origin } of known) {
      if (origin === 'decoded') expect(capturedMs).toBeCloseTo(startMs + 40 * sequence, -0.5);
    }
    for (const [i, frame] of known.slice(1).entries()) {
      expect(Math.abs(frame.capturedMs! - known[i].capturedMs! - 40)).toBeLessThan(45);
    }
  });
});

describe('a state that is not the sender’s', () => {
  // A predicted packet has 8 bits of its digest: of damage, which DTLS lets none through, they find all but
  // one in 256. These seeds are not the one.
  it.each([2, 3, 4, 5])('is never shown, whatever became of the messages (seed %i)', (seed) => {
    const random = seeded(seed);
    let damaged = 0;
    const one = simulatedCall({
      sender: { framesPerPacket: 1 + (seed % 4), redundancy: seed % 2 },
      forward: { seed, loss: 0.1, duplicate: 0.2, reorder: { probability: 0.2, byMs: 90 } },
      onForward: (message) => {
        if (random() > 0.1) return message;
        damaged++;
        // In the body: the header's fields are no part of the state.
        const at = message.length - 1 - Math.floor((random() * message.length) / 4);
        return message.map((byte, i) => (i === at ? byte ^ (1 << Math.floor(8 * random())) : byte));
      },
    });
    const truth = new Map<number, MotionState>();
    const sender = new MotionDepacketizer(WARP_TABLES, 40);
    const { forward } = one.links.motion;
    const send = forward.send.bind(forward);
    forward.send = (message, nowMs) => {
      for (const { sequence, state } of sender.receive(message, nowMs)) truth.set(sequence, state);
      send(message, nowMs);
    };
    one.connect();
    one.stream(500);
    one.hangUp();
    expect(damaged).toBeGreaterThan(10);
    const { drops, framesByOrigin } = one.receiver.getStats();
    expect(drops['digest-mismatch']).toBeGreaterThan(5);
    expect(framesByOrigin.decoded).toBeGreaterThan(250);
    const identity = parseIdentity(IDENTITY);
    if (!identity.ok) throw new Error(identity.drop);
    const model = new MotionModel(PACK.basis, identity.value.neutral);
    for (const { origin, sequence, landmarks } of one.shown) {
      if (origin !== 'decoded') continue;
      const { values, quantiser } = truth.get(sequence)!;
      expect([sequence, lipDistance(landmarks!, model.reconstruct(values, quantiser))]).toEqual([
        sequence,
        0,
      ]);
    }
  });
});

describe.each(FRAMES_PER_MESSAGE)('a call of %i frames a message', (framesPerMessage) => {
  it('at 10 % loss shows at most 1 % of the frames otherwise than a quiet network', () => {
    const forward = { loss: 0.1, seed: 3 };
    expect(shareOff(call(framesPerMessage, FRAMES, { forward, backward: forward }))).toBeLessThan(
      0.01,
    );
  });

  it('at 5 % loss in bursts of 4 messages at most 3 %', () => {
    const forward = { burstLoss, seed: 4 };
    expect(shareOff(call(framesPerMessage, FRAMES, { forward, backward: forward }))).toBeLessThan(
      0.03,
    );
  });

  const phases = [0, 50, 100, 150].flatMap((phase) => [
    [0, phase],
    [1, phase],
  ]);
  it.each(phases)(
    'with %i copies is back within 300 ms of an outage of 2 s, begun at +%i ms',
    (redundancy, phase) => {
      const outage = [4000 + phase, 6000 + phase] as const;
      const { shown } = call(framesPerMessage, 200, { outages: [outage] }, redundancy);
      const back = shown.find(({ atMs, origin }) => atMs > outage[1] && origin === 'decoded');
      expect(back!.atMs - outage[1]).toBeLessThan(300);
      expect(longestGap(shown.filter(({ atMs }) => atMs >= back!.atMs))).toBeLessThan(100);
    },
  );

  it('does not stall in 200 ms of jitter once the buffer has adapted', () => {
    const forward = { jitterMs: 200, seed: 5 };
    const { shown } = call(framesPerMessage, 600, { forward, backward: forward });
    const adapted = shown.slice(250, -10);
    expect(longestGap(adapted)).toBeLessThan(100);
    expect(adapted.some(({ origin }) => origin === 'held')).toBe(false);
  });
});

describe.each(RATE_PRESETS)('the preset %s, from the first frame of the call on', (preset) => {
  const shareOf = (forward: Partial<SimulatedLinkOptions>) =>
    shareOff(callOf({ preset }, FRAMES, { forward, backward: forward }));

  it('at 10 % loss shows at most 1 % of the frames otherwise than a quiet network', () => {
    expect(shareOf({ loss: 0.1, seed: 3 })).toBeLessThan(0.01);
  });

  it('at 5 % loss in bursts of 4 messages at most 3 %', () => {
    expect(shareOf({ burstLoss, seed: 4 })).toBeLessThan(0.03);
  });
});
