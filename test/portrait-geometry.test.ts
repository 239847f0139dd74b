import { describe, expect, it } from 'vitest';
import { CANONICAL_FACE } from '../src/geometry/canonical-face.js';
import { drawContours, drawDisc } from '../src/geometry/contours.js';
import { POINT_COUNT } from '../src/geometry/landmarks.js';
import { NO_TRIANGLE } from '../src/geometry/rasteriser.js';
import {
  LEFT_IRIS,
  LEFT_LIDS,
  NOSE_BRIDGE,
  RIGHT_IRIS,
  RIGHT_LIDS,
} from '../src/geometry/regions.js';
import { createFaceWarp, type FaceWarp } from '../src/models/families/face-warp.js';
import {
  CONDITIONING_CHANNELS,
  CONDITIONING_SIZE,
  createPortraitInputs,
  NETWORK_SIZE,
  TRUST_CHANNELS,
} from '../src/models/families/portrait-inputs.js';
import { faceBox } from '../src/sender/crop.js';
import { cartoonGeometry } from './support/cartoon-face.js';
import { moved, syntheticPicture } from './synthetic-face.js';

const picture = syntheticPicture(NETWORK_SIZE);
const reference = { picture, landmarks: CANONICAL_FACE };
const point = (p: number) => CANONICAL_FACE.subarray(3 * p, 3 * p + 3);

describe('the canonical face', () => {
  it('fills the middle half of the crop, nose to the camera', () => {
    expect(CANONICAL_FACE.length).toBe(3 * POINT_COUNT);
    expect(faceBox(CANONICAL_FACE)).toEqual({ x: 128, y: 128, size: 128 });
    const tip = Math.min(...CANONICAL_FACE.filter((_, i) => i % 3 === 2));
    expect(point(4)[2]).toBe(tip);
    expect(point(1)[0]).toBeCloseTo(128, 1);
  });
  it('looks straight out of two eyes that mirror each other', () => {
    const middle = (lids: readonly number[], axis: number) =>
      lids.reduce((sum, p) => sum + point(p)[axis], 0) / lids.length;
    expect(point(RIGHT_IRIS[0])[0] + point(LEFT_IRIS[0])[0]).toBeCloseTo(256, 1);
    expect(point(RIGHT_IRIS[0])[0]).toBeLessThan(128);
    for (const [[iris], lids] of [
      [RIGHT_IRIS, RIGHT_LIDS],
      [LEFT_IRIS, LEFT_LIDS],
    ]) {
      expect(Math.abs(point(iris)[0] - middle(lids, 0))).toBeLessThan(1.5);
      expect(Math.abs(point(iris)[1] - middle(lids, 1))).toBeLessThan(1.5);
    }
  });
});

describe('contours', () => {
  const size = 64;
  const unit = 256 / size;
  /** Every point at the middle of pixel (x, y), but those named at that of (bx, by). */
  const faceAt = (x: number, y: number, named: readonly number[] = [], bx = 0, by = 0) =>
    Float32Array.from({ length: 3 * POINT_COUNT }, (_, i) => {
      const elsewhere = named.includes(Math.floor(i / 3));
      const place = elsewhere ? [bx, by, 0] : [x, y, 0];
      return (place[i % 3] + 0.5) * unit;
    });
  const marks = (plane: Float32Array) =>
    [...plane].flatMap((value, i) =>
      value > 1e-6 ? [[i % size, Math.floor(i / size), value]] : [],
    );

  it('a point is one pixel, between two pixels half of each, and what was drawn before is gone', () => {
    const plane = new Float32Array(size * size).fill(1);
    drawContours(faceAt(10, 20), size, plane);
    expect(marks(plane)).toEqual([[10, 20, 1]]);
    drawContours(faceAt(10.5, 20), size, plane);
    expect(marks(plane)).toEqual([
      [10, 20, 0.5],
      [11, 20, 0.5],
    ]);
  });
  it('a line is one pixel wide', () => {
    const plane = new Float32Array(size * size);
    drawContours(faceAt(10, 20, [NOSE_BRIDGE[0]], 14, 20), size, plane);
    const columns = marks(plane).map(([x, y, value]) => [x, y, Number(value.toFixed(4))]);
    expect(columns).toEqual([10, 11, 12, 13, 14].map((x) => [x, 20, 1]));
  });
  it('what lies outside of the picture is left out', () => {
    const plane = new Float32Array(size * size);
    drawContours(faceAt(-30, 20, [NOSE_BRIDGE[0]], 200, 20), size, plane);
    expect(marks(plane).map(([x]) => x)).toEqual(Array.from({ length: size }, (_, x) => x));
    drawContours(faceAt(-30, -30), size, plane);
    expect(marks(plane)).toEqual([]);
  });
  it('a disc has the area of a circle, only where it may be seen', () => {
    const plane = new Float32Array(size * size);
    const everywhere = new Float32Array(size * size).fill(1);
    const [centre] = RIGHT_IRIS;
    // The edge is 6 pixels away from the centre.
    const face = faceAt(36, 30, [centre], 30, 30);
    drawDisc(face, RIGHT_IRIS, size, everywhere, plane);
    const area = plane.reduce((sum, value) => sum + value, 0);
    expect(area / (Math.PI * 36)).toBeCloseTo(1, 1);
    expect(plane[30 * size + 30]).toBe(1);
    expect(plane[30 * size + 38]).toBe(0);
    const half = new Float32Array(size * size);
    drawDisc(
      face,
      RIGHT_IRIS,
      size,
      everywhere.map((_, i) => (i % size < 30 ? 1 : 0)),
      half,
    );
    expect(half.every((value, i) => value === (i % size < 30 ? plane[i] : 0))).toBe(true);
  });
});

