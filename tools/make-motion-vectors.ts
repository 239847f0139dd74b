/**
 * Writes `test/vectors/motion/*.json` anew. To be run only where the bitstream changes on purpose.
 *
 *     npx tsx tools/make-motion-vectors.ts
 */
import { writeFileSync } from 'node:fs';
import { type Feedback, serialiseFeedback } from '../src/protocol/feedback.js';
import { stateDigest } from '../src/protocol/motion-codec.js';
import { MotionDepacketizer } from '../src/protocol/motion-depacketizer.js';
import { type MotionPacket, serialiseMotion } from '../src/protocol/motion-packet.js';
import { serialiseTables, tableFromCounts } from '../src/protocol/motion-tables.js';
import { RangeEncoder } from '../src/protocol/range-coder.js';
import {
  fromHex,
  recordedSender,
  toHex,
  WARP_TABLES,
  walk,
} from '../test/support/motion-stream.js';

function write(name: string, value: unknown): void {
  // Arrays of numbers stay on one line.
  const text = JSON.stringify(value, null, 1).replace(/\[[-\d,\s]*\]/g, (list) =>
    list.replace(/\s+/g, ''),
  );
  writeFileSync(new URL(`../test/vectors/motion/${name}.json`, import.meta.url), `${text}\n`);
}

/** `[table, symbol]` codes a symbol, `[-bits, value]` equiprobable bits. */
type Step = readonly [number, number];
const tables = [
  Uint16Array.of(0, 32767, 32768),
  Uint16Array.of(0, 1, 2, 16384, 32768),
  Uint16Array.of(0, 8192, 16384, 24576, 32768),
];
function rangeCase(name: string, steps: readonly Step[]) {
  const encoder = new RangeEncoder();
  for (const [table, value] of steps) {
    if (table < 0) encoder.bits(value, -table);
    else encoder.symbol(tables[table], value);
  }
  return { name, steps: steps.flat(), hex: toHex(encoder.finish()) };
}
const repeat = (count: number, step: Step) => Array.from({ length: count }, () => step);
write('range-coder', {
  tables: tables.map((table) => [...table]),
  cases: [
    rangeCase('nothing', []),
    rangeCase('likely symbols', repeat(50, [0, 0])),
    rangeCase('unlikely symbols', repeat(5, [0, 1])),
    rangeCase('lowest code: no byte at all', repeat(20, [1, 0])),
    rangeCase('one bit, then zeros', [[-1, 1], ...repeat(20, [2, 0] as Step)]),
    rangeCase('bits of every count', [
      [-1, 1],
      [-2, 2],
      [-3, 5],
      [-7, 99],
      [-8, 255],
      [-12, 1],
      [-15, 32767],
      [-15, 0],
    ]),
    rangeCase('a row of 0xff that a carry runs through', [
      ...repeat(6, [-8, 255]),
      [1, 3],
      ...repeat(3, [0, 1] as Step),
      [1, 3],
      [-15, 32767],
    ]),
    rangeCase('symbols and bits mixed', [
      [2, 3],
      [1, 2],
      [0, 0],
      [-4, 9],
      [1, 1],
      [2, 0],
      [0, 1],
      [2, 2],
    ]),
  ],
});

const small = {
  valueCount: 1,
  residual: [
    Array.from({ length: 6 }, (_, c) =>
      tableFromCounts(Array.from({ length: 18 }, (_, s) => 1 + ((s * 5 + c) % 9))),
    ),
  ],
  length: [tableFromCounts(Array.from({ length: 16 }, (_, s) => 16 - s))],
};
write('tables', {
  valueCount: 1,
  residual: small.residual.map((contexts) => contexts.map((table) => [...table])),
  length: small.length.map((table) => [...table]),
  hex: toHex(serialiseTables(small)),
});

