import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createPicture, type Picture } from '../src/geometry/picture.js';
import { createWarpDecoder } from '../src/models/families/warp.js';
import { type Pack, PackError } from '../src/models/pack.js';
import { openPack } from '../src/models/pack-node.js';
import { createWorkerDecoder, type WorkerLike } from '../src/models/worker-decoder.js';
import { serveDecoders, type WorkerScope } from '../src/models/worker-host.js';
import type { OpenDecoder, WorkerRequest } from '../src/models/worker-messages.js';
import { InvalidStateError } from '../src/protocol/errors.js';
import { moved, syntheticFace, syntheticPicture } from './synthetic-face.js';

const size = 256;
const face = syntheticFace();
const pack = await openPack('warp');
const identity = (picture: Picture = syntheticPicture(size)) => ({
  size,
  references: [{ picture, landmarks: face }],
});

/** Both ends of a worker without its thread: real ports, real transfers. */
let channel: MessageChannel;
let worker: WorkerLike;
let fail: (event: ErrorEvent) => void;

beforeEach(() => {
  channel = new MessageChannel();
  worker = {
    postMessage: (message, transfer) => channel.port1.postMessage(message, transfer),
    addEventListener: (_, listener) => {
      fail = listener;
    },
    removeEventListener: () => {
      fail = () => {};
    },
  };
  serveDecoders(channel.port2 as WorkerScope);
  channel.port2.start();
});

afterEach(() => {
  vi.useRealTimers();
  channel.port1.close();
});

test('a worker decodes what the decoder itself does; pictures are moved, geometry is not', async () => {
  const inWorker = createWorkerDecoder(worker, pack);
  const here = createWarpDecoder();
  const picture = syntheticPicture(size);
  await inWorker.setIdentity(identity(picture));
  expect(picture.data.byteLength).toBe(0);
  await here.setIdentity(identity());
  const geometry = moved(face, 5, 3);
  const shown = await inWorker.decode(geometry);
  expect(shown).toEqual(await here.decode(geometry));
  expect(geometry).toEqual(moved(face, 5, 3));
  await inWorker.close();
});

test('a picture that is part of a larger buffer leaves the rest where it is', async () => {
  const decoder = createWorkerDecoder(worker, pack);
  const bytes = syntheticPicture(size).data;
  const buffer = new ArrayBuffer(bytes.length + 8);
  const data = new Uint8ClampedArray(buffer, 8);
  data.set(bytes);
  await decoder.setIdentity(identity({ width: size, height: size, data }));
  expect(buffer.byteLength).toBe(bytes.length + 8);
  await decoder.close();
});

test('two references may share a picture', async () => {
  const decoder = createWorkerDecoder(worker, pack);
  const [reference] = identity().references;
  await decoder.setIdentity({ size, references: [reference, reference] });
  await decoder.close();
});

test('two decoders of one worker show two people, and outlive each other', async () => {
  const first = createWorkerDecoder(worker, pack);
  const second = createWorkerDecoder(worker, pack);
  const black = createPicture(size, size);
  await Promise.all([first.setIdentity(identity()), second.setIdentity(identity(black))]);
  await first.close();
  const { data } = await second.decode(face);
  expect(data.some((value, i) => i % 4 !== 3 && value !== 0)).toBe(false);
  await second.close();
});

test('messages of the application pass by', async () => {
  for (const message of [undefined, null, 'text', { visavis: 'other' }]) {
    worker.postMessage(message, []);
  }
  const decoder = createWorkerDecoder(worker, pack);
  await decoder.setIdentity(identity());
  await decoder.close();
});

test('what the decoder refuses comes back as its error', async () => {
  const decoder = createWorkerDecoder(worker, pack);
  await expect(decoder.decode(face)).rejects.toThrow(InvalidStateError);
  await expect(decoder.setIdentity(identity(createPicture(9, 9)))).rejects.toThrow(
    new TypeError('identity.references[0].picture: must be 256×256'),
  );
  await decoder.setIdentity(identity());
  expect((await decoder.decode(face)).width).toBe(size);
  await decoder.close();
});

test.each(['lsr', 'constructor'])(
  'a pack of the unknown family %s is a PackError',
  async (family) => {
    const other: Pack = { ...pack, manifest: { ...pack.manifest, family } };
    const decoder = createWorkerDecoder(worker, other);
    await expect(decoder.setIdentity(identity())).rejects.toThrow(PackError);
    await decoder.close();
  },
);

test('more calls under way than any use has are refused', async () => {
  const decoder = createWorkerDecoder(worker, pack);
  await decoder.setIdentity(identity());
  const calls = Array.from({ length: 5 }, () => decoder.decode(face));
  await expect(calls[4]).rejects.toThrow(InvalidStateError);
  expect(await Promise.all(calls.slice(0, 4))).toHaveLength(4);
  await decoder.close();
});

test('close ends what is under way', async () => {
  const decoder = createWorkerDecoder(worker, pack);
  const underWay = decoder.decode(face);
  await Promise.all([
    expect(underWay).rejects.toThrow(InvalidStateError),
    decoder.close(),
    decoder.close(),
  ]);
  await expect(decoder.decode(face)).rejects.toThrow(InvalidStateError);
  await expect(decoder.setIdentity(identity())).rejects.toThrow(InvalidStateError);
});

test('the worker lets go of a decoder that is closed', async () => {
  const { port1, port2 } = new MessageChannel();
  const open: OpenDecoder = { visavis: 'open-decoder', family: 'warp', port: port2 };
  worker.postMessage(open, [port2]);
  const gone = new Promise((resolve) => port1.addEventListener('close', resolve));
  port1.start();
  port1.postMessage({ type: 'close' } satisfies WorkerRequest);
  await gone;
});

test('a worker whose script fails ends the decoder', async () => {
  const decoder = createWorkerDecoder({ ...worker, postMessage: () => {} }, pack);
  const underWay = decoder.decode(face);
  fail({ message: 'SyntaxError' } as ErrorEvent);
  await expect(underWay).rejects.toThrow("the decoder's worker failed: SyntaxError");
  await expect(decoder.decode(face)).rejects.toThrow("the decoder's worker failed: SyntaxError");
  await decoder.close();
});

test('a worker that says nothing any more ends the decoder', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const decoder = createWorkerDecoder({ ...worker, postMessage: () => {} }, pack);
  const underWay = decoder.decode(face);
  vi.advanceTimersByTime(29_000);
  expect(await Promise.race([underWay, 'waiting'])).toBe('waiting');
  vi.advanceTimersByTime(1_000);
  await expect(underWay).rejects.toThrow('does not answer');
  expect(vi.getTimerCount()).toBe(0);
});
