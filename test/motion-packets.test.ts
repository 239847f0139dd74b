import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFeedback, serialiseFeedback } from '../src/protocol/feedback.js';
import { MAX_MOTION_MESSAGE_BYTES } from '../src/protocol/limits.js';
import type { MotionState } from '../src/protocol/motion-codec.js';
import { MotionDepacketizer, type ReceivedFrame } from '../src/protocol/motion-depacketizer.js';
import {
  MAX_MOTION_PACKET_BYTES,
  type MotionMessage,
  parseMotion,
  serialiseMotion,
} from '../src/protocol/motion-packet.js';
import type { MotionPacketizer } from '../src/protocol/motion-packetizer.js';
import {
  ACTIVITY_CONTEXTS,
  LENGTH_SYMBOLS,
  type MotionTables,
  RESIDUAL_SYMBOLS,
  tableFromCounts,
} from '../src/protocol/motion-tables.js';
import { extendSerial } from '../src/protocol/serial.js';
import { DROP_CODES, hostileBytes } from './hostile.js';
import { recordedSender, stream, WARP_TABLES, walk } from './support/motion-stream.js';

/** Tables of `n` values where every symbol is as likely: for streams that must be cheap to code. */
function flatTables(n: number): MotionTables {
  const flat = (symbols: number) => tableFromCounts(new Array(symbols).fill(1));
  return {
    valueCount: n,
    residual: Array.from({ length: n }, () =>
      Array.from({ length: ACTIVITY_CONTEXTS }, () => flat(RESIDUAL_SYMBOLS)),
    ),
    length: Array.from({ length: n }, () => flat(LENGTH_SYMBOLS)),
  };
}
const TWO = flatTables(2);
const small = { tables: TWO };

const sequences = (frames: readonly ReceivedFrame[]) => frames.map((frame) => frame.sequence);

function feedback(packetizer: MotionPacketizer, change: object): Uint8Array | undefined {
  return packetizer.handleFeedback({
    newestSequence: undefined,
    lossFraction: 0,
    needsRecovery: false,
    needsIndependent: false,
    needsIdentity: false,
    ...change,
  });
}

const UNASKED = { needsRecovery: false, needsIndependent: false, needsIdentity: false };

/** A sender of two frames a message that sends each n-th frame. */
const strided = (stride: number) => recordedSender({ ...small, framesPerPacket: 2, stride });

describe('serial numbers', () => {
  it('extend to the nearest number', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), fc.integer({ min: -32768, max: 32767 }), (near, away) => {
        const full = near + away;
        const low = ((full % 65536) + 65536) % 65536;
        expect(extendSerial(low, near, 16)).toBe(full);
      }),
      { seed: 6 },
    );
  });
});

