import { describe, expect, it } from 'vitest';
import { createHeadMesh } from '../src/geometry/head-mesh.js';
import { MESH_POINT_COUNT, POINT_COUNT } from '../src/geometry/landmarks.js';
import { faceValueCount, MotionModel, SURROUND_VALUES } from '../src/geometry/motion-model.js';
import { createPicture, type Picture } from '../src/geometry/picture.js';
import { whole } from '../src/geometry/resample.js';
import {
  createNodeShares,
  hasSurround,
  NODE_OFFSETS,
  nodeShares,
  SURROUND_COUNT,
  surroundMotion,
  withSurround,
} from '../src/geometry/surround.js';
import { alignReferences, createSurroundFit } from '../src/models/families/surround-fit.js';
import { createWarpDecoder } from '../src/models/families/warp.js';
import { openPack } from '../src/models/pack-node.js';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import { MAX_VALUE } from '../src/protocol/motion-codec.js';
import { enrol } from '../src/sender/enrolment.js';
import { createFrameAnalyser } from '../src/sender/frame-analyser.js';
import { syntheticFace, syntheticPicture } from './synthetic-face.js';

const face = syntheticFace();
const SIZE = 256;

/** Every node alike. */
const uniform = (x: number, y: number) =>
  Float32Array.from({ length: 2 * SURROUND_COUNT }, (_, i) => (i % 2 === 0 ? x : y));

/** Each node a motion of its own. */
const various = Float32Array.from({ length: 2 * SURROUND_COUNT }, (_, i) =>
  Math.round(8 * Math.sin(2.1 * i)),
);

/** Structure at every scale around the face, none of it repeating. */
function scene(): Picture {
  const picture = syntheticPicture(SIZE);
  for (let y = 0, at = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++, at += 4) {
      if (((x - 128) / 50) ** 2 + ((y - 120) / 64) ** 2 < 1) continue;
      const value =
        128 + 50 * Math.sin(x / 9 + Math.sin(y / 17)) + 50 * Math.sin(y / 11 + Math.cos(x / 23));
      picture.data.fill(value, at, at + 3);
    }
  }
  return picture;
}

/** What the warp shows where the surround has moved so. */
async function shown(picture: Picture, motion: Float32Array): Promise<Picture> {
  const decoder = createWarpDecoder();
  await decoder.setIdentity({ size: SIZE, references: [{ picture, landmarks: face }] });
  return decoder.decode(withSurround(face, motion));
}

function meanError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i] - b[i]);
  return sum / a.length;
}

describe('surround points', () => {
  it('lie behind the face’s, each beside its node', () => {
    const geometry = withSurround(face, various);
    expect([hasSurround(face), hasSurround(geometry)]).toEqual([false, true]);
    expect(geometry.subarray(0, 3 * POINT_COUNT)).toEqual(face);
    expect([...geometry.subarray(3 * (POINT_COUNT + 6), 3 * (POINT_COUNT + 7))]).toEqual([
      Math.fround((2 * 256) / 3 + various[12]),
      Math.fround(256 / 3 + various[13]),
      0,
    ]);
    expect(meanError(surroundMotion(geometry), various)).toBeLessThan(1e-4);
    expect(surroundMotion(face)).toEqual(uniform(0, 0));
    expect(withSurround(geometry, uniform(0, 0))).toEqual(withSurround(face, uniform(0, 0)));
  });

  it('share a place between its four nodes, and the border’s own beyond it', () => {
    const nodes = createNodeShares();
    const at = (x: number, y: number) => {
      nodeShares(x, y, nodes);
      const sum = [0, 0];
      NODE_OFFSETS.forEach((offset, i) => {
        const node = nodes.first + offset;
        sum[0] += (nodes.shares[i] * ((node % 4) * 256)) / 3;
        sum[1] += (nodes.shares[i] * (Math.floor(node / 4) * 256)) / 3;
      });
      return sum.map((value) => Math.round(value * 1e6) / 1e6);
    };
    // Bilinear shares of the nodes' own places are the place.
    expect(at(100, 31)).toEqual([100, 31]);
    expect(at(256, 256)).toEqual([256, 256]);
    expect(at(-40, 300)).toEqual([0, 256]);
  });

  it('move the rings of the head mesh, and none of the face', () => {
    const mesh = createHeadMesh([face], 0);
    const rest = new Float32Array(2 * mesh.vertexCount);
    const moved = new Float32Array(2 * mesh.vertexCount);
    mesh.place(face, rest);
    mesh.place(withSurround(face, uniform(5, -3)), moved);
    expect(moved.subarray(0, 2 * MESH_POINT_COUNT)).toEqual(rest.subarray(0, 2 * MESH_POINT_COUNT));
    for (let at = 2 * MESH_POINT_COUNT; at < moved.length; at += 2) {
      expect(moved[at] - rest[at]).toBeCloseTo(5, 3);
      expect(moved[at + 1] - rest[at + 1]).toBeCloseTo(-3, 3);
    }
  });

  it('go through the motion model within half a step', async () => {
    const { basis } = await openPack('portrait-256-cpu');
    const model = new MotionModel(basis, face, SURROUND_VALUES);
    const values = model.quantise(withSurround(face, various), undefined, 4, MAX_VALUE);
    expect(values).toHaveLength(faceValueCount(basis) + SURROUND_VALUES);
    const rebuilt = surroundMotion(model.reconstruct(values, 4));
    for (const [i, amount] of rebuilt.entries()) {
      expect(Math.abs(amount - various[i])).toBeLessThanOrEqual(
        model.step(values.length - 1, 4) / 2,
      );
    }
    // Without surround points the surround rests, and a model without them knows nothing of it.
    expect([...model.quantise(face, undefined, 4, MAX_VALUE).subarray(-SURROUND_VALUES)]).toEqual(
      new Array(SURROUND_VALUES).fill(0),
    );
    const plain = new MotionModel(basis, face);
    expect(hasSurround(plain.reconstruct(values.subarray(0, plain.valueCount), 4))).toBe(false);
  });
});

