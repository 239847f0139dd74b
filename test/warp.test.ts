import { expect, test } from 'vitest';
import { POINT_COUNT } from '../src/geometry/landmarks.js';
import type { Picture } from '../src/geometry/picture.js';
import { LIPS_INNER } from '../src/geometry/regions.js';
import { FADE_FRAMES } from '../src/models/families/cross-fade.js';
import { createWarpDecoder } from '../src/models/families/warp.js';
import { InvalidStateError } from '../src/protocol/errors.js';
import { moved, syntheticFace, syntheticPicture } from './synthetic-face.js';

const face = syntheticFace();
const size = 256;
const picture = syntheticPicture(size);

async function decoderOf(...references: { picture: Picture; landmarks: Float32Array }[]) {
  const decoder = createWarpDecoder();
  await decoder.setIdentity({ size: references[0].picture.width, references });
  return decoder;
}

function pixel(shown: Picture, x: number, y: number): number[] {
  const at = 4 * (y * shown.width + x);
  return [...shown.data.subarray(at, at + 3)];
}

function worst(a: Picture, b: Picture): number {
  let most = 0;
  for (let i = 0; i < a.data.length; i++) most = Math.max(most, Math.abs(a.data[i] - b.data[i]));
  return most;
}

test.each([256, 512])('the reference’s own geometry shows the reference (%i)', async (side) => {
  const reference = syntheticPicture(side);
  const decoder = await decoderOf({ picture: reference, landmarks: face });
  expect(worst(await decoder.decode(face), reference)).toBeLessThanOrEqual(2);
});

test('a moved geometry moves the face, and leaves the far background where it is', async () => {
  const decoder = await decoderOf({ picture, landmarks: face });
  const shown = await decoder.decode(moved(face, 8, -5));
  for (const [x, y] of [
    [128, 120],
    [110, 90],
    [150, 140],
    [128, 62],
  ]) {
    const difference = pixel(shown, x + 8, y - 5).map((v, i) =>
      Math.abs(v - pixel(picture, x, y)[i]),
    );
    expect(Math.max(...difference), `face at ${x}, ${y}`).toBeLessThanOrEqual(3);
  }
  for (const at of [
    [1, 1],
    [254, 1],
    [1, 254],
    [254, 254],
  ]) {
    const difference = pixel(shown, at[0], at[1]).map((v, i) =>
      Math.abs(v - pixel(picture, at[0], at[1])[i]),
    );
    expect(Math.max(...difference), `background at ${at}`).toBeLessThanOrEqual(2);
  }
});

test('every pixel is opaque and comes from somewhere, however far the face has gone', async () => {
  const decoder = await decoderOf({ picture, landmarks: face });
  for (const [dx, dy] of [
    [-200, 0],
    [0, 300],
    [90, -90],
  ]) {
    const shown = await decoder.decode(moved(face, dx, dy));
    expect(shown.data.every((value, i) => i % 4 !== 3 || value === 255)).toBe(true);
  }
  const flat = await decoder.decode(new Float32Array(3 * POINT_COUNT));
  expect(flat.data.length).toBe(size * size * 4);
});

test('the same frames give the same pictures', async () => {
  const other = syntheticPicture(size);
  other.data.reverse();
  const turned = face.map((value, i) => (i % 3 === 0 ? 128 + (value - 128) * 0.9 : value));
  const run = async () => {
    const decoder = await decoderOf(
      { picture, landmarks: face },
      { picture: other, landmarks: turned },
    );
    const shown: Picture[] = [];
    for (let i = 0; i < 6; i++) shown.push(await decoder.decode(i < 2 ? face : turned));
    return shown;
  };
  const [first, second] = [await run(), await run()];
  first.forEach((shown, i) => {
    expect(worst(shown, second[i])).toBe(0);
  });
  // The second reference takes over, frame by frame rather than at once.
  expect(worst(first[1], first[2])).toBeGreaterThan(worst(first[4], first[5]));
});

test('lips that open wider than any reference open onto a dark inside', async () => {
  const skin = syntheticPicture(size);
  for (let i = 0; i < skin.data.length; i++) if (i % 4 !== 3) skin.data[i] = 200;
  const decoder = await decoderOf({ picture: skin, landmarks: face });
  const open = face.slice();
  const [x, y] = [0, 1].map(
    (axis) => LIPS_INNER.reduce((sum, p) => sum + face[3 * p + axis], 0) / LIPS_INNER.length,
  );
  for (const p of LIPS_INNER) {
    open[3 * p] = x + 6 * (face[3 * p] - x);
    open[3 * p + 1] = y + 12 * (face[3 * p + 1] - y);
  }
  const shown = await decoder.decode(open);
  expect(Math.max(...pixel(shown, Math.round(x), Math.round(y)))).toBeLessThan(150);
});

test('a decoder that is closed, or knows nobody, says so', async () => {
  const decoder = createWarpDecoder();
  await expect(decoder.decode(face)).rejects.toThrow(InvalidStateError);
  await expect(decoder.setIdentity({ size, references: [] })).rejects.toThrow(TypeError);
  await expect(
    decoder.setIdentity({ size: 512, references: [{ picture, landmarks: face }] }),
  ).rejects.toThrow('references[0].picture: must be 512×512');
  await decoder.setIdentity({ size, references: [{ picture, landmarks: face }] });
  await decoder.close();
  await decoder.close();
  await expect(decoder.decode(face)).rejects.toThrow(InvalidStateError);
});

test('other references are faded to, the face where it is', async () => {
  const decoder = await decoderOf({ picture, landmarks: face });
  const dark = { ...picture, data: picture.data.map((v, i) => (i % 4 === 3 ? v : v / 2)) };
  await decoder.changeReferences!([{ picture: dark, landmarks: face }]);
  const shares: number[] = [];
  for (let n = 0; n < FADE_FRAMES + 1; n++) {
    const shown = await decoder.decode(face);
    const [at] = pixel(shown, 128, 120);
    shares.push((pixel(picture, 128, 120)[0] - at) / (pixel(picture, 128, 120)[0] / 2));
  }
  expect(shares[0]).toBeLessThan(0.1);
  expect(shares.every((share, n) => n === 0 || share >= shares[n - 1] - 0.02)).toBe(true);
  expect(shares.at(-2)).toBeCloseTo(1, 1);
  const after = await decoder.decode(face);
  expect(worst(after, dark)).toBeLessThanOrEqual(2);
});

test('a change in the middle of a fade goes on from what shows', async () => {
  const grey = (value: number) => {
    const data = new Uint8ClampedArray(picture.data.length).fill(value);
    return { picture: { ...picture, data }, landmarks: face };
  };
  const decoder = await decoderOf(grey(200));
  const greys: number[] = [];
  const frames = async (count: number) => {
    for (let n = 0; n < count; n++) greys.push(pixel(await decoder.decode(face), 10, 10)[0]);
  };
  await decoder.changeReferences!([grey(100)]);
  await frames(4);
  await decoder.changeReferences!([grey(0)]);
  await frames(FADE_FRAMES);
  const steps = greys.map((value, n) => Math.abs(value - (greys[n - 1] ?? 200)));
  expect(Math.max(...steps)).toBeLessThan(45);
  expect(greys.at(-1)).toBe(0);
  await decoder.close();
  await expect(decoder.changeReferences!([grey(1)])).rejects.toThrow(InvalidStateError);
});
