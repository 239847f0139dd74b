import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { callClock } from '../src/call.js';
import { CallReceiver, type CallReceiverOptions } from '../src/call-receiver.js';
import { CallSender } from '../src/call-sender.js';
import type { FaceDecoder } from '../src/models/decoder.js';
import { createDecoder } from '../src/models/decoder-node.js';
import type { PictureCodec } from '../src/models/picture-codec.js';
import { encodeControlMessage, parseControlMessage } from '../src/protocol/control-codec.js';
import { serialiseFeedback } from '../src/protocol/feedback.js';
import { encodeIdentity } from '../src/protocol/identity.js';
import { createIdentitySender } from '../src/protocol/identity-sender.js';
import { MAX_IDENTITIES, MAX_IDENTITY_REOFFERS } from '../src/protocol/limits.js';
import { ReceiverSession } from '../src/receiver/session.js';
import { SenderSession } from '../src/sender/session.js';
import type { CallChannels, DatagramPipe } from '../src/transport/channel.js';
import { faceAt, IDENTITY, PACK, PICTURE, simulatedCall } from './support/call.js';
import { moved } from './synthetic-face.js';

/** Channels that keep what they are given; `reads`: whether the peer takes it from them. */
function openChannels(reads = true) {
  const sent: Uint8Array[] = [];
  let waiting = 0;
  const pipe = (): DatagramPipe => ({
    get bufferedAmount() {
      return waiting;
    },
    open: true,
    send(data) {
      sent.push(data.slice());
      if (!reads) waiting += data.length;
    },
    onMessage: undefined,
    onClose: undefined,
  });
  return { channels: { control: pipe(), motion: pipe() } satisfies CallChannels, sent };
}

/** A codec and decoder that count: what they are given costs nothing here. */
function countingParts(delayMs = 0) {
  const picture = { width: 256, height: 256, data: new Uint8ClampedArray(256 * 256 * 4) };
  const pictureCodec: PictureCodec = {
    encode: async () => PICTURE,
    decode: async () => picture,
  };
  const setIdentity = vi.fn(async () => void (await sleep(delayMs)));
  const decoder: FaceDecoder = {
    setIdentity,
    decode: async () => picture,
    close: async () => undefined,
  };
  return { pictureCodec, decoder, setIdentity };
}

const identityNumber = (index: number) =>
  encodeIdentity({
    size: 256,
    neutral: moved(faceAt(0), -128, -120),
    references: [{ picture: PICTURE, landmarks: moved(faceAt(0), index, 0) }],
  });

/** An identity as a peer pushes it: the offer, then all its chunks, whatever is answered. */
function pushed(transfer: ReturnType<typeof createIdentitySender>, identity: Uint8Array) {
  transfer.offer(identity);
  const offer = transfer.nextMessage(0)!;
  if (offer.type !== 'identity-offer') throw new Error(offer.type);
  transfer.receive({
    type: 'identity-request',
    transferId: offer.transferId,
    have: new Uint8Array(0),
  });
  const messages = [offer];
  for (let next = transfer.nextMessage(0); next; next = transfer.nextMessage(0)) {
    messages.push(next as typeof offer);
  }
  return messages.map(encodeControlMessage);
}

function agreedReceiver(maxSize: 256 | 512 = 512) {
  const receiver = new ReceiverSession({ pack: PACK, maxSize }, 0);
  const sender = new SenderSession({ pack: PACK, identity: IDENTITY, fps: 25 }, 0);
  receiver.receiveControl(sender.poll(0)!.bytes, 0);
  while (receiver.poll(0)) {}
  return receiver;
}