describe('the fit of surround points', () => {
  it('finds how the surround has moved, and nothing where it rests', async () => {
    const picture = scene();
    const fit = createSurroundFit([{ picture, landmarks: face }]);
    expect(meanError(fit.fit(picture, whole(picture), face), uniform(0, 0))).toBeLessThan(0.1);
    for (const motion of [uniform(6, -4), uniform(-14, 9)]) {
      const target = await shown(picture, motion);
      expect(meanError(fit.fit(target, whole(target), face), motion)).toBeLessThan(1.2);
    }
    const target = await shown(picture, various);
    const again = await shown(picture, fit.fit(target, whole(target), face));
    const before = meanError(picture.data, target.data);
    expect(meanError(again.data, target.data)).toBeLessThan(0.4 * before);
  });

  it('follows from frame to frame, and is not led astray by a hand', async () => {
    const picture = scene();
    const fit = createSurroundFit([{ picture, landmarks: face }]);
    let motion: Float32Array | undefined;
    for (let step = 1; step <= 6; step++) {
      const target = await shown(picture, uniform(step, 0));
      for (let y = 190; y < 250; y++) {
        target.data.fill(240, 4 * (SIZE * y + 20), 4 * (SIZE * y + 70));
      }
      motion = fit.fit(target, whole(target), face, motion);
    }
    const found = motion as Float32Array;
    const upper = [...found.subarray(0, 16)].filter((_, i) => i % 2 === 0);
    for (const x of upper) expect(Math.abs(x - 6)).toBeLessThan(2.5);
  });

  it('leaves a flat picture at rest', () => {
    const picture = createPicture(SIZE, SIZE);
    picture.data.fill(90);
    const fit = createSurroundFit([{ picture, landmarks: face }]);
    expect(fit.fit(picture, whole(picture), face)).toEqual(uniform(0, 0));
  });

  it('aligns references with the first', async () => {
    const picture = scene();
    const other = await shown(picture, uniform(7, 2));
    const [first, second] = alignReferences([
      { picture, landmarks: face },
      { picture: other, landmarks: face },
    ]);
    expect(first.landmarks).toBe(face);
    expect(meanError(surroundMotion(second.landmarks), uniform(7, 2))).toBeLessThan(1.2);
  });
});

describe('the frame analyser', () => {
  it('takes an identity as the receiver gets it', async () => {
    const picture = scene();
    const codec = createNodePictureCodec();
    // Twice the face's box is the crop: the picture's own.
    const { identity, crop } = await enrol([{ picture, landmarks: face }], {
      size: 256,
      references: 1,
      codec,
    });
    const pack = await openPack('portrait-256-cpu');
    const analyser = await createFrameAnalyser({ pack, identity, codec });
    const scale = 256 / crop.square.side;
    const landmarks = face.map(
      (v, i) => (i % 3 === 2 ? v : v - [crop.square.x, crop.square.y][i % 3]) * scale,
    );
    const geometry = await analyser.analyse(picture, crop.square, landmarks);
    expect(meanError(surroundMotion(geometry), uniform(0, 0))).toBeLessThan(0.5);
  });

  it('names a bad option', async () => {
    const codec = createNodePictureCodec();
    await expect(
      createFrameAnalyser({ pack: await openPack('warp'), identity: new Uint8Array(3), codec }),
    ).rejects.toThrow('identity: must be bytes of encodeIdentity');
  });
});
