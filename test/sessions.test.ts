import { describe, expect, it } from 'vitest';
import { encodeControlMessage } from '../src/protocol/control-codec.js';
import { serialiseFeedback } from '../src/protocol/feedback.js';
import { type CallOptions, faceAt, PACK, simulatedCall } from './support/call.js';
import type { Shown } from './support/simulated-call.js';

/** A whole call of `frames` frames. */
function call(
  frames: number,
  options: CallOptions = {},
  face?: (index: number) => Float32Array | undefined,
) {
  const all = simulatedCall(options);
  all.connect();
  all.stream(frames, face);
  all.hangUp();
  return all;
}

const numbers = (shown: readonly Shown[]) => shown.map((frame) => frame.sequence);
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);
/** Every number once and in order, from the first frame that arrived on. */
function expectGapless(shown: readonly Shown[], count: number): void {
  const [first] = numbers(shown);
  expect(first).toBeLessThan(10);
  expect(numbers(shown)).toEqual(upTo(count).slice(first));
}
const origins = (shown: readonly Shown[]) => {
  const counts = { decoded: 0, interpolated: 0, extrapolated: 0, held: 0 };
  for (const { origin } of shown) if (origin !== 'still') counts[origin]++;
  return counts;
};
/** The origins in order, each run once. */
const ladder = (shown: readonly Shown[]) =>
  shown.map(({ origin }) => origin).filter((origin, index, all) => origin !== all[index - 1]);

/** Every decoded frame shows the face that was sent, within what quantising costs. */
function expectFaces(shown: readonly Shown[]): void {
  const decoded = shown.filter((frame) => frame.origin === 'decoded' && frame.landmarks);
  for (const { sequence, landmarks } of decoded) {
    const truth = faceAt(sequence);
    let sum = 0;
    for (let p = 0; p < 468; p++) {
      sum += Math.hypot(landmarks![3 * p] - truth[3 * p], landmarks![3 * p + 1] - truth[3 * p + 1]);
    }
    if (sum / 468 > 1.5) throw new Error(`frame ${sequence} is off by ${sum / 468}`);
  }
}

function expectEnded({ receiver, sender }: ReturnType<typeof simulatedCall>): void {
  expect(receiver.status).toMatchObject({ state: 'ended', by: 'peer' });
  expect(sender.status).toMatchObject({ state: 'ended', by: 'us' });
  expect([receiver.nextTimeout(), sender.nextTimeout()]).toEqual([undefined, undefined]);
}

describe('a call without loss', () => {
  const one = call(250);
  const { shown } = one;

  it('shows every frame once, in order, as it was', () => {
    expect(numbers(shown)).toEqual(upTo(250));
    expect(origins(shown)).toEqual({ decoded: 250, interpolated: 0, extrapolated: 0, held: 0 });
    expectFaces(shown);
    expectEnded(one);
    expect(one.receiver.getStats()).toMatchObject({
      framesReceived: 250,
      framesLate: 0,
      drops: {},
    });
    expect(one.sender.getStats()).toMatchObject({ framesSent: 250, lossFraction: 0, drops: {} });
  });

  it('spaces them as they were captured, after a bounded delay', () => {
    const steady = shown.slice(5);
    steady.slice(1).forEach((frame, index) => {
      const gap = frame.atMs - steady[index].atMs;
      expect(gap).toBeGreaterThan(37);
      expect(gap).toBeLessThan(43);
      expect(frame.atMs - frame.receivedMs!).toBeLessThan(60);
    });
    // A bundle's first frame waits for its second, then 20 ms of network and 10 ms of margin.
    for (const frame of steady) {
      expect(frame.atMs - (shown[0].receivedMs! - 20 + frame.sequence * 40)).toBeLessThan(80);
    }
  });

  it('costs a feedback each five seconds', () => {
    expect(one.feedbacks).toBe(2);
    expect(one.sender.getStats().acknowledged).toBeGreaterThan(120);
  });

  it('measures the clock of the sender', () => {
    const { receiver } = call(10, { senderClockMs: 5_000_000 });
    expect(receiver.getStats().clock).toEqual({ offset: 5_000_000, roundTrip: 40 });
  });

  it('goes on for 240 s over the wraps of the timestamp, from any clock', () => {
    const long = call(6000, { senderClockMs: 1.7e12 });
    expect(numbers(long.shown)).toEqual(upTo(6000));
    expect(origins(long.shown).decoded).toBe(6000);
    const times = long.shown.map((frame) => frame.captureMs - frame.sequence * 40);
    expect(Math.max(...times) - Math.min(...times)).toBeLessThan(2);
    expect(long.receiver.getStats().playoutDelayMs).toBeLessThan(80);
  });
});