describe('motion packets', () => {
  const interval = fc.nat(0xffff);
  const message: fc.Arbitrary<MotionMessage> = fc
    .record({
      sequence: fc.nat(0xffff),
      timestamp: fc.nat(0xffff),
      frameCount: fc.integer({ min: 1, max: 4 }),
      explicit: fc.boolean(),
      stride: fc.integer({ min: 1, max: 4 }),
      strided: fc.boolean(),
      all: fc.array(interval, { minLength: 3, maxLength: 3 }),
      coding: fc.oneof(
        fc.record({
          kind: fc.constant('predicted' as const),
          referenceDistance: fc.integer({ min: 1, max: 64 }),
          digest: fc.nat(255),
        }),
        fc.record({
          kind: fc.constant('independent' as const),
          quantiser: fc.nat(15),
          digest: fc.nat(0xffffffff),
        }),
      ),
      body: fc.uint8Array({ maxLength: 40 }),
      redundant: fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 3 }),
    })
    .map(({ explicit, all, redundant, strided, stride, coding, ...packet }) => {
      const predicted = coding.kind === 'predicted';
      return {
        packet: {
          ...packet,
          intervals: explicit ? all.slice(0, packet.frameCount - 1) : undefined,
          coding: predicted && strided ? { ...coding, referenceDistance: stride } : coding,
          stride: predicted && !strided ? 1 : stride,
        },
        redundant,
      };
    });

  it('read back as they were written', () => {
    fc.assert(
      fc.property(message, ({ packet, redundant }) => {
        const parsed = parseMotion(serialiseMotion(packet, redundant));
        expect(parsed).toEqual({ ok: true, value: { packet, redundant } });
      }),
      { numRuns: 1000, seed: 7 },
    );
  });

  it.each([
    ['nothing', [], 'truncated'],
    ['a header cut short', [0x00, 0, 1, 0], 'truncated'],
    ['an unknown type', [0xc0, 0, 0, 0, 0, 0], 'unknown-type'],
    ['feedback where motion is read', [0x80, 0, 0, 0], 'unknown-type'],
    ['an independent stride above 4', [0x40, 0, 0, 0, 0, 0x44, 0, 0, 0, 0], 'malformed'],
    ['a predicted stride of 1', [0x02, 0, 0, 0, 0, 0x81, 0], 'malformed'],
    ['a predicted stride of 5', [0x02, 0, 0, 0, 0, 0x85, 0], 'malformed'],
    ['a reference in an independent packet', [0x42, 0, 0, 0, 0, 4, 0, 0, 0, 0], 'malformed'],
    ['a reference distance of 0', [0x02, 0, 0, 0, 0, 0, 0], 'malformed'],
    ['a reference distance of 65', [0x02, 0, 0, 0, 0, 65, 0], 'malformed'],
    ['an interval over 65535', [0x11, 0, 0, 0, 0, 0, 0x80, 0x80, 0x04], 'malformed'],
    ['a copy longer than the message', [0x04, 0, 0, 0, 0, 0, 9, 1, 2], 'truncated'],
  ])('%s: dropped', (_name, bytes, drop) => {
    expect(parseMotion(Uint8Array.from(bytes))).toEqual({ ok: false, drop });
  });

  it('too long: dropped', () => {
    const bytes = new Uint8Array(MAX_MOTION_PACKET_BYTES + 1);
    expect(parseMotion(bytes)).toEqual({ ok: false, drop: 'over-limit' });
  });
});

describe('feedback', () => {
  const message = fc.record({
    newestSequence: fc.option(fc.nat(0xffff), { nil: undefined }),
    lossFraction: fc.nat(255),
    queueMs: fc.nat(255).map((steps) => 8 * steps),
    needsRecovery: fc.boolean(),
    needsIndependent: fc.boolean(),
    needsIdentity: fc.boolean(),
  });

  it('reads back as it was written, and ignores what later versions add', () => {
    fc.assert(
      fc.property(message, fc.uint8Array({ maxLength: 5 }), (value, more) => {
        const bytes = serialiseFeedback(value);
        expect(bytes.length).toBe(5);
        expect(parseFeedback(Uint8Array.of(...bytes, ...more))).toEqual({ ok: true, value });
      }),
      { seed: 8 },
    );
  });

  it('may say nothing of the queue, or more than can be said', () => {
    const said = { newestSequence: 7, lossFraction: 3, ...UNASKED };
    expect(parseFeedback(serialiseFeedback(said))).toEqual({ ok: true, value: said });
    expect(serialiseFeedback(said).length).toBe(4);
    const far = parseFeedback(serialiseFeedback({ ...said, queueMs: 9999 }));
    expect(far.ok && far.value.queueMs).toBe(2040);
  });

  it('from anywhere is read or dropped', () => {
    const valid = [
      serialiseFeedback({
        newestSequence: 7,
        lossFraction: 3,
        needsRecovery: true,
        needsIndependent: false,
        needsIdentity: false,
      }),
    ];
    const codes = new Set<string>();
    fc.assert(
      fc.property(hostileBytes(valid), (bytes) => {
        const parsed = parseFeedback(bytes);
        codes.add(parsed.ok ? 'ok' : parsed.drop);
      }),
      { numRuns: 2000, seed: 9 },
    );
    expect([...codes].sort()).toEqual(['ok', 'truncated', 'unknown-type']);
  });
});

