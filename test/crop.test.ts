import { describe, expect, it } from 'vitest';
import { faceBox, HeadCrop, resumeCrop, toCropUnits } from '../src/sender/crop.js';
import { posedFace } from './support/posed-face.js';
import { moved, syntheticFace } from './synthetic-face.js';

/** A face 100 × 128 pixels large around (300, 200). */
const FACE = syntheticFace(300, 200);

describe('head crop', () => {
  it('is twice as large as the face, around it', () => {
    const { x, y, size } = faceBox(FACE);
    expect([Math.round(x), Math.round(y), Math.round(size)]).toEqual([300, 200, 128]);
    expect(new HeadCrop([FACE], 640, 480).square).toEqual({ x: 172, y: 72, side: 256 });
  });

  it('takes the median of the enrolment frames', () => {
    const faces = [moved(FACE, 2, 0), FACE, moved(FACE, 500, 0)];
    expect(new HeadCrop(faces, 1280, 480).square).toEqual({ x: 174, y: 72, side: 256 });
  });

  it('stands still while the face moves a little, and follows no farther than it must', () => {
    const crop = new HeadCrop([FACE], 640, 480);
    const still = crop.square;
    for (const dx of [-38, 0, 20, 38]) expect(crop.follow(moved(FACE, dx, -dx))).toEqual(still);
    // 0.15 × 256 = 38.4: of 60 pixels 21.6 are left.
    expect(crop.follow(moved(FACE, 60, 0))).toEqual({ ...still, x: still.x + 22 });
    // Back in the middle of where it was: nothing moves.
    expect(crop.follow(moved(FACE, 20, 0)).x).toBe(still.x + 22);
  });

  it('never leaves the picture, and always has whole pixels', () => {
    for (const [dx, dy] of [
      [-1000, 0],
      [1000, 1000],
      [0.3, 0.7],
      [-250.5, -150.5],
    ]) {
      const crop = new HeadCrop([FACE], 640, 480);
      const { x, y, side } = crop.follow(moved(FACE, dx, dy));
      expect([x, y, side].every(Number.isInteger)).toBe(true);
      expect(x >= 0 && y >= 0 && x + side <= 640 && y + side <= 480).toBe(true);
    }
  });

  it('is no larger than the picture, and of one pixel at least', () => {
    expect(new HeadCrop([FACE], 200, 100).square).toEqual({ x: 100, y: 0, side: 100 });
    expect(new HeadCrop([FACE.map(() => 0)], 1, 1).square).toEqual({ x: 0, y: 0, side: 1 });
  });

  it('makes 256 units of its side', () => {
    const units = toCropUnits(Float32Array.of(172, 72, 10, 428, 328, -20), {
      x: 172,
      y: 72,
      side: 128,
    });
    expect([...units]).toEqual([0, 0, 20, 512, 512, -40]);
  });
});

describe('crop for an identity made earlier', () => {
  /** As in an identity: in crop units, around the origin. */
  const NEUTRAL = posedFace({ x: 0, y: 0, size: 120 });

  it.each([
    { what: 'nearer', faces: [{ size: 180 }], side: 384 },
    { what: 'farther', faces: [{ size: 90, x: 200 }], side: 192 },
    { what: 'turned', faces: [{ size: 180, turn: 40 }], side: 384 },
    { what: 'talking', faces: [{ size: 180, mouth: 16, smile: 1.1 }], side: 384 },
    { what: 'measured once badly', faces: [{ size: 180 }, { size: 40 }, { size: 180 }], side: 384 },
  ])('gives a face that is $what the size it had', ({ faces, side }) => {
    const live = faces.map((pose) => posedFace(pose));
    const crop = resumeCrop(live, NEUTRAL, 640, 480);
    expect(Math.abs(crop.square.side / side - 1)).toBeLessThan(0.02);
    const { x, y } = faceBox(toCropUnits(live[0], crop.square));
    expect(Math.hypot(x - 128, y - 128)).toBeLessThan(2);
  });

  it('is no larger than the picture', () => {
    expect(resumeCrop([posedFace({ size: 300 })], NEUTRAL, 640, 480).square.side).toBe(480);
    expect(() => resumeCrop([], NEUTRAL, 640, 480)).toThrow(/^faces: /);
  });
});
