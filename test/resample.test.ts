import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { createPicture, type Picture } from '../src/geometry/picture.js';
import { resampleSquare } from '../src/geometry/resample.js';
import { syntheticPicture } from './synthetic-face.js';

function paint(width: number, height: number, colour: (x: number, y: number) => number): Picture {
  const picture = createPicture(width, height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      const value = colour(x + 0.5, y + 0.5);
      picture.data.set([value, 255 - value, 128, 255], at);
    }
  }
  return picture;
}

const red = ({ data }: Picture) => data.filter((_, at) => at % 4 === 0);

describe('resampling a square', () => {
  it('copies where the size is the same', () => {
    const source = syntheticPicture(64);
    const copy = resampleSquare(source, { x: 5, y: 9, side: 32 }, 32);
    for (let y = 0; y < 32; y++) {
      const from = ((9 + y) * 64 + 5) * 4;
      expect(copy.data.subarray(y * 128, y * 128 + 128)).toEqual(
        source.data.subarray(from, from + 128),
      );
    }
  });

  it.each([37, 100, 150, 511])('keeps a linear ramp, %i pixels to 100', (side) => {
    const slope = 200 / 600;
    const source = paint(600, 520, (x) => slope * x);
    const out = red(resampleSquare(source, { x: 40, y: 3, side }, 100));
    for (const x of [3, 50, 96]) {
      const expected = slope * (40 + ((x + 0.5) * side) / 100);
      for (const y of [0, 50, 99]) expect(Math.abs(out[y * 100 + x] - expected)).toBeLessThan(1);
    }
  });

  it('averages stripes that are finer than a pixel: no aliasing', () => {
    const source = paint(512, 512, (x) => (Math.floor(x) % 2 ? 200 : 0));
    const out = red(resampleSquare(source, { x: 0, y: 0, side: 512 }, 100));
    // At the border the edge pixel counts several times.
    for (let x = 2; x < 98; x++) expect(Math.abs(out[5000 + x] - 100)).toBeLessThan(5);
  });

  it('is what sharp makes of it', async () => {
    const source = syntheticPicture(200);
    const square = { x: 20, y: 10, side: 160 };
    const ours = resampleSquare(source, square, 100);
    const theirs = await sharp(source.data, { raw: { width: 200, height: 200, channels: 4 } })
      .extract({ left: 20, top: 10, width: 160, height: 160 })
      .resize(100, 100, { kernel: 'linear' })
      .raw()
      .toBuffer();
    let sum = 0;
    // The border differs: ours reads beyond the square.
    for (let y = 3; y < 97; y++) {
      for (let at = (y * 100 + 3) * 4; at < (y * 100 + 97) * 4; at++) {
        sum += Math.abs(ours.data[at] - theirs[at]);
      }
    }
    expect(sum / (94 * 94 * 4)).toBeLessThan(0.6);
  });

  it('repeats the edge beyond the picture, and has no holes', () => {
    const out = resampleSquare(
      paint(50, 50, () => 90),
      { x: 0, y: 0, side: 50 },
      200,
    );
    for (let at = 0; at < out.data.length; at += 4) {
      expect([...out.data.subarray(at, at + 4)]).toEqual([90, 165, 128, 255]);
    }
  });

  it('makes a picture of a pixel', () => {
    const out = resampleSquare(
      paint(1, 1, () => 7),
      { x: 0, y: 0, side: 1 },
      16,
    );
    expect(red(out)).toEqual(new Uint8ClampedArray(256).fill(7));
  });
});
