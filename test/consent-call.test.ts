import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { CallError } from '../src/call.js';
import { CallReceiver, type CallReceiverOptions } from '../src/call-receiver.js';
import { CallSender, type CallSenderOptions } from '../src/call-sender.js';
import type { DeviceKey } from '../src/consent/device-key.js';
import { openKnownKeys } from '../src/consent/known-keys.js';
import { type CallFingerprints, signIdentity, signPicture } from '../src/consent/sign.js';
import { createMemoryStore } from '../src/consent/store.js';
import { type AcceptedIdentity, createIdentityVerifier } from '../src/consent/verify.js';
import { createPictureVerifier } from '../src/consent/verify-picture.js';
import { createDecoder } from '../src/models/families/index.js';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import { encodeControlMessage } from '../src/protocol/control-codec.js';
import { encodeIdentity } from '../src/protocol/identity.js';
import type { IdentityProof } from '../src/protocol/identity-proof.js';
import { createIdentitySender } from '../src/protocol/identity-sender.js';
import { coarseIdentity } from '../src/sender/coarse-identity.js';
import type { PictureReport } from '../src/sender/picture-port.js';
import type { CallChannels, DatagramPipe } from '../src/transport/channel.js';
import { faceAt, PACK } from './support/call.js';
import { newDevice } from './support/consent.js';
import { moved } from './synthetic-face.js';

const codec = createNodePictureCodec();

/** Someone whose pictures have this grey. */
async function personOf(grey: number): Promise<Uint8Array> {
  const data = new Uint8ClampedArray(256 * 256 * 4).fill(grey);
  const picture = await codec.encode({ width: 256, height: 256, data }, 85);
  const references = [{ picture, landmarks: faceAt(0) }];
  return encodeIdentity({ size: 256, neutral: moved(faceAt(0), -128, -120), references });
}
const [ALICE, BOB] = await Promise.all([personOf(90), personOf(170)]);

/** Two ends of one connection, in one process. */
function connectedChannels(): [CallChannels, CallChannels] {
  const end = (): DatagramPipe => ({
    bufferedAmount: 0,
    open: true,
    send: () => undefined,
    onMessage: undefined,
    onClose: undefined,
  });
  const ends = [
    { control: end(), motion: end() },
    { control: end(), motion: end() },
  ] as const;
  for (const name of ['control', 'motion'] as const) {
    for (const [from, to] of [ends, ends.toReversed()]) {
      from[name].send = (data) => {
        const copy = data.slice();
        queueMicrotask(() => to[name].onMessage?.(copy));
      };
    }
  }
  return [...ends];
}

let connections = 0;
/** The fingerprints of another connection each time. */
function newConnection(): CallFingerprints {
  const fingerprint = () => (++connections).toString(16).padStart(64, '0');
  return { sender: fingerprint(), receiver: fingerprint() };
}

interface CallerOptions {
  readonly identity?: Uint8Array;
  readonly proof?: IdentityProof | undefined;
  readonly coarse?: CallSenderOptions['coarse'];
  /** Signs the pictures. */
  readonly device?: DeviceKey;
  /** The connection that they are signed for, where it is another. */
  readonly signedFor?: CallFingerprints;
  /** Instead of the device. */
  readonly signPicture?: CallSenderOptions['signPicture'];
  readonly receiver?: Partial<CallReceiverOptions>;
}