const body = Uint8Array.of(0xab, 0xcd, 0xef);
const base = {
  sequence: 0x1234,
  timestamp: 0xfedc,
  frameCount: 1,
  stride: 1,
  intervals: undefined,
  body,
};
const predicted = (referenceDistance: number): MotionPacket['coding'] => ({
  kind: 'predicted',
  referenceDistance,
  digest: 0x5a,
});
const independent: MotionPacket['coding'] = {
  kind: 'independent',
  quantiser: 4,
  digest: 0xdeadbeef,
};
function packetCase(name: string, packet: MotionPacket, redundant: readonly Uint8Array[] = []) {
  return {
    name,
    packet: { ...packet, intervals: packet.intervals ?? null, body: toHex(packet.body) },
    redundant: redundant.map(toHex),
    hex: toHex(serialiseMotion(packet, redundant)),
  };
}
const first = serialiseMotion({ ...base, sequence: 0x1230, coding: independent }, []);
const second = serialiseMotion(
  { ...base, sequence: 0x1231, frameCount: 3, coding: predicted(1) },
  [],
);
write('packets', {
  cases: [
    packetCase('independent', { ...base, coding: independent }),
    packetCase('predicted from the frame before', { ...base, frameCount: 4, coding: predicted(1) }),
    packetCase('explicit reference', { ...base, frameCount: 2, coding: predicted(64) }),
    packetCase('explicit intervals', {
      ...base,
      frameCount: 4,
      intervals: [0, 127, 65535],
      coding: predicted(1),
    }),
    packetCase('independent with intervals', {
      ...base,
      frameCount: 2,
      intervals: [128],
      coding: independent,
    }),
    packetCase('empty body', { ...base, coding: predicted(1), body: new Uint8Array(0) }),
    packetCase('redundancy', { ...base, frameCount: 2, coding: predicted(1) }, [first, second]),
    packetCase(
      'explicit reference and intervals with redundancy',
      { ...base, frameCount: 2, intervals: [33], coding: predicted(3) },
      [second],
    ),
    packetCase('every second frame', {
      ...base,
      frameCount: 2,
      stride: 2,
      coding: predicted(2),
    }),
    packetCase('independent, every third frame, with intervals', {
      ...base,
      frameCount: 2,
      stride: 3,
      intervals: [133],
      coding: independent,
    }),
  ],
});

const quiet: Feedback = {
  newestSequence: undefined,
  lossFraction: 0,
  needsRecovery: false,
  needsIndependent: false,
  needsIdentity: false,
};
const feedbackCase = (name: string, change: Partial<Feedback>) => {
  const feedback = { ...quiet, ...change };
  return {
    name,
    feedback: { ...feedback, newestSequence: feedback.newestSequence ?? null },
    hex: toHex(serialiseFeedback(feedback)),
  };
};
write('feedback', {
  cases: [
    feedbackCase('nothing decoded yet', { needsRecovery: true, needsIndependent: true }),
    feedbackCase('all is well', { newestSequence: 0xffff }),
    feedbackCase('loss, and a request', {
      newestSequence: 25,
      lossFraction: 128,
      needsRecovery: true,
    }),
    feedbackCase('a queue of 120 ms', { newestSequence: 125, queueMs: 120 }),
    feedbackCase('everything', {
      newestSequence: 1,
      lossFraction: 255,
      needsRecovery: true,
      needsIndependent: true,
      needsIdentity: true,
    }),
  ],
});

// A stream with the tables of packs/warp: bundles of 3, a copy of the message before in each, no
// face now and then, escapes, an answer to a request, an irregular frame, an independent frame.
const sender = recordedSender({ framesPerPacket: 3, redundancy: 1, independentInterval: 12 });
const frames = walk(2026, 22, undefined, 0.12);
const times = frames.map((_, index) => 65_300 + index * 40 + (index === 14 ? 25 : 0));
const messages: string[] = [];
const queue = (message: Uint8Array | undefined) => {
  if (message) messages.push(toHex(message));
};
frames.forEach((values, index) => {
  if (index === 9) {
    queue(sender.packetizer.handleFeedback({ ...quiet, newestSequence: 5, needsRecovery: true }));
  }
  queue(sender.add(values, times[index]));
});
queue(sender.packetizer.flush());
const depacketizer = new MotionDepacketizer(WARP_TABLES, 40);
const received = messages.flatMap((message) => depacketizer.receive(fromHex(message), 0));
write('stream', {
  tables: 'packs/warp/tables.bin',
  frameIntervalMs: 40,
  framesPerPacket: 3,
  redundancy: 1,
  quantiser: 4,
  independentInterval: 12,
  feedbackBeforeFrame: { index: 9, newestSequence: 5, needsRecovery: true },
  frames: frames.map((values, index) => ({
    captureMs: times[index],
    values: values ? [...values] : null,
  })),
  messages,
  states: received.map(({ state }) => ({
    values: [...state.values],
    quantiser: state.quantiser,
    activity: state.activity,
    facePresent: state.facePresent,
    digest: stateDigest(state),
  })),
});