/** R, G, B of reference `k` as it is warped to a pixel's middle. */
function warpedColour(warp: FaceWarp, k: number, x: number, y: number, size = NETWORK_SIZE) {
  warp.locate(k, x + 0.5, y + 0.5, y * size + x);
  const colour = warp.colour(k, warp.at.x, warp.at.y);
  return [colour & 255, (colour >>> 8) & 255, (colour >>> 16) & 255];
}
const pixel = (x: number, y: number) => [...picture.data.subarray(4 * (y * 256 + x)).slice(0, 3)];
const apart = (a: readonly number[], b: readonly number[]) =>
  Math.max(...a.map((value, i) => Math.abs(value - b[i])));

const ON_FACE = [
  [128, 100],
  [90, 118],
  [160, 130],
  [128, 180],
];

describe('the warp of a face', () => {
  it('with the geometry of the reference every pixel is its own', () => {
    const warp = createFaceWarp([reference], NETWORK_SIZE);
    warp.update(CANONICAL_FACE);
    let worst = 0;
    for (let y = 0; y < 256; y += 3)
      for (let x = 0; x < 256; x += 3)
        worst = Math.max(worst, apart(warpedColour(warp, 0, x, y), pixel(x, y)));
    expect(worst).toBeLessThanOrEqual(2);
  });
  it('a face that has moved by (8, -5) comes from there; the corners rest', () => {
    const warp = createFaceWarp([reference], NETWORK_SIZE);
    warp.update(moved(CANONICAL_FACE, 8, -5));
    for (const [x, y] of ON_FACE) {
      warp.locate(0, x + 8.5, y - 4.5, (y - 5) * 256 + x + 8);
      expect([warp.at.x, warp.at.y]).toEqual([
        expect.closeTo(x + 0.5, 2),
        expect.closeTo(y + 0.5, 2),
      ]);
      expect(apart(warpedColour(warp, 0, x + 8, y - 5), pixel(x, y))).toBeLessThanOrEqual(2);
    }
    for (const [x, y] of [
      [1, 1],
      [254, 254],
    ])
      expect(apart(warpedColour(warp, 0, x, y), pixel(x, y))).toBeLessThanOrEqual(2);
  });
  it('a row of colours is what its pixels are one by one', () => {
    const warp = createFaceWarp([reference], NETWORK_SIZE);
    warp.update(cartoonGeometry([0.05, 0.2, 0], 8));
    const row = new Uint32Array(256);
    for (const y of [3, 104, 150]) {
      warp.colours(0, y, row);
      for (let x = 0; x < 256; x++) {
        const colours = [row[x] & 255, (row[x] >>> 8) & 255, (row[x] >>> 16) & 255];
        expect(apart(colours, warpedColour(warp, 0, x, y)), `${x}, ${y}`).toBeLessThanOrEqual(1);
      }
    }
  });
  it('shares of references sum to 1; off the mesh all is the first one’s', () => {
    const turned = { picture, landmarks: cartoonGeometry([0, 0.4, 0]) };
    const warp = createFaceWarp([reference, turned], NETWORK_SIZE);
    const geometry = cartoonGeometry([0, 0.2, 0]);
    for (let i = 0; i < 4; i++) warp.update(geometry);
    let both = 0;
    for (let i = 0; i < 256 * 256; i += 37) {
      const [x, y] = [(i % 256) + 0.5, Math.floor(i / 256) + 0.5];
      const shares = [0, 1].map((k) => warp.share(k, x, y, i));
      expect(shares[0] + shares[1]).toBeCloseTo(1, 3);
      if (shares[0] > 0.2 && shares[1] > 0.2) both++;
      if (warp.map.ids[i] === NO_TRIANGLE) expect(shares).toEqual([1, 0]);
    }
    expect(both).toBeGreaterThan(10);
  });
});