/** A receiver's device: it keeps what it knows from call to call. */
function receiverDevice() {
  const known = openKnownKeys(createMemoryStore());

  /** A call over a connection; the pictures that are decoded and shown are counted. */
  function call(fingerprints: CallFingerprints, options: CallerOptions) {
    const [ours, theirs] = connectedChannels();
    const accepted: AcceptedIdentity[] = [];
    const decoder = createDecoder(PACK);
    const setIdentity = vi.spyOn(decoder, 'setIdentity');
    const decodePicture = vi.fn(codec.decode);
    const onFrame = vi.fn();
    const receiver = new CallReceiver({
      ...{ channels: theirs, pack: PACK, maxSize: 256, decoder, onFrame },
      pictureCodec: { ...codec, decode: decodePicture },
      verifyIdentity: createIdentityVerifier({
        ...{ fingerprints, known, unsigned: 'refuse' },
        onAccepted: (identity) => accepted.push(identity),
      }),
      verifyPicture: createPictureVerifier({ fingerprints, known }),
      ...options.receiver,
    });
    const ended = receiver.ended().then(
      () => 'ended',
      (error: CallError) => error.code,
    );
    const { identity = ALICE, proof, coarse, device, signedFor = fingerprints } = options;
    const reports: PictureReport[] = [];
    const stream = { fps: 25, framesPerPacket: 1, unpaced: true } as const;
    const sender = new CallSender({
      ...{ channels: ours, pack: PACK, identity, ...stream },
      ...(proof && { proof }),
      ...(coarse && { coarse }),
      ...(device && { signPicture: (picture) => signPicture(device, picture, signedFor) }),
      ...(options.signPicture && { signPicture: options.signPicture }),
      onPicture: (report) => reports.push(report),
      pictureBps: 1e6,
    });
    const ready = sender.ready().then(
      () => 'ready',
      (error: CallError) => error.code,
    );
    return {
      ...{ sender, receiver, ended, ready, accepted, reports, setIdentity, decodePicture, onFrame },
      /** Sends frames until the receiver has shown the last of them. */
      async stream(frames: number) {
        const before = onFrame.mock.calls.length;
        for (let index = 0; index < frames; index++) sender.sendFrame(faceAt(index), 40 * index);
        await vi.waitUntil(() => onFrame.mock.calls.length >= before + frames);
      },
      /** What a hostile sender sends: another identity, whatever it is told. */
      push(other: Uint8Array, itsProof?: IdentityProof) {
        const transfer = createIdentitySender();
        transfer.offer(other, itsProof);
        const offer = transfer.nextMessage(0)!;
        if (offer.type !== 'identity-offer') throw new Error(offer.type);
        const { transferId } = offer;
        transfer.receive({ type: 'identity-request', transferId, have: new Uint8Array(0) });
        for (let next: typeof offer | undefined = offer; next; ) {
          ours.control.send(encodeControlMessage(next));
          next = transfer.nextMessage(0) as typeof offer | undefined;
        }
      },
    };
  }
  return { known, call };
}

const sign = (key: DeviceKey, identity: Uint8Array, fingerprints: CallFingerprints) =>
  signIdentity(key, identity, fingerprints);

describe('a signed call', () => {
  it('is shown, and the caller known the next time', async () => {
    const alice = await newDevice();
    const device = receiverDevice();
    for (const known of [false, true]) {
      const connection = newConnection();
      const proof = await sign(alice, ALICE, connection);
      const call = device.call(connection, { proof });
      expect(await call.ready).toBe('ready');
      await call.stream(20);
      expect(call.accepted).toMatchObject([{ key: alice.fingerprint, known }]);
      call.sender.end();
      expect(await call.ended).toBe('ended');
    }
  });

  it('may go on with another picture of the same person', async () => {
    const alice = await newDevice();
    const connection = newConnection();
    const proof = await sign(alice, ALICE, connection);
    const call = receiverDevice().call(connection, { proof });
    await call.ready;
    await call.stream(5);
    call.push(BOB, await sign(alice, BOB, connection));
    await vi.waitUntil(() => call.setIdentity.mock.calls.length === 2);
    await call.stream(5);
    expect(call.accepted).toMatchObject([{ known: false }, { known: false }]);
    call.sender.end();
    expect(await call.ended).toBe('ended');
  });

  it('decodes no picture before it is verified', async () => {
    let decide: (refusal?: { code: string; message: string }) => void = () => {};
    const verifyIdentity = vi.fn(
      () =>
        new Promise<{ code: string; message: string } | undefined>((resolve) => {
          decide = resolve;
        }),
    );
    const call = receiverDevice().call(newConnection(), { receiver: { verifyIdentity } });
    await vi.waitUntil(() => verifyIdentity.mock.calls.length === 1);
    await sleep(20);
    expect(call.decodePicture).not.toHaveBeenCalled();
    decide();
    expect(await call.ready).toBe('ready');
    expect(verifyIdentity).toHaveBeenCalledTimes(1);
    expect(call.decodePicture).toHaveBeenCalledTimes(1);
    call.receiver.end();
    await call.ended;
  });
});