describe('packetizer and depacketizer', () => {
  it('give every frame back, in order, with its state and time', () => {
    const { messages, states } = stream(walk(1, 200));
    const depacketizer = new MotionDepacketizer(WARP_TABLES, 40);
    const frames = messages.flatMap((message) => depacketizer.receive(message, 0));
    expect(sequences(frames)).toEqual(states.map((_, index) => index));
    expect(frames.map((frame) => frame.state)).toEqual(states);
    expect(frames.map((frame) => frame.captureMs)).toEqual(states.map((_, index) => index * 40));
    expect(depacketizer.takeDrops()).toEqual([]);
  });

  it('send the first frame alone, then bundles, then what is left', () => {
    const { messages } = stream(walk(1, 9), { framesPerPacket: 3 });
    const counts = messages.map((bytes) => {
      const parsed = parseMotion(bytes);
      return parsed.ok ? [parsed.value.packet.coding.kind, parsed.value.packet.frameCount] : parsed;
    });
    expect(counts).toEqual([
      ['independent', 1],
      ['predicted', 3],
      ['predicted', 3],
      ['predicted', 2],
    ]);
  });

  it('place frames that come irregularly, over the wrap of the timestamp', () => {
    const sender = recordedSender(small);
    const times = [65_000];
    for (let index = 1; index < 300; index++)
      times.push(times[index - 1] + 20 + ((index * 37) % 900));
    const messages = times.map((ms, index) => sender.add(Int16Array.of(index, -index), ms));
    const depacketizer = new MotionDepacketizer(TWO, 40);
    const frames = [...messages, sender.packetizer.flush()].flatMap((message, index) =>
      message ? depacketizer.receive(message, times[Math.min(index, 299)] + 500) : [],
    );
    expect(frames.map((frame) => frame.captureMs)).toEqual(times);
  });

  it('keep the time through a pause and an outage longer than the timestamp', () => {
    const sender = recordedSender({ ...small, framesPerPacket: 1 });
    const depacketizer = new MotionDepacketizer(TWO, 40);
    const hear = (ms: number, delay: number) =>
      depacketizer.receive(sender.add(Int16Array.of(1, 2), ms)!, ms + delay)[0]?.captureMs;
    expect(hear(1000, 30)).toBe(1000);
    expect(hear(1040, 90)).toBe(1040);
    // A pause: the clock tells.
    expect(hear(301_040, 30)).toBe(301_040);
    // An unpaced stream, where 3000 frames were lost within a second: the numbers tell.
    for (let index = 1; index <= 3000; index++)
      sender.add(Int16Array.of(1, 2), 301_040 + index * 40);
    const late = feedback(sender.packetizer, { needsIndependent: true })!;
    expect(depacketizer.receive(late, 302_000)[0].captureMs).toBe(301_040 + 3000 * 40);
  });

  it('go on over the wrap of the sequence', () => {
    const sender = recordedSender({ ...small, framesPerPacket: 4, independentInterval: 100 });
    const depacketizer = new MotionDepacketizer(TWO, 40);
    let next = 0;
    for (let index = 0; index < 70_000; index++) {
      const message = sender.add(Int16Array.of(index & 7, (index >> 3) & 7), index * 40);
      if (!message) continue;
      for (const frame of depacketizer.receive(message, index * 40)) {
        if (frame.sequence !== next || frame.captureMs !== next * 40) throw new Error(`${next}`);
        next++;
      }
      if (next % 25 === 0) feedback(sender.packetizer, { newestSequence: (next - 1) & 0xffff });
    }
    expect(next).toBeGreaterThan(69_990);
    expect(sender.packetizer.acknowledged).toBeGreaterThan(69_900);
    expect(depacketizer.takeDrops()).toEqual([]);
  });

  it('leave out the frames between, where a stride is set, and number the others as before', () => {
    const sender = strided(2);
    const captured = (ms: number) => ms + (ms === 400 ? 20 : 0);
    const messages = Array.from({ length: 40 }, (_, index) =>
      sender.add(Int16Array.of(index, -index), captured(index * 40)),
    ).filter((message) => message !== undefined);
    const depacketizer = new MotionDepacketizer(TWO, 40);
    const got = messages.flatMap((message) => depacketizer.receive(message, 0));
    // The first frame begins a chain; then each second one.
    expect(sequences(got)).toEqual(Array.from({ length: 19 }, (_, index) => 2 * index));
    expect(got.map((frame) => frame.state)).toEqual(sender.states.slice(0, 19));
    expect(got.map((frame) => frame.captureMs)).toEqual(
      got.map((frame) => captured(frame.sequence * 40)),
    );
    expect(new Set(got.map((frame) => frame.stride))).toEqual(new Set([2]));
  });

  it('change their settings from bundle to bundle, the quantiser with an independent frame', () => {
    const sender = strided(1);
    const { packetizer } = sender;
    const depacketizer = new MotionDepacketizer(TWO, 40);
    const got: ReceivedFrame[] = [];
    const run = (count: number) => {
      for (let index = 0; index < count; index++) {
        const message = sender.add(Int16Array.of(index, 3), packetizer.sequence * 40);
        if (message) got.push(...depacketizer.receive(message, 0));
      }
    };
    run(9);
    packetizer.settings = { framesPerPacket: 4, stride: 3, redundancy: 1, quantiser: 7 };
    run(13);
    expect(got.at(-1)).toMatchObject({ sequence: 21, stride: 3, state: { quantiser: 4 } });
    packetizer.settings = { ...packetizer.settings, framesPerPacket: 1, stride: 1 };
    packetizer.restart();
    run(2);
    expect(sequences(got).slice(-4)).toEqual([18, 21, 22, 23]);
    expect(got.at(-1)!.state.quantiser).toBe(7);
    expect(got.map((frame) => frame.state)).toEqual(sender.states);
    expect(depacketizer.takeDrops()).toEqual([]);
    const bad = () => {
      packetizer.settings = { ...packetizer.settings, stride: 5 };
    };
    expect(bad).toThrow(new TypeError('stride: must be a whole number 1–4, not 5'));
  });

  it('bound the chain of prediction', () => {
    const { messages } = stream(walk(2, 200), { framesPerPacket: 1, independentInterval: 40 });
    const independent = messages.flatMap((bytes, index) => (bytes[0] >> 6 === 1 ? [index] : []));
    expect(independent).toEqual([0, 40, 80, 120, 160]);
  });

  it('take two independent packets in a row, with another quantiser', () => {
    const first = stream(walk(3, 1), { quantiser: 2 });
    const depacketizer = new MotionDepacketizer(WARP_TABLES, 40);
    expect(depacketizer.receive(first.messages[0], 0)[0].state.quantiser).toBe(2);
    const sender = recordedSender({ quantiser: 9, framesPerPacket: 1 });
    sender.add(walk(3, 1)[0], 0);
    sender.packetizer.restart();
    const second = depacketizer.receive(sender.add(walk(4, 1)[0], 40)!, 40);
    expect(second[0].state).toEqual(sender.states[1]);
    expect(second[0].state.quantiser).toBe(9);
  });

  it('answer a request at once with the newest frames, by themselves', () => {
    const sender = recordedSender({ ...small, framesPerPacket: 4 });
    const depacketizer = new MotionDepacketizer(TWO, 40);
    let captureMs = 0;
    const add = (count: number) =>
      Array.from({ length: count }, (_, i) => {
        captureMs += 40;
        return sender.add(Int16Array.of(i, i), captureMs);
      }).filter((message) => message !== undefined);
    const deliver = (messages: Uint8Array[]) =>
      sequences(messages.flatMap((message) => depacketizer.receive(message, 0)));
    expect(deliver(add(9))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    add(4); // Lost.
    expect(deliver(add(6))).toEqual([]);
    const answer = feedback(sender.packetizer, { newestSequence: 8, needsRecovery: true })!;
    expect(deliver([answer])).toEqual([15, 16, 17, 18]);
    // The stream goes on from there; a second answer is as good, though it has frames that are known.
    expect(deliver(add(4))).toEqual([19, 20, 21, 22]);
    add(1);
    const second = feedback(sender.packetizer, { newestSequence: 18, needsRecovery: true })!;
    expect(deliver([second])).toEqual([23]);
    expect(deliver(add(4))).toEqual([24, 25, 26, 27]);
    expect(depacketizer.takeDrops()).toEqual([]);
  });

  it('answer a request with frames that lie apart as they were sent', () => {
    const sender = strided(2);
    for (let index = 0; index < 20; index++) sender.add(Int16Array.of(index, 0), index * 40);
    const answer = feedback(sender.packetizer, { needsRecovery: true })!;
    const got = new MotionDepacketizer(TWO, 40).receive(answer, 0);
    expect(got.map(({ sequence, state }) => [sequence, state.values[0]])).toEqual([
      [16, 16],
      [18, 18],
    ]);
    expect(got.map(({ captureMs }) => captureMs)).toEqual([640, 720]);
  });

  it('answer a request before the first frame with that frame', () => {
    const sender = recordedSender({ ...small, framesPerPacket: 4 });
    expect(feedback(sender.packetizer, { needsIndependent: true })).toBeUndefined();
    expect(sender.add(Int16Array.of(1, 1), 0)![0] >> 6).toBe(1);
  });

  it.each([1, 2, 3])('repair a loss of up to %i messages in a row by redundancy', (redundancy) => {
    const { messages, states } = stream(walk(5, 120), { redundancy, framesPerPacket: 2 });
    const depacketizer = new MotionDepacketizer(WARP_TABLES, 40);
    const got = messages
      .filter(
        (_, index) => index % (redundancy + 1) === redundancy || index === messages.length - 1,
      )
      .flatMap((message) => depacketizer.receive(message, 0));
    expect(sequences(got)).toEqual(states.map((_, index) => index));
    expect(got.map((frame) => frame.state)).toEqual(states);
    expect(depacketizer.takeDrops()).toEqual([]);
  });

  it('fit a datagram, whatever the frames are: fewer copies, then fewer frames', () => {
    const wild = Array.from({ length: 12 }, (_, index) =>
      new Int16Array(WARP_TABLES.valueCount).fill(index % 2 ? 32767 : -32767),
    );
    const calm = Array.from({ length: 24 }, () => new Int16Array(WARP_TABLES.valueCount));
    const { messages, states } = stream([...wild, ...calm], { redundancy: 3, framesPerPacket: 4 });
    const depacketizer = new MotionDepacketizer(WARP_TABLES, 40);
    const got = messages.flatMap((message) => depacketizer.receive(message, 0));
    expect(Math.max(...messages.map((m) => m.length))).toBeLessThanOrEqual(
      MAX_MOTION_MESSAGE_BYTES,
    );
    expect(messages.some((m) => m[0] >> 6 === 0 && ((m[0] >> 4) & 3) === 2)).toBe(true);
    expect(messages.some((m) => ((m[0] >> 2) & 3) > 0)).toBe(true);
    expect(messages.slice(3).some((m) => ((m[0] >> 2) & 3) < 3)).toBe(true);
    expect(got.map((frame) => frame.state)).toEqual(states);
  });

  it('emit only what the sender had, once, whatever is lost, repeated or reordered', () => {
    const recorded = [0, 1, 3].map((redundancy) =>
      stream(walk(10 + redundancy, 150), { redundancy, framesPerPacket: 1 + redundancy }),
    );
    let emitted = 0;
    fc.assert(
      fc.property(fc.nat(2), fc.integer(), fc.nat(9), fc.nat(60), (which, seed, loss, spread) => {
        const { messages, states } = recorded[which];
        // A seeded shuffle: each message moves by up to `spread` places, some get lost or doubled.
        let state = seed | 1;
        const random = () => {
          state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
          return (state >>> 8) / 2 ** 24;
        };
        const order = messages
          .flatMap((message, index) => {
            const copies = random() < loss / 12 ? 0 : random() < 0.15 ? 2 : 1;
            return Array.from({ length: copies }, () => ({
              message,
              at: index + random() * spread,
            }));
          })
          .sort((a, b) => a.at - b.at);
        const depacketizer = new MotionDepacketizer(WARP_TABLES, 40);
        const seen = new Set<number>();
        for (const { message, at } of order) {
          for (const frame of depacketizer.receive(message, at)) {
            if (seen.has(frame.sequence)) throw new Error(`frame ${frame.sequence} came twice`);
            seen.add(frame.sequence);
            expectState(frame.state, states[frame.sequence]);
          }
          const drops = depacketizer.takeDrops();
          expect(
            drops.every((drop) => ['duplicate', 'too-old', 'missing-reference'].includes(drop)),
          ).toBe(true);
        }
        emitted += seen.size;
      }),
      { numRuns: 150, seed: 11 },
    );
    expect(emitted).toBeGreaterThan(2000);
  });
});

function expectState(actual: MotionState, expected: MotionState): void {
  const same =
    Buffer.compare(
      Buffer.from(actual.values.buffer, actual.values.byteOffset, actual.values.byteLength),
      Buffer.from(expected.values.buffer, expected.values.byteOffset, expected.values.byteLength),
    ) === 0 &&
    actual.quantiser === expected.quantiser &&
    actual.activity === expected.activity &&
    actual.facePresent === expected.facePresent;
  if (!same) throw new Error('a state that the sender never had');
}

describe('a wrong state', () => {
  const options = { framesPerPacket: 1, independentInterval: 1000 };

  it('is noticed by the digest, not given out, and repaired by an independent frame', () => {
    const sender = recordedSender(options);
    const depacketizer = new MotionDepacketizer(WARP_TABLES, 40);
    const frames = walk(20, 40, undefined, 0);
    let corrupted = false;
    let repairs = 0;
    frames.forEach((values, index) => {
      const got = depacketizer.receive(sender.add(values, index * 40)!, index * 40);
      for (const { sequence, state } of got) expectState(state, sender.states[sequence]);
      if (corrupted) {
        // The frame after the bit flip: dropped, and asked for again.
        expect(got).toEqual([]);
        expect(depacketizer.takeDrops()).toEqual(['digest-mismatch']);
        expect(depacketizer.needsIndependent).toBe(true);
        const answer = feedback(sender.packetizer, {
          needsRecovery: true,
          needsIndependent: true,
        })!;
        expect(sequences(depacketizer.receive(answer, index * 40))).toEqual([index]);
        corrupted = false;
        repairs++;
      } else {
        expect(sequences(got)).toEqual([index]);
        expect(depacketizer.needsIndependent).toBe(false);
        if (index % 10 === 5) {
          got[0].state.values[index] ^= 1 << (index & 7);
          corrupted = true;
        }
      }
    });
    expect(repairs).toBe(4);
  });

  it('of other tables is never given out', () => {
    const { messages } = stream(walk(21, 60), options);
    const counts = (symbols: number) =>
      tableFromCounts(Array.from({ length: symbols }, (_, s) => s + 1));
    const other: MotionTables = {
      valueCount: WARP_TABLES.valueCount,
      residual: WARP_TABLES.residual.map((contexts) =>
        contexts.map(() => counts(RESIDUAL_SYMBOLS)),
      ),
      length: WARP_TABLES.length.map(() => counts(LENGTH_SYMBOLS)),
    };
    const depacketizer = new MotionDepacketizer(other, 40);
    expect(messages.flatMap((message) => depacketizer.receive(message, 0))).toEqual([]);
    expect(depacketizer.needsIndependent).toBe(true);
    expect(new Set(depacketizer.takeDrops())).toEqual(
      new Set(['digest-mismatch', 'missing-reference']),
    );
  });

  it('does not make a frame come twice', () => {
    const { messages } = stream(walk(22, 12), options);
    const depacketizer = new MotionDepacketizer(WARP_TABLES, 40);
    const first = messages.slice(0, 4).flatMap((message) => depacketizer.receive(message, 0));
    first[3].state.values[0]++;
    expect(depacketizer.receive(messages[4], 0)).toEqual([]);
    // The same messages again: they rebuild the chain, but the frames were given out already.
    const again = messages.flatMap((message) => depacketizer.receive(message, 0));
    expect(sequences(again)).toEqual([4, 5, 6, 7, 8, 9, 10, 11]);
  });
});

describe('hostile motion', () => {
  const valid = [0, 2].flatMap(
    (redundancy) =>
      stream(walk(30 + redundancy, 40), { redundancy, framesPerPacket: 1 + redundancy }).messages,
  );

  it('never throws, is bounded, always has an outcome, and a valid frame afterwards decodes', () => {
    const outcomes = new Set<string>();
    let cases = 0;
    fc.assert(
      fc.property(fc.array(hostileBytes(valid), { minLength: 12, maxLength: 12 }), (messages) => {
        const depacketizer = new MotionDepacketizer(WARP_TABLES, 40);
        messages.forEach((message, index) => {
          cases++;
          const before = depacketizer.waitingSinceMs;
          const frames = depacketizer.receive(message, index);
          const drops = depacketizer.takeDrops();
          for (const drop of drops) outcomes.add(drop);
          if (frames.length > 0) outcomes.add('frame');
          if (!drops.every((drop) => DROP_CODES.includes(drop))) throw new Error(drops.join());
          if (frames.length > 64) throw new Error('more frames than packets can hold');
          // No frame and no drop: the packet waits, or it only repeated what is known.
          if (frames.length + drops.length === 0 && before === undefined) {
            const waits = depacketizer.newest !== undefined;
            if (!waits) throw new Error('a message without an outcome');
          }
        });
        const next = (depacketizer.newestDecoded ?? 0) + 1;
        const proof = parseMotion(valid[0]);
        if (!proof.ok) throw new Error(proof.drop);
        const fresh = serialiseMotion({ ...proof.value.packet, sequence: next & 0xffff }, []);
        const frames = depacketizer.receive(fresh, 20);
        if (!frames.some((frame) => (frame.sequence & 0xffff) === (next & 0xffff))) {
          throw new Error('a valid independent frame was not decoded');
        }
      }),
      { numRuns: 1000, seed: 12 },
    );
    expect(cases).toBeGreaterThanOrEqual(10_000);
    expect([...outcomes].sort()).toEqual([
      'digest-mismatch',
      'duplicate',
      'frame',
      'malformed',
      'too-old',
      'truncated',
      'unknown-type',
    ]);
  });

  it('holds 16 waiting packets at most, and forgets them in time', () => {
    const { messages } = stream(walk(33, 60), { framesPerPacket: 1, independentInterval: 1000 });
    const depacketizer = new MotionDepacketizer(WARP_TABLES, 40);
    for (const [index, message] of messages.slice(1).entries())
      depacketizer.receive(message, index);
    expect(depacketizer.takeDrops()).toEqual(new Array(59 - 16).fill('missing-reference'));
    expect(depacketizer.waitingSinceMs).toBe(43);
    depacketizer.dropWaiting(50);
    expect(depacketizer.takeDrops()).toEqual(new Array(7).fill('missing-reference'));
    expect(depacketizer.waitingSinceMs).toBe(50);
    depacketizer.dropWaiting(1000);
    expect(depacketizer.waitingSinceMs).toBeUndefined();
  });
});
