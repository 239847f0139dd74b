import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { callClock } from '../src/call.js';
import { CallReceiver } from '../src/call-receiver.js';
import { CallSender } from '../src/call-sender.js';
import type { FaceDecoder } from '../src/models/decoder.js';
import type { Pack } from '../src/models/pack.js';
import { openPack } from '../src/models/pack-node.js';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import { encodeIdentity } from '../src/protocol/identity.js';
import { ReceiverSession } from '../src/receiver/session.js';
import { SenderSession } from '../src/sender/session.js';
import type { CallChannels, DatagramPipe } from '../src/transport/channel.js';
import { syntheticFace } from './synthetic-face.js';

let pack: Pack;
let identity: Uint8Array;

beforeEach(async () => {
  pack = await openPack('warp');
  const face = syntheticFace();
  const codec = createNodePictureCodec();
  const grey = { width: 256, height: 256, data: new Uint8ClampedArray(256 * 256 * 4).fill(128) };
  const picture = await codec.encode(grey, 85);
  const references = [{ picture, landmarks: face }];
  identity = encodeIdentity({ size: 256, neutral: face, references });
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

const streamOptions = { fps: 25, framesPerPacket: 1, redundancy: 0, unpaced: false } as const;

/** Open channels whose messages go to `onSend`. */
function openChannels(onSend: (bytes: Uint8Array) => void): CallChannels {
  const pipe = (send: DatagramPipe['send']): DatagramPipe => ({
    bufferedAmount: 0,
    open: true,
    send,
    onMessage: undefined,
    onClose: undefined,
  });
  return { control: pipe(onSend), motion: pipe(() => undefined) };
}

/** What a promise came to in `ms` of virtual time. */
async function within(ms: number, promise: Promise<unknown>): Promise<string> {
  const result = promise.then(
    () => 'resolved',
    (error: Error) => error.message,
  );
  await vi.advanceTimersByTimeAsync(ms);
  return Promise.race([result, 'pending']);
}

describe('the end of a sender', () => {
  it.each([
    ['closed-by-peer', 'resolved'],
    ['peer-vanished', 'the receiver vanished: it stopped answering'],
    ['failed', 'the connection to the receiver failed'],
  ] as const)('whose channel went %s: %s', async (reason, outcome) => {
    const channels = openChannels(() => undefined);
    const sender = new CallSender({ channels, pack, identity, ...streamOptions });
    sender.end();
    const closed = sender.closed();
    closed.catch(() => undefined);
    expect(await within(1_000, closed)).toBe('pending');
    Object.assign(channels.control, { open: false });
    channels.control.onClose?.(reason);
    expect(await within(0, closed)).toBe(outcome);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('whose goodbye is not answered comes after 15 s', async () => {
    const channels = openChannels(() => undefined);
    const sender = new CallSender({ channels, pack, identity, ...streamOptions });
    sender.end();
    const closed = sender.closed();
    closed.catch(() => undefined);
    expect(await within(14_000, closed)).toBe('pending');
    expect(await within(1_000, closed)).toBe(
      'the receiver has confirmed nothing for 15 s: start it again',
    );
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a peer that agrees and then does nothing', () => {
  it('is given up by the sender', async () => {
    const peer = new ReceiverSession({ pack, maxSize: 256 }, callClock());
    const channels = openChannels((bytes) => {
      peer.receiveControl(bytes, callClock());
      // Answers the hello, never the offer.
      const answer = peer.poll(callClock());
      if (answer && !agreed) {
        agreed = true;
        queueMicrotask(() => channels.control.onMessage?.(answer.bytes));
      }
    });
    let agreed = false;
    const sender = new CallSender({ channels, pack, identity, ...streamOptions });
    const ready = sender.ready();
    ready.catch(() => undefined);
    expect(await within(14_000, ready)).toBe('pending');
    expect(agreed).toBe(true);
    expect(await within(4_000, ready)).toBe(
      'the receiver has confirmed nothing for 15 s: start it again',
    );
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is given up by the receiver', async () => {
    const peer = new SenderSession({ pack, identity, ...streamOptions }, callClock());
    const channels = openChannels((bytes) => peer.receiveControl(bytes, callClock()));
    const decoder: FaceDecoder = {
      setIdentity: async () => undefined,
      decode: async () => {
        throw new Error('there is nothing to decode');
      },
      close: async () => undefined,
    } as unknown as FaceDecoder;
    const receiver = new CallReceiver({
      channels,
      pack,
      maxSize: 256,
      decoder,
      pictureCodec: createNodePictureCodec(),
      onFrame: () => undefined,
    });
    channels.control.onMessage?.(peer.poll(0)!.bytes);
    const ended = receiver.ended();
    ended.catch(() => undefined);
    expect(await within(14_000, ended)).toBe('pending');
    expect(peer.status.state).toBe('connecting');
    expect(await within(4_000, ended)).toBe(
      'the sender has sent nothing of use for 15 s: start it again',
    );
    expect(vi.getTimerCount()).toBe(0);
  });
});