/** That both ends have failed with this code, and nobody was shown. */
async function expectRefused(
  call: ReturnType<ReturnType<typeof receiverDevice>['call']>,
  code: string,
) {
  expect(await Promise.all([call.ended, call.ready])).toEqual([code, code]);
  expect(call.decodePicture).not.toHaveBeenCalled();
  expect(call.onFrame).not.toHaveBeenCalled();
  expect(call.accepted).toEqual([]);
}

describe('a call that is refused', () => {
  it('is not signed', async () => {
    await expectRefused(receiverDevice().call(newConnection(), {}), 'unsigned');
  });

  it('replays what was signed for another connection', async () => {
    const alice = await newDevice();
    const [first, second] = [newConnection(), newConnection()];
    const proof = await sign(alice, ALICE, first);
    const device = receiverDevice();
    const honest = device.call(first, { proof });
    expect(await honest.ready).toBe('ready');
    honest.sender.end();
    await honest.ended;
    await expectRefused(device.call(second, { proof }), 'signature-invalid');
    // Somebody between the two: one end of the connection is the one that was signed for.
    const between = { ...first, receiver: second.receiver };
    await expectRefused(device.call(between, { proof }), 'signature-invalid');
  });

  it('shows somebody else, whom the receiver has seen', async () => {
    const [alice, mallory] = await Promise.all([newDevice(), newDevice()]);
    const device = receiverDevice();
    const first = newConnection();
    const honest = device.call(first, { proof: await sign(alice, ALICE, first) });
    expect(await honest.ready).toBe('ready');
    honest.sender.end();
    await honest.ended;
    const second = newConnection();
    const proof = await sign(mallory, ALICE, second);
    await expectRefused(device.call(second, { proof }), 'identity-of-another');
  });

  it('cannot be verified', async () => {
    const verifyIdentity = () => Promise.reject(new Error('the store is gone'));
    const call = receiverDevice().call(newConnection(), { receiver: { verifyIdentity } });
    await expectRefused(call, 'unusable-identity');
    const error = await call.receiver.ended().catch((reason) => reason);
    expect(error).toBeInstanceOf(CallError);
    expect(error.message).toBe('the identity cannot be verified (the store is gone)');
  });
});