describe('what the network sees', () => {
  const small = CONDITIONING_SIZE * CONDITIONING_SIZE;
  const channel = (planes: Float32Array, index: number) =>
    planes.subarray(index * small, (index + 1) * small);
  /** The value at a pixel of 256. */
  const at = (plane: Float32Array, x: number, y: number) =>
    plane[(y >> 1) * CONDITIONING_SIZE + (x >> 1)];
  const inputsOf = (references: readonly (typeof reference)[], geometry = CANONICAL_FACE) => {
    const inputs = createPortraitInputs(references);
    for (let i = 0; i < 4; i++) inputs.update(geometry);
    return inputs;
  };

  it('at rest: the reference itself, all the share, neither stretched nor moved', () => {
    const { warped, trust, conditioning } = inputsOf([reference]);
    const plane = NETWORK_SIZE * NETWORK_SIZE;
    expect(warped.length).toBe(3 * plane);
    expect(conditioning.length).toBe(CONDITIONING_CHANNELS * small);
    let worst = 0;
    for (let i = 0; i < plane; i++)
      for (let c = 0; c < 3; c++)
        worst = Math.max(worst, Math.abs(warped[c * plane + i] - picture.data[4 * i + c] / 255));
    expect(worst).toBeLessThan(2.5 / 255);
    expect(trust.length).toBe(TRUST_CHANNELS * small);
    for (let c = 0; c < TRUST_CHANNELS; c++)
      expect(channel(trust, c).every((value) => Math.abs(value - (c === 0 ? 1 : 0)) < 0.005)).toBe(
        true,
      );
    // The canonical face at rest is the map of itself.
    for (const [x, y] of ON_FACE) {
      expect(at(channel(conditioning, 0), x, y)).toBeCloseTo((2 * (x + 0.5)) / 256 - 1, 2);
      expect(at(channel(conditioning, 1), x, y)).toBeCloseTo((2 * (y + 0.5)) / 256 - 1, 2);
      expect(at(channel(conditioning, 2), x, y)).toBe(1);
    }
    expect(at(channel(conditioning, 2), 4, 4)).toBe(0);
  });
  it('the map of the face moves with the face, and says how far', () => {
    const { trust, conditioning } = inputsOf([reference], moved(CANONICAL_FACE, 16, -8));
    for (const [x, y] of ON_FACE) {
      const [nowX, nowY] = [x + 16, y - 8];
      expect(at(channel(conditioning, 0), nowX, nowY)).toBeCloseTo((2 * (x + 0.5)) / 256 - 1, 2);
      expect(at(channel(conditioning, 1), nowX, nowY)).toBeCloseTo((2 * (y + 0.5)) / 256 - 1, 2);
      // In units of 32 pixels: what is shown lies 16 to the left and 8 below.
      expect(at(channel(trust, 2), nowX, nowY)).toBeCloseTo(-0.5, 2);
      expect(at(channel(trust, 3), nowX, nowY)).toBeCloseTo(0.25, 2);
    }
  });
  it('eyes, irises and an open mouth are where they are', () => {
    const closed = inputsOf([reference]);
    const open = inputsOf([reference], cartoonGeometry([0, 0, 0], 16));
    const total = (plane: Float32Array) => plane.reduce((sum, value) => sum + value, 0);
    const mouth = channel(open.conditioning, 3);
    expect(total(mouth)).toBeGreaterThan(total(channel(closed.conditioning, 3)) + 30);
    const face = cartoonGeometry([0, 0, 0], 16);
    // Points 13 and 14: the middle of the upper and of the lower lip's edge.
    const [x, upper, lower] = [face[39], face[40], face[43]];
    expect(lower - upper).toBeGreaterThan(16);
    for (const y of [upper + 2, (upper + lower) / 2, lower - 2]) expect(at(mouth, x, y)).toBe(1);
    for (const y of [upper - 4, lower + 4]) expect(at(mouth, x, y)).toBe(0);
    for (const [iris] of [RIGHT_IRIS, LEFT_IRIS]) {
      const [ix, iy] = point(iris);
      expect(at(channel(closed.conditioning, 4), ix, iy)).toBe(1);
      expect(at(channel(closed.conditioning, 5), ix, iy)).toBe(1);
    }
    const [eyes, irises] = [4, 5].map((c) => channel(closed.conditioning, c));
    expect(irises.every((value, i) => value <= eyes[i])).toBe(true);
    expect(total(irises)).toBeLessThan(total(eyes));
  });
  it('a reference half as large is stretched, one twice as large shrunk', () => {
    const scaled = (factor: number) =>
      CANONICAL_FACE.map((value, i) =>
        i % 3 === 2 ? value * factor : 128 + (value - 128) * factor,
      );
    for (const [factor, expected] of [
      [0.5, -1],
      [0.75, Math.log2(0.75)],
      [1.5, Math.log2(1.5)],
    ]) {
      const { trust } = inputsOf([{ picture, landmarks: scaled(factor) }]);
      for (const [x, y] of ON_FACE) expect(at(channel(trust, 1), x, y)).toBeCloseTo(expected, 2);
    }
  });
  it('every value is finite and within its range, wherever the face has gone', () => {
    const turned = { picture, landmarks: cartoonGeometry([0, 0.4, 0]) };
    for (const geometry of [
      moved(CANONICAL_FACE, 300, 0),
      cartoonGeometry([0.3, -1.2, 0.2], 30),
      new Float32Array(3 * POINT_COUNT),
    ]) {
      const { warped, trust, conditioning } = inputsOf([reference, turned], geometry);
      expect(warped.every((value) => value >= 0 && value <= 1)).toBe(true);
      expect(trust.every((value) => value >= -2.001 && value <= 2.001)).toBe(true);
      expect(conditioning.every((value) => value >= -1.5 && value <= 1.5)).toBe(true);
    }
  });
});