test('one identity after the other: eight are taken, the ninth ends the call', () => {
  const receiver = agreedReceiver();
  const transfer = createIdentitySender();
  for (let index = 0; index <= MAX_IDENTITIES; index++) {
    expect(receiver.status.state).toBe(index === 0 ? 'connecting' : 'streaming');
    for (const bytes of pushed(transfer, identityNumber(index))) receiver.receiveControl(bytes, 0);
    if (receiver.offeredIdentity) receiver.useIdentity(receiver.offeredIdentity);
  }
  expect(receiver.status).toMatchObject({ state: 'failed', code: 'too-many-identities' });
});

test('an identity for larger pictures than agreed is refused', () => {
  const receiver = agreedReceiver(256);
  const large = encodeIdentity({
    size: 512,
    neutral: faceAt(0),
    references: [{ picture: PICTURE, landmarks: faceAt(0) }],
  });
  for (const bytes of pushed(createIdentitySender(), large)) receiver.receiveControl(bytes, 0);
  expect(receiver.status).toMatchObject({ state: 'failed', code: 'unsupported-size' });
  const refusal = parseControlMessage(receiver.poll(0)!.bytes);
  expect(refusal).toMatchObject({ value: { type: 'identity-refused', code: 'unsupported-size' } });
});

test('a receiver that keeps losing the identity is offered it eight times more', () => {
  const call = simulatedCall();
  const { sender, receiver } = call;
  call.connect();
  const flags = { needsRecovery: false, needsIndependent: false, needsIdentity: true };
  const ask = serialiseFeedback({ newestSequence: undefined, lossFraction: 0, ...flags });
  let offers = 0;
  const { control } = call.links;
  const { send } = control.forward;
  control.forward.send = (data, now) => {
    if (data[0] === 0x10) offers++;
    send(data, now);
  };
  for (let index = 0; index < 3 * MAX_IDENTITY_REOFFERS; index++) {
    sender.receiveMotion(ask);
    call.run(call.now + 100);
  }
  expect(offers).toBe(MAX_IDENTITY_REOFFERS);
  expect(sender.getStats().drops).toEqual({ 'over-limit': 2 * MAX_IDENTITY_REOFFERS });
  expect([sender.status.state, receiver.status.state]).toEqual(['streaming', 'streaming']);
});

test('a call that ends while its identity is decoded does not decode it again', async () => {
  const { channels } = openChannels();
  const { pictureCodec, decoder, setIdentity } = countingParts(5);
  const receiver = new CallReceiver({
    ...{ channels, pack: PACK, maxSize: 512, decoder, pictureCodec },
    onFrame: () => undefined,
  });
  const hello = new SenderSession({ pack: PACK, identity: IDENTITY, fps: 25 }, 0).poll(0)!.bytes;
  const { control } = channels;
  const deliver = (bytes: Uint8Array) => (control as DatagramPipe).onMessage?.(bytes);
  deliver(hello);
  for (const bytes of pushed(createIdentitySender(), IDENTITY)) deliver(bytes);
  deliver(encodeControlMessage({ type: 'bye', reason: 'ended', message: '', figures: {} }));
  await receiver.ended();
  await sleep(50);
  expect(setIdentity).toHaveBeenCalledTimes(1);
});

const ping = () => encodeControlMessage({ type: 'ping', sent: callClock() });
const bytesOf = (messages: readonly Uint8Array[]) =>
  messages.reduce((sum, { length }) => sum + length, 0);

test('a peer that asks and does not read fills 256 KiB, not the memory', () => {
  const { pictureCodec, decoder } = countingParts();
  for (const role of ['sender', 'receiver'] as const) {
    const { channels, sent } = openChannels(false);
    const { control } = channels as CallChannels;
    if (role === 'sender') {
      const peer = new ReceiverSession({ pack: PACK, maxSize: 512 }, 0);
      const sender = new CallSender({ channels, pack: PACK, identity: IDENTITY, fps: 25 });
      peer.receiveControl(sent[0], 0);
      control.onMessage?.(peer.poll(0)!.bytes);
      for (let index = 0; index < 20_000; index++) control.onMessage?.(ping());
      sender.end();
    } else {
      const peer = new SenderSession({ pack: PACK, identity: IDENTITY, fps: 25 }, 0);
      const receiver = new CallReceiver({
        ...{ channels, pack: PACK, maxSize: 512, decoder, pictureCodec },
        onFrame: () => undefined,
      });
      control.onMessage?.(peer.poll(0)!.bytes);
      for (let index = 0; index < 20_000; index++) control.onMessage?.(ping());
      receiver.end();
    }
    expect(bytesOf(sent)).toBeGreaterThan(200 * 1024);
    expect(bytesOf(sent)).toBeLessThan(300 * 1024);
  }
});