describe('another identity in the middle of a call', () => {
  /** What a hostile sender may offer, and the code that it fails with. */
  type Swap = (keys: {
    readonly alice: DeviceKey;
    readonly mallory: DeviceKey;
    readonly connection: CallFingerprints;
  }) => Promise<IdentityProof | undefined>;

  it.each<[string, Swap, string]>([
    ['under another key', (at) => sign(at.mallory, BOB, at.connection), 'key-changed'],
    ['without a signature', async () => undefined, 'unsigned'],
    ['signed for another call', (at) => sign(at.alice, BOB, newConnection()), 'signature-invalid'],
    [
      'with the proof of the first',
      (at) => sign(at.alice, ALICE, at.connection),
      'signature-invalid',
    ],
  ])('%s ends it, and none of it is shown', async (_name, swap, code) => {
    const [alice, mallory] = await Promise.all([newDevice(), newDevice()]);
    const connection = newConnection();
    const proof = await sign(alice, ALICE, connection);
    const call = receiverDevice().call(connection, { proof });
    expect(await call.ready).toBe('ready');
    await call.stream(10);
    call.push(BOB, await swap({ alice, mallory, connection }));
    for (let index = 0; index < 20; index++) call.sender.sendFrame(faceAt(index), 400 + 40 * index);
    expect(await call.ended).toBe(code);
    const shown = call.onFrame.mock.calls.length;
    await sleep(50);
    expect(call.onFrame).toHaveBeenCalledTimes(shown);
    expect(call.setIdentity).toHaveBeenCalledTimes(1);
    expect(call.decodePicture).toHaveBeenCalledTimes(1);
    expect(call.accepted).toHaveLength(1);
  });

  it('under another key ends it also where a better one follows at once', async () => {
    const [alice, mallory] = await Promise.all([newDevice(), newDevice()]);
    const connection = newConnection();
    const proofs = await Promise.all([
      sign(alice, ALICE, connection),
      sign(mallory, BOB, connection),
      sign(alice, BOB, connection),
    ]);
    const call = receiverDevice().call(connection, { proof: proofs[0] });
    expect(await call.ready).toBe('ready');
    call.push(BOB, proofs[1]);
    call.push(BOB, proofs[2]);
    expect(await call.ended).toBe('key-changed');
    expect(call.setIdentity).toHaveBeenCalledTimes(1);
  });

  it('of somebody known under another key ends it too', async () => {
    const [alice, bob] = await Promise.all([newDevice(), newDevice()]);
    const device = receiverDevice();
    const earlier = newConnection();
    const honest = device.call(earlier, {
      identity: BOB,
      proof: await sign(bob, BOB, earlier),
    });
    expect(await honest.ready).toBe('ready');
    honest.sender.end();
    await honest.ended;
    const connection = newConnection();
    const call = device.call(connection, { proof: await sign(alice, ALICE, connection) });
    expect(await call.ready).toBe('ready');
    call.push(BOB, await sign(alice, BOB, connection));
    expect(await call.ended).toBe('identity-of-another');
    expect(call.setIdentity).toHaveBeenCalledTimes(1);
  });
});

it('a hook that is none is named', () => {
  const options = { receiver: { verifyIdentity: 'yes' as never } };
  expect(() => receiverDevice().call(newConnection(), options)).toThrow(
    'verifyIdentity: must be a function',
  );
});

describe('a signed call that begins coarse', () => {
  it('is shown with all references in the end, each signed, and known the next time', async () => {
    const alice = await newDevice();
    const device = receiverDevice();
    const connection = newConnection();
    const identity = await personOf(120);
    const bytes = await coarseIdentity({ identity, pack: PACK, codec });
    const call = device.call(connection, {
      identity,
      proof: await sign(alice, identity, connection),
      coarse: { identity: bytes, proof: await sign(alice, bytes, connection) },
      device: alice,
    });
    expect(await call.ready).toBe('ready');
    await vi.waitUntil(() => call.reports.length === 1, { timeout: 5000 });
    expect(call.reports).toMatchObject([{ state: 'in-use' }]);
    expect(call.accepted).toMatchObject([{ key: alice.fingerprint }]);
    await call.stream(3);
    call.sender.end();
    await call.ended;
    // What came as a picture is as much hers as what came with the identity.
    const mallory = await newDevice();
    const second = newConnection();
    const borrowed = device.call(second, {
      identity,
      proof: await sign(mallory, identity, second),
    });
    expect(await borrowed.ended).toBe('identity-of-another');
  });
});