describe('a call over a bad network', () => {
  it('10 % random loss: the holes are made up, and every number is shown once', () => {
    const { shown, ...rest } = call(1000, { forward: { loss: 0.1, seed: 2 } });
    expectGapless(shown, 1000);
    expect(origins(shown).decoded).toBeGreaterThan(600);
    expect(origins(shown).held).toBe(0);
    expectFaces(shown);
    expectEnded({ shown, ...rest } as ReturnType<typeof simulatedCall>);
    expect(rest.sender.getStats().lossFraction).toBeGreaterThan(0);
  });

  it('10 % random loss with redundancy: hardly a frame is lost', () => {
    const { shown } = call(1000, { forward: { loss: 0.1, seed: 2 }, sender: { redundancy: 2 } });
    expectGapless(shown, 1000);
    expect(origins(shown).decoded).toBeGreaterThan(980);
  });

  it('loss of feedback too: requests are repeated', () => {
    const { shown } = call(1000, {
      forward: { loss: 0.1, seed: 3 },
      backward: { loss: 0.5, seed: 4 },
    });
    expectGapless(shown, 1000);
    expect(origins(shown).decoded).toBeGreaterThan(500);
  });

  it('bursts (Gilbert–Elliott): it recovers after each', () => {
    const burstLoss = { enterBad: 0.02, leaveBad: 0.2, lossGood: 0.005, lossBad: 0.9 };
    const { shown, receiver } = call(1500, { forward: { burstLoss, seed: 5 } });
    expectGapless(shown, 1500);
    expect(origins(shown).decoded).toBeGreaterThan(1200);
    expectFaces(shown);
    expect(receiver.status.state).toBe('ended');
  });

  it.each([0, 1, 2, 3])(
    'an outage of 2 s (phase %i): the ladder, then recovery within 300 ms',
    (phase) => {
      const { shown, receiver } = call(200, {
        forward: { outages: [[3000 + phase * 20, 5000 + phase * 20]] },
        backward: { outages: [[3000 + phase * 20, 5000 + phase * 20]] },
      });
      // What comes first may follow at once on the picture that was held, or a frame later.
      const steps = ladder(shown).filter((origin) => origin !== 'interpolated');
      expect(steps).toEqual(['decoded', 'extrapolated', 'held', 'decoded']);
      const back = shown.find((frame) => frame.origin === 'decoded' && frame.receivedMs! > 5000);
      expect(back!.atMs - (5000 + phase * 20)).toBeLessThanOrEqual(300);
      const after = shown.filter((frame) => frame.sequence > back!.sequence);
      expect(origins(after).decoded).toBe(after.length);
      expectGapless(shown, 200);
      expect(receiver.getStats().playoutDelayMs).toBeLessThan(200);
    },
  );

  it('jitter of 200 ms: no stall after adaptation', () => {
    const { shown, receiver } = call(1000, { forward: { jitterMs: 200, seed: 6 } });
    const settled = shown.filter((frame) => frame.sequence >= 100);
    expect(origins(settled).decoded).toBeGreaterThan(0.99 * settled.length);
    settled.slice(1).forEach((frame, index) => {
      expect(frame.atMs - settled[index].atMs).toBeLessThan(110);
    });
    expect(receiver.getStats().playoutDelayMs).toBeLessThan(300);
  });

  it('reordering and duplication: nothing is missing, nothing is shown twice', () => {
    const { shown, receiver } = call(800, {
      forward: { reorder: { probability: 0.15, byMs: 130 }, duplicate: 0.2, seed: 9 },
    });
    expectGapless(shown, 800);
    expect(origins(shown).decoded).toBeGreaterThan(780);
    expect(receiver.getStats().framesReceived).toBe(800);
    expect(receiver.getStats().drops.duplicate).toBeGreaterThan(50);
    expectFaces(shown);
  });
});

