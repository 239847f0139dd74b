import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { callClock } from '../src/call.js';
import { CallReceiver, type CallReceiverStats, type ShownPicture } from '../src/call-receiver.js';
import { CallSender } from '../src/call-sender.js';
import type { Landmarks } from '../src/geometry/landmarks.js';
import type { FaceDecoder } from '../src/models/decoder.js';
import { createDecoder } from '../src/models/decoder-node.js';
import type { CallChannels, DatagramPipe } from '../src/transport/channel.js';
import { faceAt, IDENTITY, PACK, PICTURE } from './support/call.js';
import { syntheticPicture } from './synthetic-face.js';

const INTERVAL_MS = 40;
/** The jitter buffer's margin, and the rounding of timers. */
const PLAYOUT_MS = 15;
/** Number of the first frame. */
const FIRST = 25;

const reference = syntheticPicture(256);

/** Two ends of one wire without a delay. */
function channelPair(): [CallChannels, CallChannels] {
  const pipes = (): [DatagramPipe, DatagramPipe] => {
    const pipe = (peer: () => DatagramPipe): DatagramPipe => ({
      bufferedAmount: 0,
      open: true,
      send: (bytes) => {
        const data = bytes.slice();
        queueMicrotask(() => peer().onMessage?.(data));
      },
      onMessage: undefined,
      onClose: undefined,
    });
    const ends: [DatagramPipe, DatagramPipe] = [pipe(() => ends[1]), pipe(() => ends[0])];
    return ends;
  };
  const [control, motion] = [pipes(), pipes()];
  return [
    { control: control[0], motion: motion[0] },
    { control: control[1], motion: motion[1] },
  ];
}

let real: FaceDecoder;
beforeAll(async () => {
  real = createDecoder(PACK);
  await real.setIdentity({ size: 256, references: [{ picture: reference, landmarks: faceAt(0) }] });
});
afterAll(() => real.close());
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** The real decoder, `slowness(n)` ms slower at its `n`-th frame. */
function slowDecoder(slowness: (n: number) => number): FaceDecoder {
  let running = 0;
  let started = 0;
  return {
    setIdentity: async () => undefined,
    async decode(landmarks) {
      expect(++running).toBe(1);
      const ms = slowness(started++);
      if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
      const picture = await real.decode(landmarks);
      running--;
      return picture;
    },
    close: async () => undefined,
  };
}

interface Delivered extends ShownPicture {
  readonly latencyMs: number;
}

interface Call {
  readonly shown: readonly Delivered[];
  readonly stats: CallReceiverStats;
}

/** A call of `frames` frames at 25 a second over a perfect network, in virtual time. */
async function call(
  frames: number,
  slowness: (n: number) => number,
  { unpaced = false, face = (index: number): Landmarks | undefined => faceAt(index) } = {},
): Promise<Call> {
  const [left, right] = channelPair();
  const shown: Delivered[] = [];
  const captured: number[] = [];
  const receiver = new CallReceiver({
    channels: right,
    pack: PACK,
    maxSize: 256,
    decoder: slowDecoder(slowness),
    pictureCodec: { encode: async () => PICTURE, decode: async () => reference },
    onFrame: (frame) => {
      const latencyMs = callClock() - captured[frame.sequence - FIRST];
      shown.push({ ...frame, latencyMs });
    },
  });
  const ended = receiver.ended();
  const sender = new CallSender({
    channels: left,
    pack: PACK,
    identity: IDENTITY,
    fps: 1000 / INTERVAL_MS,
    framesPerPacket: 1,
    firstFrame: FIRST,
    unpaced,
  });
  const ready = sender.ready();
  await vi.advanceTimersByTimeAsync(2000);
  await ready;
  for (let index = 0; index < frames; index++) {
    captured.push(callClock());
    sender.sendFrame(face(index), callClock());
    await vi.advanceTimersByTimeAsync(unpaced ? 1 : INTERVAL_MS);
  }
  sender.end();
  await vi.advanceTimersByTimeAsync(unpaced ? 60_000 : 2000);
  await ended;
  return { shown, stats: receiver.getStats() };
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + FIRST);
const latest = (shown: readonly Delivered[]) =>
  Math.max(...shown.filter(({ picture }) => picture).map(({ latencyMs }) => latencyMs));

function expectEveryNumberOnce({ shown, stats }: Call, frames: number): void {
  expect(shown.map(({ sequence }) => sequence)).toEqual(numbers(frames));
  const held = shown.filter(({ picture }) => !picture);
  expect(held.every(({ origin, decodedMs }) => origin === 'held' && !decodedMs)).toBe(true);
  expect(stats.framesSkipped).toBe(held.length);
}

