import { expect, test } from 'vitest';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import { syntheticPicture } from './synthetic-face.js';

const codec = createNodePictureCodec();
const picture = syntheticPicture(64);

test('a picture survives compression, opaque', async () => {
  const bytes = await codec.encode(picture, 90);
  expect(bytes.length).toBeLessThan(picture.data.length / 4);
  const back = await codec.decode(bytes, 64);
  expect([back.width, back.height]).toEqual([64, 64]);
  let sum = 0;
  for (let i = 0; i < back.data.length; i++) sum += Math.abs(back.data[i] - picture.data[i]);
  expect(sum / back.data.length).toBeLessThan(4);
  expect(back.data[3]).toBe(255);
});

test('bytes that are no WebP, or too large a picture, are refused', async () => {
  const bytes = await codec.encode(picture, 50);
  await expect(codec.decode(bytes, 63)).rejects.toThrow();
  await expect(codec.decode(bytes.subarray(0, 40), 64)).rejects.toThrow();
  await expect(codec.decode(new Uint8Array(100), 64)).rejects.toThrow();
  await expect(codec.decode(new Uint8Array(0), 64)).rejects.toThrow();
});
