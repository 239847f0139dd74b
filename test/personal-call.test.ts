import { beforeAll, describe, expect, it } from 'vitest';
import { createDecoder } from '../src/models/decoder-node.js';
import type { Pack } from '../src/models/pack.js';
import { encodePersonal, personalPack } from '../src/models/personal.js';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import { encodeIdentity } from '../src/protocol/identity.js';
import { ReceiverSession } from '../src/receiver/session.js';
import { faceAt, IDENTITY, simulatedCall } from './support/call.js';
import { plainPortrait } from './support/plain-portrait.js';
import { realCall } from './support/real-call.js';
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

/** The colours that a call of 12 frames shows, the still first. */
async function coloursShown(pack: Pack): Promise<number[][]> {
  const neutral = syntheticFace();
  const picture = await createNodePictureCodec().encode(syntheticPicture(256), 85);
  const references = [{ picture, landmarks: neutral }];
  const { still, pictures } = await realCall({
    pack,
    receivers: base,
    decoder: createDecoder(base),
    identity: encodeIdentity({ size: 256, neutral, references }),
    frames: Array.from({ length: 12 }, (_, index) => faceAt(index)),
  });
  const middle = 4 * 128 * 257;
  return [still!, ...pictures].map(({ data }) => [...data.subarray(middle, middle + 3)]);
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