describe('frames that are due while the decoder is busy', () => {
  it('are all decoded where it is fast enough', async () => {
    const one = await call(100, () => 30);
    expectEveryNumberOnce(one, 100);
    expect(one.stats.framesSkipped).toBe(0);
    expect(latest(one.shown)).toBeLessThan(30 + PLAYOUT_MS);
  });

  it('give way to the newest, and the delay does not grow', async () => {
    const decodeMs = 90;
    const one = await call(250, () => decodeMs);
    expectEveryNumberOnce(one, 250);
    const pictures = one.shown.filter(({ picture }) => picture).length;
    // 250 frames are 10 s: as many as the decoder can, and no delay beyond the wait for its turn.
    expect(pictures).toBeGreaterThanOrEqual(Math.floor((250 * INTERVAL_MS) / decodeMs) - 3);
    expect(latest(one.shown)).toBeLessThan(decodeMs + INTERVAL_MS + PLAYOUT_MS);
  });

  it('are few where it is a little too slow', async () => {
    const one = await call(250, () => 44);
    expectEveryNumberOnce(one, 250);
    expect(one.stats.framesSkipped).toBeGreaterThan(15);
    expect(one.stats.framesSkipped).toBeLessThanOrEqual(25);
    expect(latest(one.shown)).toBeLessThan(44 + INTERVAL_MS + PLAYOUT_MS);
  });

  it('leave no delay behind after a hiccup', async () => {
    const one = await call(100, (n) => (n === 30 ? 400 : 30));
    expectEveryNumberOnce(one, 100);
    expect(one.stats.framesSkipped).toBeGreaterThan(6);
    expect(one.stats.framesSkipped).toBeLessThan(11);
    expect(latest(one.shown.slice(45))).toBeLessThan(30 + PLAYOUT_MS);
  });

  it('are all decoded where the stream is unpaced, however slow it is', async () => {
    const one = await call(120, () => 90, { unpaced: true });
    expectEveryNumberOnce(one, 120);
    expect(one.shown.every(({ picture, origin }) => picture && origin === 'decoded')).toBe(true);
  });

  it('leave the last face on show where the newest has none', async () => {
    // Faces go after the 60th frame, while the decoder is at one of those before.
    const one = await call(100, (n) => (n > 40 ? 190 : 30), {
      face: (index) => (index < 60 ? faceAt(index) : undefined),
    });
    const last = one.shown.findLast(({ picture }) => picture)!;
    expect(last.sequence).toBeGreaterThanOrEqual(FIRST + 60);
    const expected = await real.decode(faceAt(59));
    const { data } = last.picture!;
    let sum = 0;
    for (let at = 0; at < data.length; at++) sum += Math.abs(data[at] - expected.data[at]);
    const before = await real.decode(faceAt(56));
    let other = 0;
    for (let at = 0; at < data.length; at++) other += Math.abs(data[at] - before.data[at]);
    expect(sum).toBeLessThan(other / 2);
  });
});

describe('a connection that breaks while a frame is being decoded', () => {
  it('ends with that frame: none comes after `ended`', async () => {
    const [left, right] = channelPair();
    let shown = 0;
    let decoding = false;
    const decoder = slowDecoder(() => 100);
    const receiver = new CallReceiver({
      channels: right,
      pack: PACK,
      maxSize: 256,
      decoder: {
        ...decoder,
        async decode(landmarks) {
          decoding = true;
          const picture = await decoder.decode(landmarks);
          decoding = false;
          return picture;
        },
      },
      pictureCodec: { encode: async () => PICTURE, decode: async () => reference },
      onFrame: () => void shown++,
    });
    let shownAtEnd: number | undefined;
    const ended = receiver.ended().catch((error: Error) => {
      shownAtEnd = shown;
      return error.message;
    });
    const sender = new CallSender({
      ...{ channels: left, pack: PACK, identity: IDENTITY, fps: 25, framesPerPacket: 1 },
      unpaced: false,
    });
    const ready = sender.ready();
    await vi.advanceTimersByTimeAsync(2000);
    await ready;
    for (let index = 0; index < 50; index++) {
      sender.sendFrame(faceAt(index), callClock());
      await vi.advanceTimersByTimeAsync(INTERVAL_MS);
    }
    while (!decoding) await vi.advanceTimersByTimeAsync(1);
    right.control.onClose?.('peer-vanished');
    await vi.advanceTimersByTimeAsync(2000);
    expect(await ended).toBe('the sender vanished: it stopped answering');
    expect(shownAtEnd).toBeGreaterThan(20);
    expect(shown).toBe(shownAtEnd);
    sender.end();
  });
});
