import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createSimulatedLink } from '../src/transport/simulated-link.js';
import { sctpInternals } from '../src/transport/werift-internals.js';
import { createSctpPair } from './support/sctp-pair.js';

const STEP_MS = 5;
/** Pictures and motion end here, with a goodbye. */
const END_MS = 7_000;
/** What a sender allows for the answer to its goodbye (`STALL_LIMIT_MS`). */
const LIMIT_MS = 15_000;
const PICTURE_CHUNK_BYTES = 2_500;
const MOTION_BYTES = 80;

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
afterEach(() => void vi.useRealTimers());

/** Numbers in [0, 1). */
function randoms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Milliseconds from a call's goodbye to its acknowledgement, over 100 kbps; undefined where it takes a minute. */
async function goodbyeMs(seed: number): Promise<number | undefined> {
  const random = randoms(seed);
  const [left, right] = await createSctpPair();
  const queueBytes = [8_000, 20_000, 100_000][seed % 3];
  const loss = seed % 2 === 0 ? 0 : 0.1 * random();
  const bandwidth = { bitsPerSecond: 100_000, queueBytes };
  const forward = createSimulatedLink({ seed, delayMs: 20, loss, headerBytes: 28, bandwidth });
  const backward = createSimulatedLink({ seed: seed + 1, delayMs: 1, loss });
  let now = 0;
  left.lose = (packet) => {
    forward.send(packet, now);
    return true;
  };
  right.lose = (packet) => {
    backward.send(packet, now);
    return true;
  };
  const received: number[] = [];
  right.channels.control.onmessage = ({ data }) => received.push((data as Buffer)[0]);
  let sent = 0;
  const send = (bytes: number) => left.channels.control.send(Buffer.alloc(bytes, sent++));
  const bytesPerMs = (50_000 + 150_000 * random()) / 8_000;
  let [credit, pictureBytes] = [0, 20_000 + 60_000 * random()];
  const standsStill = { left: 0, right: 0 };
  let answered: number | undefined;
  for (; now < END_MS + 60_000 && answered === undefined; now += STEP_MS) {
    for (const end of ['left', 'right'] as const) {
      if (random() < 0.001) standsStill[end] = now + 1_500 * random();
    }
    if (now >= standsStill.right) for (const { data } of forward.poll(now)) right.receive(data);
    if (now >= standsStill.left) {
      await vi.advanceTimersByTimeAsync(STEP_MS);
      for (const { data } of backward.poll(now)) left.receive(data);
      if (now < END_MS) {
        if (now % 160 === 0) left.channels.motion.send(Buffer.alloc(MOTION_BYTES));
        credit += STEP_MS * bytesPerMs;
        if (pictureBytes > 0 && credit > PICTURE_CHUNK_BYTES) {
          send(PICTURE_CHUNK_BYTES);
          credit = 0;
          pictureBytes -= PICTURE_CHUNK_BYTES;
        }
      }
    }
    if (now === END_MS) send(80);
    await new Promise(setImmediate);
    const { sentQueue, outboundQueue } = sctpInternals(left.transport);
    const isOut = now > END_MS && outboundQueue.length + sentQueue.length === 0;
    if (isOut && received.length === sent) answered = now - END_MS;
  }
  await Promise.all([left, right].map(({ transport }) => transport.stop()));
  expect(received).toEqual(Array.from({ length: sent }, (_, i) => i));
  return answered;
}

describe('a narrow link, whatever its queue, and ends that stand still for a while', () => {
  test('bring a goodbye and all before it before the sender gives up', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const ms = await goodbyeMs(seed);
      expect(ms, `seed ${seed}`).toBeLessThan(LIMIT_MS);
    }
  });
});