describe('a sender that pauses', () => {
  it('is shown again from its first frame on, and keeps the delay', () => {
    const one = simulatedCall();
    one.connect();
    one.stream(50);
    for (const pause of [300, 3000, 70_000]) {
      one.run(one.now + pause);
      one.stream(50);
    }
    one.hangUp();
    const decoded = one.shown.filter((frame) => frame.origin === 'decoded');
    expect(numbers(decoded)).toEqual(upTo(200));
    expect(one.receiver.getStats().playoutDelayMs).toBeLessThan(100);
    expect(one.receiver.status.state).toBe('ended');
  });

  it('and one slower than it said is shown frame by frame', () => {
    const one = simulatedCall({ sender: { framesPerPacket: 1 } });
    one.connect();
    for (let index = 0; index < 60; index++) {
      one.sender.sendFrame(faceAt(index), one.now);
      one.run(one.now + 130);
    }
    one.hangUp();
    const decoded = one.shown.filter((frame) => frame.origin === 'decoded');
    expect(numbers(decoded)).toEqual(upTo(60));
  });
});

describe('no face', () => {
  it('is held, and the face is never mixed with one that was not there', () => {
    const { shown } = call(300, { forward: { loss: 0.15, seed: 12 } }, (index) =>
      index % 60 >= 40 ? undefined : faceAt(index),
    );
    expectGapless(shown, 300);
    const faceless = shown.filter(
      ({ sequence, origin }) => origin === 'decoded' && sequence % 60 >= 40,
    );
    expect(faceless.length).toBeGreaterThan(50);
    expect(faceless.every((frame) => frame.landmarks === undefined)).toBe(true);
    expectFaces(shown);
    for (const { landmarks } of shown) {
      if (landmarks) expect(Math.abs(landmarks[3] - 128)).toBeLessThan(60);
    }
  });

  it('from the first frame on is a stream too', () => {
    const { shown } = call(80, {}, (index) => (index < 40 ? undefined : faceAt(index)));
    expectGapless(shown, 80);
    expect(shown.findIndex((frame) => frame.landmarks)).toBe(40);
    expectFaces(shown);
  });
});

describe('unpaced', () => {
  it.each([0, 0.1])('loss %d: as fast as it comes, every number once', (loss) => {
    const one = simulatedCall({ sender: { unpaced: true }, forward: { loss, seed: 13 } });
    one.connect();
    expect(one.receiver.unpaced).toBe(true);
    const started = one.now;
    for (let index = 0; index < 600; index++) {
      one.sender.sendFrame(faceAt(index), one.now);
      one.run(one.now + 4);
    }
    one.hangUp();
    expectGapless(one.shown, 600);
    expect(origins(one.shown).decoded).toBeGreaterThan(loss ? 200 : 599);
    expect(one.shown.at(-1)!.atMs - started).toBeLessThan(3000);
    expect(one.sender.getStats().acknowledged).toBeGreaterThan(500);
    expectFaces(one.shown);
    expect(one.receiver.status.state).toBe('ended');
  });
});

