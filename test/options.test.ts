import { expect, test } from 'vitest';
import * as visavis from '../src/node.js';
import { faceAt, PACK } from './support/call.js';

const picture = visavis.createPicture(64, 64);
const frame = { picture, landmarks: faceAt(0) };
const codec = visavis.createNodePictureCodec();
const good = { size: 256, references: 1, codec } as const;
const decoder = () => visavis.createDecoder(PACK);
const reference = { picture, landmarks: faceAt(0) };

/** What JavaScript lets through and TypeScript does not: a call, and what its TypeError says first. */
const wrong: readonly [says: string, call: () => unknown][] = [
  ['frames: must be', () => visavis.enrol([], good)],
  ['size: must be one of 256, 512, not 300', () => enrol([frame], { ...good, size: 300 })],
  ['references: must be', () => visavis.enrol([frame], { ...good, references: 17 })],
  ['codec: must be', () => enrol([frame], { ...good, codec: {} })],
  ['frames[0].picture: must be', () => enrol([{ landmarks: faceAt(0) }], good)],
  ['frames[0].landmarks: must be', () => enrol([{ picture }], good)],
  ['frames[1].picture: must be 64×64', () => enrol([frame, otherSize()], good)],
  ['frames[0].landmarks: must be finite', () => enrol([notANumber()], good)],
  ['faces: must be', () => new visavis.HeadCrop([], 64, 64)],
  ['pack: must be', () => visavis.createDecoder({} as visavis.Pack)],
  ['identity.references: must be', () => decoder().setIdentity({ size: 64, references: [] })],
  ['identity.references[0].picture: must be 256×256', () => setIdentity(256, reference)],
  ['identity.references[0].landmarks: must be', () => setIdentity(64, { picture })],
  ['geometry: must be 1434 numbers', () => decodeShort()],
  ['nameOrPath: must be', () => visavis.openPack(undefined as never)],
  ["role: must be 'sender' or 'receiver'", () => visavis.connectWerift({} as never)],
  ['host: must be', () => visavis.createSignallingServer({ port: 0 } as never)],
  ['port: must be', () => visavis.createSignallingServer({ host: '127.0.0.1' } as never)],
  ['seed: must be', () => visavis.createSimulatedLink({} as never)],
];

const enrol = (frames: unknown, options: unknown) =>
  visavis.enrol(frames as visavis.EnrolmentFrame[], options as visavis.EnrolmentOptions);
const otherSize = () => ({ ...frame, picture: visavis.createPicture(32, 64) });
const notANumber = () => ({ picture, landmarks: faceAt(0).fill(Number.NaN) });
const setIdentity = (size: number, one: unknown) =>
  decoder().setIdentity({ size, references: [one as visavis.DecoderReference] });
async function decodeShort() {
  const one = decoder();
  await one.setIdentity({ size: 64, references: [reference] });
  return one.decode(new Float32Array(1404));
}

test.each(wrong)('%s', async (says, call) => {
  const error = await Promise.resolve()
    .then(call)
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TypeError);
  expect((error as Error).message.slice(0, says.length)).toBe(says);
});

test('a closed decoder and one without an identity say so', async () => {
  const one = decoder();
  await expect(one.decode(faceAt(0))).rejects.toThrow(visavis.InvalidStateError);
  await one.close();
  await one.close();
  await expect(one.decode(faceAt(0))).rejects.toThrow('the decoder is closed');
});