describe('pictures of a signed call', () => {
  /** A picture of this grey, for the first place. */
  async function referenceOf(grey: number) {
    const data = new Uint8ClampedArray(256 * 256 * 4).fill(grey);
    const picture = await codec.encode({ width: 256, height: 256, data }, 85);
    return { index: 0, picture, landmarks: faceAt(0) };
  }

  /** A call of Alice, whose pictures a device signs; how often pictures were decoded. */
  async function callOf(options: {
    readonly signs?: (alice: DeviceKey) => Promise<DeviceKey>;
    readonly signedFor?: CallFingerprints;
    readonly signPicture?: CallSenderOptions['signPicture'];
    readonly receiver?: Partial<CallReceiverOptions>;
  }) {
    const alice = await newDevice();
    const connection = newConnection();
    const proof = await sign(alice, ALICE, connection);
    const { signs = async () => alice, ...rest } = options;
    const call = receiverDevice().call(connection, {
      ...{ proof, device: await signs(alice) },
      ...rest,
    });
    expect(await call.ready).toBe('ready');
    await call.stream(3);
    return call;
  }

  it('are shown', async () => {
    const call = await callOf({});
    const id = call.sender.sendReference(await referenceOf(200));
    await vi.waitUntil(() => call.reports.length === 1);
    expect(call.reports).toEqual([{ id, state: 'in-use', code: '' }]);
    await call.stream(40);
    const shown = call.onFrame.mock.calls.at(-1)![0].picture;
    expect(shown.data[4 * (100 * 256 + 128)]).toBeGreaterThan(190);
    expect(call.receiver.getStats().pictures).toEqual({ used: 1, refused: {} });
    const still = call.sender.sendPicture((await referenceOf(40)).picture);
    await vi.waitUntil(() => call.reports.length === 2);
    call.sender.sendFrame(undefined, 2000);
    await vi.waitUntil(() => call.onFrame.mock.calls.at(-1)![0].origin === 'still');
    expect(call.reports[1].id).toBe(still);
    expect(call.onFrame.mock.calls.at(-1)![0].picture.data[0]).toBeLessThan(45);
    call.sender.end();
    expect(await call.ended).toBe('ended');
  });

  it.each([
    ["another's", 'signature-invalid', { signs: () => newDevice() }],
    ['of another connection', 'signature-invalid', { signedFor: newConnection() }],
    ['where none can be verified', 'unsigned', { receiver: { verifyPicture: undefined } }],
  ])('%s are refused as %s, and the call goes on', async (_name, code, options) => {
    const call = await callOf(options as Parameters<typeof callOf>[0]);
    const id = call.sender.sendReference(await referenceOf(200));
    const still = call.sender.sendPicture((await referenceOf(10)).picture);
    await vi.waitUntil(() => call.reports.length === 2);
    expect(call.reports).toEqual([
      { id, state: 'refused', code },
      { id: still, state: 'refused', code },
    ]);
    expect(call.decodePicture).toHaveBeenCalledTimes(1);
    expect(call.receiver.getStats().pictures).toEqual({ used: 0, refused: { [code]: 2 } });
    await call.stream(5);
    const shown = call.onFrame.mock.calls.at(-1)![0].picture;
    expect(shown.data[4 * (100 * 256 + 128)]).toBeLessThan(110);
    call.sender.end();
    expect(await call.ended).toBe('ended');
  });

  it.each([
    ['cannot be signed', () => Promise.reject(new Error('the key is gone'))],
    ['are signed with something else', async () => new Uint8Array(63)],
  ])('are given up where they %s', async (_name, signPicture) => {
    const call = await callOf({ signPicture });
    const id = call.sender.sendReference(await referenceOf(200));
    await vi.waitUntil(() => call.reports.length === 1);
    expect(call.reports).toEqual([{ id, state: 'refused', code: 'unsigned' }]);
    await call.stream(3);
    call.sender.end();
    expect(await call.ended).toBe('ended');
  });

  it('are refused where they cannot be decoded, or lack what signs them', async () => {
    const call = await callOf({});
    const reference = await referenceOf(200);
    const picture = reference.picture.slice(0, 40);
    const id = call.sender.sendReference({ ...reference, picture });
    await vi.waitUntil(() => call.reports.length === 1);
    expect(call.reports).toEqual([{ id, state: 'refused', code: 'unusable-picture' }]);
    call.sender.end();
    await call.ended;
    const alice = await newDevice();
    const connection = newConnection();
    const proof = await sign(alice, ALICE, connection);
    const other = receiverDevice().call(connection, { proof });
    expect(await other.ready).toBe('ready');
    expect(other.sender.takesPictures).toBe(false);
    expect(() => other.sender.sendReference(reference)).toThrow(/^signPicture/);
    other.receiver.end();
    await other.ended;
  });
});