describe('a wrong state', () => {
  it('is dropped, repaired, and not shown', () => {
    let messages = 0;
    const { shown, receiver } = call(300, {
      // A byte of the body that no channel would change: the states go apart.
      onForward: (message) => {
        if (++messages % 40 !== 20) return message;
        const changed = message.slice();
        changed[changed.length - 3] ^= 0x5a;
        return changed;
      },
    });
    expect(receiver.getStats().drops['digest-mismatch']).toBeGreaterThan(0);
    expectGapless(shown, 300);
    expect(origins(shown).decoded).toBeGreaterThan(250);
    expectFaces(shown);
  });
});

describe('the ends of a call', () => {
  it('a short stream whose motion is all lost ends', () => {
    const { receiver, shown } = call(3, { forward: { loss: 1 } });
    expect(receiver.status).toMatchObject({ state: 'ended', by: 'peer', figures: { frames: 3 } });
    expect(shown).toEqual([]);
  });

  it('three frames are shown though the goodbye comes with them', () => {
    const one = simulatedCall({ sender: { framesPerPacket: 4 } });
    one.connect();
    for (let index = 0; index < 3; index++) one.sender.sendFrame(faceAt(index), one.now);
    one.hangUp();
    expect(numbers(one.shown)).toEqual([0, 1, 2]);
    expectEnded(one);
  });

  it('a goodbye of a million frames costs a hole at most', () => {
    const one = simulatedCall();
    one.connect();
    one.stream(20);
    const figures = { frames: 4e9 };
    one.receiver.receiveControl(
      encodeControlMessage({ type: 'bye', reason: 'ended', message: '', figures }),
      one.now,
    );
    one.run(one.now + 2000);
    expect(one.shown.length).toBeLessThan(20 + 300);
    expect(one.receiver.status.state).toBe('ended');
  });

  it('a receiver that vanishes leaves the sender streaming, with bounded memory', () => {
    const one = simulatedCall();
    one.connect();
    one.stream(50);
    const heard = one.sender.getStats().acknowledged;
    for (let index = 0; index < 1000; index++)
      one.sender.sendFrame(faceAt(index), one.now + index * 40);
    let queued = 0;
    while (one.sender.poll(0)) queued++;
    expect(queued).toBe(32);
    expect(one.sender.status.state).toBe('streaming');
    expect(one.sender.getStats().acknowledged).toBe(heard);
    one.sender.end();
    const rest = [one.sender.poll(0), one.sender.poll(0), one.sender.poll(0)];
    expect(rest.map((out) => out?.channel)).toEqual(['motion', 'control', undefined]);
  });

  it('a sender that vanishes leaves the receiver holding the last frame, without a timer', () => {
    const one = simulatedCall();
    one.connect();
    one.stream(50);
    one.run(one.now + 60_000);
    expect(ladder(one.shown)).toEqual(['decoded', 'extrapolated', 'held']);
    expect(one.shown.length).toBe(100);
    expect(one.receiver.nextTimeout()).toBeUndefined();
    expect(one.receiver.status.state).toBe('streaming');
  });

  it('a sender that says goodbye amid the identity ends the receiver', () => {
    const one = simulatedCall();
    one.run(30);
    one.sender.end();
    one.run(2000);
    expect(one.receiver.status).toMatchObject({ state: 'ended', by: 'peer' });
    expect(one.receiver.offeredIdentity).toBeUndefined();
    expect(one.shown).toEqual([]);
  });

  it('a receiver that hangs up ends the sender', () => {
    const one = simulatedCall();
    one.connect();
    one.stream(20);
    one.receiver.end();
    one.run(one.now + 100);
    expect(one.sender.status).toMatchObject({ state: 'ended', by: 'peer' });
    expect(() => one.sender.sendFrame(faceAt(0), one.now)).toThrow(
      'sendFrame: the session is ended, not streaming',
    );
  });

  it('an identity other than the offered one is not taken into use', () => {
    const one = simulatedCall({ undecided: true });
    one.run(500);
    one.receiver.useIdentity({ ...one.receiver.offeredIdentity! });
    expect(one.receiver.status).toEqual({ state: 'connecting' });
    one.receiver.useIdentity(one.receiver.offeredIdentity!);
    expect(one.receiver.status).toEqual({ state: 'streaming' });
  });

  it('an identity taken into use after the end changes nothing', () => {
    const one = simulatedCall({ undecided: true });
    one.run(500);
    const identity = one.receiver.offeredIdentity!;
    expect(identity).toBeDefined();
    one.receiver.end();
    one.receiver.useIdentity(identity);
    one.receiver.refuseIdentity(identity, 'late', 'late');
    expect(one.receiver.status).toMatchObject({ state: 'ended', by: 'us' });
  });
});

