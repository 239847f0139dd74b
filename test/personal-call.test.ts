import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CallReceiver, type ShownPicture } from '../src/call-receiver.js';
import { CallSender } from '../src/call-sender.js';
import { createDecoder } from '../src/models/decoder-node.js';
import type { Pack } from '../src/models/pack.js';
import { encodePersonal, personalPack } from '../src/models/personal.js';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import { encodeIdentity } from '../src/protocol/identity.js';
import { ReceiverSession } from '../src/receiver/session.js';
import { connectWerift, type WeriftCall } from '../src/transport/werift.js';
import { faceAt, IDENTITY, simulatedCall } from './support/call.js';
import { plainPortrait } from './support/plain-portrait.js';
import { createSignallingPair } from './support/signalling-pair.js';
import { syntheticFace, syntheticPicture } from './synthetic-face.js';

/** The base shows a dark blue whatever it is given, the person's own network an olive. */
const DIFFERENCES = [Float32Array.of(0.5, 0.5), Float32Array.of(0, 0)];
const DARK_BLUE = [0, 0, 64];
const OLIVE = [128, 128, 64];
let base: Pack;
let personal: Pack;
let otherBase: Pack;
beforeAll(async () => {
  base = await plainPortrait([0, 0, 0.25, 1]);
  otherBase = { ...base, identity: { ...base.identity, sha256: 'b2'.repeat(32) } };
  personal = personalPack(base, encodePersonal(base, DIFFERENCES));
});

const calls: WeriftCall[] = [];
afterEach(async () => {
  await Promise.all(calls.splice(0).map((call) => call.close()));
});

/** A call over werift of 12 frames; the colours that were shown, the still first. */
async function coloursShown(pack: Pack): Promise<number[][]> {
  const [left, right] = createSignallingPair();
  const [from, to] = await Promise.all([
    connectWerift({ role: 'sender', signalling: left }),
    connectWerift({ role: 'receiver', signalling: right }),
  ]);
  calls.push(from, to);
  const colours: number[][] = [];
  const look = (picture: ShownPicture['picture']) => {
    if (picture) colours.push([...picture.data.subarray(4 * 128 * 257, 4 * 128 * 257 + 3)]);
  };
  const codec = createNodePictureCodec();
  const receiver = new CallReceiver({
    channels: to.channels,
    pack: base,
    maxSize: 256,
    decoder: createDecoder(base),
    pictureCodec: codec,
    onIdentity: look,
    onFrame: ({ picture }) => look(picture),
  });
  const ended = receiver.ended().then(() => to.close());
  const neutral = syntheticFace();
  const picture = await codec.encode(syntheticPicture(256), 85);
  const references = [{ picture, landmarks: neutral }];
  const identity = encodeIdentity({ size: 256, neutral, references });
  const sender = new CallSender({
    channels: from.channels,
    pack,
    identity,
    fps: 25,
    unpaced: true,
  });
  await sender.ready();
  for (let index = 0; index < 12; index++) sender.sendFrame(faceAt(index), 40 * index);
  sender.end();
  await Promise.all([sender.closed(), ended]);
  expect(receiver.getStats().drops).toEqual({});
  return colours;
}

describe('a real call', () => {
  it("shows the person with their own network, and others with the pack's", async () => {
    const own = await coloursShown(personal);
    expect(own.length).toBeGreaterThan(6);
    expect(new Set(own.map(String))).toEqual(new Set([String(OLIVE)]));
    const others = await coloursShown(base);
    expect(new Set(others.map(String))).toEqual(new Set([String(DARK_BLUE)]));
  });
});

describe('the differences of a personal pack', () => {
  const call = (pack: Pack, receivers: Pack) =>
    simulatedCall({ sender: { pack }, receiver: { pack: receivers }, undecided: true });

  it('come with the identity, verified', () => {
    const one = call(personal, base);
    one.run(2000);
    const offered = one.receiver.offeredIdentity!;
    expect(offered.networks).toEqual(personal.networks);
    expect(offered.personal).toEqual(personal.personal);
    expect(one.receiver.getStats().drops).toEqual({});
  });

  it('stay at home where the receiver takes none, as an older one', () => {
    const { weights, ...older } = base;
    const one = call(personal, older);
    one.run(2000);
    const offered = one.receiver.offeredIdentity!;
    expect(offered.personal).toBeUndefined();
    expect(offered.networks).toBeUndefined();
    expect(one.sender.getStats().identityBytes).toBeLessThan(IDENTITY.length + 100);
    one.receiver.useIdentity(offered);
    one.run(2100);
    expect(one.sender.status.state).toBe('streaming');
  });

  it('of another pack are dropped, and the person is shown all the same', () => {
    const wrong = personalPack(otherBase, encodePersonal(otherBase, DIFFERENCES));
    const one = call({ ...personal, personal: wrong.personal! }, base);
    one.run(2000);
    expect(one.receiver.getStats().drops).toEqual({ 'hash-mismatch': 1 });
    const offered = one.receiver.offeredIdentity!;
    expect(offered.networks).toBeUndefined();
    one.receiver.useIdentity(offered);
    one.run(2100);
    expect(one.sender.status.state).toBe('streaming');
  });

  it('that are garbage are dropped', () => {
    const one = call({ ...personal, personal: Uint8Array.of(1, 2, 3) }, base);
    one.run(2000);
    expect(one.receiver.getStats().drops).toEqual({ truncated: 1 });
    expect(one.receiver.offeredIdentity!.networks).toBeUndefined();
  });

  it('are not for receivers: those have the base', () => {
    const open = () => new ReceiverSession({ pack: personal, maxSize: 256 }, 0);
    expect(open).toThrow('pack: must be the base of the personal pack');
  });
});

describe('a decoder', () => {
  it('changes its network with the person, also while a frame is under way', async () => {
    const decoder = createDecoder(base);
    const person = () => ({
      size: 256,
      references: [{ picture: syntheticPicture(256), landmarks: syntheticFace() }],
    });
    const colour = async () => [...(await decoder.decode(faceAt(1))).data.subarray(0, 3)];
    await decoder.setIdentity(person());
    const before = colour();
    const { networks } = personal;
    await Promise.all([decoder.setIdentity({ ...person(), networks }), before]);
    expect([await before, await colour()]).toEqual([DARK_BLUE, OLIVE]);
    await decoder.setIdentity(person());
    expect(await colour()).toEqual(DARK_BLUE);
    await decoder.close();
  });
});
