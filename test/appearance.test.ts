import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type AppearanceBasis,
  appearanceOf,
  appearanceValues,
  featureBoxes,
  withAppearance,
} from '../src/geometry/appearance.js';
import type { Landmarks } from '../src/geometry/landmarks.js';
import { faceValueCount, MotionModel, SURROUND_VALUES } from '../src/geometry/motion-model.js';
import type { Picture } from '../src/geometry/picture.js';
import { whole } from '../src/geometry/resample.js';
import { SURROUND_COUNT, surroundMotion, withSurround } from '../src/geometry/surround.js';
import { parseAppearance } from '../src/models/appearance-data.js';
import { createAppearanceField } from '../src/models/families/appearance-field.js';
import { createAppearanceFit } from '../src/models/families/appearance-fit.js';
import { createPortraitInputs } from '../src/models/families/portrait-inputs.js';
import type { Pack } from '../src/models/pack.js';
import { openPack } from '../src/models/pack-node.js';
import { MAX_VALUE } from '../src/protocol/motion-codec.js';
import { hostileBytes } from './hostile.js';
import { moved, syntheticFace, syntheticPicture } from './synthetic-face.js';

const face = syntheticFace();
const SIZE = 256;
const PLANE = SIZE * SIZE;
const picture = syntheticPicture(SIZE);
const still = withSurround(face, new Float32Array(2 * SURROUND_COUNT));
let pack: Pack;
let basis: AppearanceBasis;
beforeAll(async () => {
  pack = await openPack('portrait-256-cpu');
  basis = pack.appearance as AppearanceBasis;
});

const looking = (values: ArrayLike<number>): Landmarks => withAppearance(still, values);
const amounts = () =>
  Float32Array.from({ length: appearanceValues(basis) }, (_, i) => Math.sin(3 * i + 1));

/** A basis of one component each, as a file. */
function serialised(): Uint8Array {
  const row = (numbers: number) => [0x38, 0, 0, 0, ...new Array(2 * numbers).fill(7)];
  return Uint8Array.of(...Buffer.from('VVA1'), 1, 1, ...row(3 * 32 * 24), ...row(3 * 24 * 16));
}

/** The picture with the differences of a field. */
function changed(planes: Float32Array): Picture {
  const data = picture.data.slice();
  for (let i = 0; i < PLANE; i++)
    for (let c = 0; c < 3; c++) data[4 * i + c] += 255 * planes[c * PLANE + i];
  return { ...picture, data };
}

describe('appearance', () => {
  it('lies behind the surround points', () => {
    const geometry = looking(amounts());
    expect(appearanceOf(geometry)).toEqual(amounts());
    expect(surroundMotion(geometry)).toEqual(surroundMotion(still));
    expect(appearanceOf(face)).toHaveLength(0);
  });

  it('is of boxes within the crop that do not overlap, wherever the face has gone', () => {
    for (const [x, y] of [
      [0, 0],
      [120, -100],
      [-400, 300],
    ]) {
      const boxes = featureBoxes(moved(face, x, y));
      for (const [left, top, right, bottom] of boxes) {
        expect(Math.min(left, top)).toBeGreaterThanOrEqual(0);
        expect(Math.max(right, bottom)).toBeLessThanOrEqual(256);
        expect(right - left).toBeGreaterThanOrEqual(4);
        expect(bottom - top).toBeGreaterThanOrEqual(4);
      }
    }
    const [, right, left] = featureBoxes(face);
    expect(right[2]).toBeLessThanOrEqual(left[0]);
  });

  it('goes through the motion model within half a step', () => {
    const more = SURROUND_VALUES + appearanceValues(basis);
    expect(pack.moreValues).toBe(more);
    const model = new MotionModel(pack.basis, face, more);
    const values = model.quantise(looking(amounts()), undefined, 4, MAX_VALUE);
    expect(values).toHaveLength(faceValueCount(pack.basis) + more);
    const rebuilt = appearanceOf(model.reconstruct(values, 4));
    const step = model.step(values.length - 1, 4);
    for (const [i, amount] of amounts().entries())
      expect(Math.abs(rebuilt[i] - amount)).toBeLessThanOrEqual(step / 2 + 1e-6);
    // Of a face alone, nothing is known of its appearance.
    const plain = model.quantise(face, undefined, 4, MAX_VALUE);
    expect([...plain.subarray(-more)]).toEqual(new Array(more).fill(0));
  });
});