describe('calls that come to nothing', () => {
  it('another pack: both sides say so', () => {
    const other = { ...PACK, identity: { name: 'warp', sha256: 'ab'.repeat(32) } };
    const one = simulatedCall({ receiver: { pack: other } });
    one.run(3000);
    for (const { status } of [one.sender, one.receiver]) {
      expect(status).toMatchObject({ state: 'failed', code: 'pack-mismatch' });
      expect(status.state === 'failed' && status.message).toContain('abababab');
    }
  });

  it('another protocol version: both sides say so', () => {
    const one = simulatedCall();
    const hello = encodeControlMessage({
      type: 'hello',
      version: { major: 2, minor: 0 },
      library: 'visavis 9.0.0',
      terms: undefined,
    });
    one.receiver.receiveControl(hello, 0);
    expect(one.receiver.status).toMatchObject({ state: 'failed', code: 'version-mismatch' });
    one.sender.receiveControl(one.receiver.poll(0)!.bytes, 0);
    expect(one.sender.status).toMatchObject({ state: 'failed', code: 'version-mismatch' });
  });

  it('a peer that never answers: a timeout after 10 s', () => {
    const one = simulatedCall({ hears: false });
    one.run(11_000);
    expect(one.sender.status).toMatchObject({ state: 'failed', code: 'timeout' });
  });

  it('an answer that the sender does not accept ends the receiver, though that had agreed', () => {
    const one = simulatedCall();
    one.run(30);
    one.receiver.receiveControl(
      encodeControlMessage({
        type: 'reject',
        version: { major: 1, minor: 0 },
        code: 'stream-mismatch',
        message: 'update the receiver',
      }),
      30,
    );
    expect(one.receiver.status).toEqual({
      state: 'failed',
      code: 'stream-mismatch',
      message: 'update the receiver',
    });
  });

  it('an identity that the receiver refuses', () => {
    const one = simulatedCall({ refuse: 'the pictures cannot be decoded: enrol again' });
    one.run(2000);
    const expected = { state: 'failed', code: 'unusable-identity' };
    expect(one.receiver.status).toMatchObject(expected);
    expect(one.sender.status).toMatchObject({
      ...expected,
      message: 'the pictures cannot be decoded: enrol again',
    });
  });

  it.each([
    ['framesPerPacket', 0],
    ['framesPerPacket', 5],
    ['redundancy', 4],
    ['redundancy', 1.5],
    ['fps', 0],
    ['fps', Number.NaN],
  ])('a bad option is named: %s = %d', (name, value) => {
    expect(() => simulatedCall({ sender: { [name]: value } })).toThrow(TypeError);
    expect(() => simulatedCall({ sender: { [name]: value } })).toThrow(name);
  });

  it('an identity that is asked for again is sent again, once', () => {
    const one = simulatedCall();
    one.connect();
    one.stream(10);
    const before = one.sender.getStats().identityBytes;
    const ask = serialiseFeedback({
      newestSequence: undefined,
      lossFraction: 0,
      needsRecovery: false,
      needsIndependent: false,
      needsIdentity: true,
    });
    for (let index = 0; index < 50; index++) one.sender.receiveMotion(ask);
    one.stream(10);
    // The receiver has it already: an offer is all that it takes.
    expect(one.sender.getStats().identityBytes - before).toBeLessThan(200);
    expect(one.sender.status.state).toBe('streaming');
  });
});