test('a geometry out of all proportion costs a frame, not the decoder', async () => {
  const decoder = createDecoder(PACK);
  const data = new Uint8ClampedArray(256 * 256 * 4).fill(128);
  const references = [{ picture: { width: 256, height: 256, data }, landmarks: faceAt(0) }];
  await decoder.setIdentity({ size: 256, references });
  const before = await decoder.decode(faceAt(0));
  for (const scale of [0, 1e-6, 1e4, 1e30, 1e38, Infinity, Number.NaN]) {
    const picture = await decoder.decode(faceAt(3).map((value) => value * scale));
    expect(picture.data.length).toBe(data.length);
  }
  // Cross-fades aside, which settle in a few frames.
  for (let index = 0; index < 5; index++) await decoder.decode(faceAt(0));
  expect(await decoder.decode(faceAt(0))).toEqual(before);
  await decoder.setIdentity({
    size: 256,
    references: [{ picture: references[0].picture, landmarks: new Float32Array(1434) }],
  });
  expect((await decoder.decode(faceAt(0))).data.length).toBe(data.length);
});

test.each<[string, object]>([
  ['fps', { fps: '25' }],
  ['fps', { fps: 121 }],
  ['framesPerPacket', { framesPerPacket: 5 }],
  ['redundancy', { redundancy: -1 }],
  ['firstFrame', { firstFrame: 65_536 }],
  ['firstFrame', { firstFrame: 0.5 }],
  ['unpaced', { unpaced: 'no' }],
  ['identity', { identity: undefined }],
  ['identity', { identity: new Uint8Array(40) }],
  ['pack', { pack: undefined }],
  ['pack', { pack: 'warp' }],
  ['channels.control', { channels: undefined }],
])('a bad option of a sender is named: %s (%#)', (path, change) => {
  const { channels } = openChannels();
  const options = { channels, pack: PACK, identity: IDENTITY, fps: 25, ...change };
  const create = () => new CallSender(options as ConstructorParameters<typeof CallSender>[0]);
  expect(create).toThrow(TypeError);
  expect(create).toThrow(`${path}: must be`);
});

test.each<[string, object]>([
  ['maxSize', { maxSize: 300 }],
  ['pack', { pack: {} }],
  ['decoder', { decoder: {} }],
  ['pictureCodec', { pictureCodec: undefined }],
  ['onFrame', { onFrame: undefined }],
  ['channels.control', { channels: {} }],
])('a bad option of a receiver is named: %s (%#)', (path, change) => {
  const { channels } = openChannels();
  const { decoder, pictureCodec } = countingParts();
  const given = { channels, pack: PACK, maxSize: 512, decoder, pictureCodec, onFrame() {} };
  const create = () => new CallReceiver({ ...given, ...change } as CallReceiverOptions);
  expect(create).toThrow(TypeError);
  expect(create).toThrow(`${path}: must be`);
});

test('landmarks of another topology and a time that is none are named', () => {
  const call = simulatedCall();
  call.connect();
  expect(() => call.sender.sendFrame(new Float32Array(1404), 0)).toThrow(
    'landmarks: must be 1434 numbers',
  );
  expect(() => call.sender.sendFrame(faceAt(0), Number.NaN)).toThrow('captureMs: must be');
  call.sender.sendFrame(faceAt(0), 0);
});