describe('the appearance field', () => {
  it('is nothing outside the boxes, and nothing where there are no numbers', () => {
    const field = createAppearanceField(basis);
    field.update(looking(amounts()));
    const within = (x: number, y: number) =>
      field.boxes.some(([l, t, r, b]) => x >= l && x < r && y >= t && y < b);
    let inside = 0;
    for (let i = 0; i < PLANE; i++) {
      const value = Math.abs(field.planes[i]);
      if (within(i % SIZE, Math.floor(i / SIZE))) inside += value;
      else if (value !== 0) expect(i).toBe(0);
    }
    expect(inside).toBeGreaterThan(1);
    field.update(still);
    expect(field.boxes).toHaveLength(0);
    expect(field.planes.every((value) => value === 0)).toBe(true);
    field.update(looking([1, 2, 3]));
    expect(field.boxes).toHaveLength(0);
  });

  it('corrects the warped references and the picture alike', () => {
    const inputs = createPortraitInputs([{ picture, landmarks: face }], basis);
    inputs.update(face);
    const plain = inputs.warped.slice();
    inputs.update(looking(amounts()));
    const field = createAppearanceField(basis);
    field.update(looking(amounts()));
    const paint = new Float32Array(4 * PLANE).fill(0.25, 3 * PLANE);
    inputs.field?.addToPaint(paint);
    for (let i = 0; i < 3 * PLANE; i++) {
      const wanted = Math.min(1, Math.max(0, plain[i] + field.planes[i]));
      if (Math.abs(inputs.warped[i] - wanted) > 1e-6) expect(i).toBe('as corrected');
      if (Math.abs(paint[i] - 0.75 * field.planes[i]) > 1e-6) expect(i).toBe('as painted');
    }
  });
});

describe('the appearance fit', () => {
  it('finds nothing where the references show it all, and what they lack where they do not', () => {
    const fit = createAppearanceFit([{ picture, landmarks: face }], basis);
    const none = fit.fit(picture, whole(picture), still);
    expect(Math.max(...none.map(Math.abs))).toBeLessThan(0.1);
    const field = createAppearanceField(basis);
    field.update(looking(amounts()));
    const found = fit.fit(changed(field.planes), whole(picture), still);
    // The border of a patch is faded out, so a little less is found, and some of it elsewhere.
    const error = amounts().map((amount, i) => Math.abs(found[i] - amount));
    expect(error.reduce((sum, value) => sum + value, 0) / error.length).toBeLessThan(0.3);
  });

  it('makes a picture better that is no sum of its components', () => {
    const fit = createAppearanceFit([{ picture, landmarks: face }], basis);
    const [[left, top, right, bottom]] = featureBoxes(face);
    const target: Picture = { ...picture, data: picture.data.slice() };
    const [width, height] = [right - left, bottom - top];
    for (let y = top + Math.round(0.3 * height); y < bottom - 0.3 * height; y++) {
      const row = 4 * SIZE * y;
      target.data.fill(
        235,
        row + 4 * Math.round(left + 0.3 * width),
        row + 4 * Math.round(right - 0.3 * width),
      );
    }
    const field = createAppearanceField(basis);
    field.update(looking(fit.fit(target, whole(target), still)));
    const error = (shown: Picture) => {
      let sum = 0;
      for (let y = top; y < bottom; y++)
        for (let i = 4 * (y * SIZE + left); i < 4 * (y * SIZE + right); i++)
          sum += (shown.data[i] - target.data[i]) ** 2;
      return sum;
    };
    expect(error(changed(field.planes))).toBeLessThan(0.8 * error(picture));
  });
});

describe('an appearance basis', () => {
  it('is read, and hostile bytes are none', () => {
    expect(basis.mouth.length).toBe(basis.mouthValues * 3 * 32 * 24);
    expect(basis.eye.length).toBe(basis.eyeValues * 3 * 24 * 16);
    const file = pack.networks.encoder.slice(0, 5000);
    fc.assert(
      fc.property(hostileBytes([file, serialised()]), (bytes) => {
        const read = parseAppearance(bytes);
        if (!read) return;
        expect(read.mouth.length).toBe(read.mouthValues * 3 * 32 * 24);
        expect(read.mouth.every(Number.isFinite)).toBe(true);
      }),
    );
    expect(parseAppearance(serialised())).toBeDefined();
    expect(parseAppearance(serialised().slice(1))).toBeUndefined();
    expect(parseAppearance(serialised().slice(0, -1))).toBeUndefined();
  });
});
