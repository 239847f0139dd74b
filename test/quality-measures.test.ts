import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { openButteraugli } from '../bench/quality/butteraugli.js';
import { faceBoxes } from '../bench/quality/face-boxes.js';
import { alignFace, cosine } from '../bench/quality/identity-similarity.js';
import { similarity } from '../bench/quality/ms-ssim.js';
import {
  boxedSquaredError,
  laplacianEnergy,
  meanAbsoluteError,
  temporalError,
} from '../bench/quality/pixel-measures.js';
import {
  lidOpening,
  meanDistance,
  mouthOpening,
  sidewaysGaze,
} from '../bench/quality/point-measures.js';
import { correlation, mean } from '../bench/quality/statistics.js';
import { ratesOf } from '../bench/quality/wire.js';
import { ssim } from '../src/cli/report/quality.js';
import { type Landmarks, POINT_COUNT } from '../src/geometry/landmarks.js';
import { createPicture, type Picture } from '../src/geometry/picture.js';
import { LEFT_LIDS, LIPS, RIGHT_LIDS } from '../src/geometry/regions.js';

function paint(
  width: number,
  height: number,
  colour: (x: number, y: number) => readonly number[],
): Picture {
  const picture = createPicture(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) picture.data.set([...colour(x, y), 255], (y * width + x) * 4);
  }
  return picture;
}

const grey = (level: number) => paint(16, 16, () => [level, level, level]);

/** Landmarks with points at given places. */
function pointsAt(places: Readonly<Record<number, readonly [number, number]>>): Landmarks {
  const face = new Float32Array(3 * POINT_COUNT);
  for (const [point, place] of Object.entries(places)) face.set(place, 3 * Number(point));
  return face;
}

describe('SSIM at several scales', () => {
  const ramp = (x: number, y: number) => [(x + 2 * y) >> 2, (3 * y + x) / 5, (x + y) / 3];
  const whole = (values: number[]) => values.map(Math.floor);
  const checks = (x: number, y: number) => (((x >> 3) + (y >> 3)) % 2) * 24 - 12;
  const smooth = paint(256, 192, (x, y) => whole(ramp(x, y)));

  it('agrees with a NumPy and SciPy computation', () => {
    // correlate1d with the Gaussian window, 2×2 means between the scales, on the same pictures.
    const checked = paint(256, 192, (x, y) =>
      whole(ramp(x, y)).map((value) => Math.max(0, value + checks(x, y))),
    );
    const measured = similarity(smooth, checked);
    expect(measured.ssim).toBeCloseTo(0.42491367901163085, 9);
    expect(measured.msSsim).toBeCloseTo(0.4408911589731951, 9);
    expect(measured.ssim).toBe(ssim(smooth, checked));
  });

  it('is 1 for the same picture, and refuses what is too small for five scales', () => {
    expect(similarity(smooth, smooth).msSsim).toBeCloseTo(1, 12);
    expect(() => similarity(createPicture(175, 256), createPicture(175, 256))).toThrow('176');
  });
});

describe('measures of pixels', () => {
  const box = { left: 4, top: 4, right: 8, bottom: 8 };

  it('L1 and the error of boxes look at colours alone', () => {
    const half = paint(16, 16, (x) => (x < 8 ? [10, 20, 30] : [0, 0, 0]));
    half.data[3] = 7;
    expect(meanAbsoluteError(half, grey(0))).toBe(10);
    expect(boxedSquaredError(half, grey(0), [box])).toBeCloseTo(1400 / 3, 9);
    const dark = { left: 8, top: 0, right: 12, bottom: 4 };
    expect(boxedSquaredError(half, grey(0), [box, dark])).toBeCloseTo(1400 / 6, 9);
    expect(boxedSquaredError(half, grey(0), [{ ...box, right: 4 }])).toBeUndefined();
  });

  it('flicker is what comes and goes, not what is wrong all the time', () => {
    expect(temporalError(grey(50), grey(40), grey(80), grey(70))).toBe(0);
    expect(temporalError(grey(50), grey(50), grey(60), grey(53))).toBe(7);
    expect(temporalError(grey(50), grey(60), grey(60), grey(50))).toBe(20);
  });

  it('high-frequency energy is of the Laplacian', () => {
    const dot = paint(16, 16, (x, y) => (x === 6 && y === 6 ? [10, 10, 10] : [0, 0, 0]));
    expect(laplacianEnergy(dot, box)).toBeCloseTo(100 * (16 + 4), 6);
    // One of the four neighbours is outside this box.
    expect(laplacianEnergy(dot, { ...box, left: 6 })).toBeCloseTo(100 * (16 + 3), 6);
    const slope = paint(16, 16, (x, y) => [3 * x + 5 * y, 3 * x + 5 * y, 3 * x + 5 * y]);
    expect(laplacianEnergy(slope, { left: 0, top: 0, right: 16, bottom: 16 })).toBeCloseTo(0, 6);
  });
});

describe('measures of points', () => {
  it('distances are of the plane', () => {
    const moved = pointsAt({ 0: [3, 4], 1: [0, 1] });
    moved[2] = 100;
    expect(meanDistance(moved, pointsAt({}), [0, 1])).toBe(3);
  });

  it('openings and gaze are shares of what does not move', () => {
    const face = pointsAt({
      ...{ 468: [40, 50], 473: [80, 50], 13: [60, 100], 14: [60, 110] },
      ...{ 33: [30, 50], 133: [50, 50], 159: [40, 47], 145: [40, 51] },
      ...{ 362: [70, 50], 263: [90, 50], 386: [80, 48], 374: [80, 50] },
    });
    expect(mouthOpening(face)).toBe(10 / 40);
    expect(lidOpening(face)).toBeCloseTo((4 / 20 + 2 / 20) / 2, 9);
    expect(sidewaysGaze(face)).toBe(0);
    face[3 * 468] += 4;
    face[3 * 473] += 6;
    expect(sidewaysGaze(face)).toBeCloseTo((4 / 20 + 6 / 20) / 2, 6);
  });

  it('boxes hold their points with a margin, within the picture', () => {
    const face = new Float32Array(3 * POINT_COUNT).fill(100);
    const spread = (points: readonly number[], left: number, right: number, y: number) =>
      points.forEach((point, at) => {
        face.set([at === 0 ? left : right, y], 3 * point);
      });
    spread(LIPS, 80, 120, 150);
    spread(RIGHT_LIDS, 2, 22, 50);
    spread(LEFT_LIDS, 60, 80, 50);
    const { mouth, eyes } = faceBoxes(face, 256);
    expect(mouth).toEqual({ left: 70, top: 140, right: 130, bottom: 160 });
    expect(eyes[0]).toEqual({ left: 0, top: 44, right: 28, bottom: 56 });
    expect(eyes[1]).toEqual({ left: 54, top: 44, right: 86, bottom: 56 });
  });

  it('correlation knows what cannot be followed and what does not follow', () => {
    expect(correlation([1, 2, 3], [10, 20, 30], 0.1)).toBeCloseTo(1, 12);
    expect(correlation([1, 2, 3], [3, 2, 1], 0.1)).toBeCloseTo(-1, 12);
    expect(correlation([1, 2, 3], [0.7, 0.7, 0.7], 0.1)).toBe(0);
    expect(correlation([1, 1.01, 1], [1, 2, 3], 0.1)).toBeUndefined();
    expect([mean([1, undefined, 3]), mean([undefined])]).toEqual([2, undefined]);
  });
});

describe('the person', () => {
  it('is aligned to the points of the template', () => {
    // The template, turned by 90 degrees, one and a half times as large, moved.
    const place = ([x, y]: readonly [number, number]) => [150 - 1.5 * y, 1.5 * x + 20] as const;
    const eye = (points: readonly number[], at: readonly [number, number]) =>
      Object.fromEntries(points.map((point) => [point, place(at)]));
    const face = pointsAt({
      ...eye(RIGHT_LIDS, [38.2946, 51.6963]),
      ...eye(LEFT_LIDS, [73.5318, 51.5014]),
      1: place([56.0252, 71.7366]),
      61: place([41.5493, 92.3655]),
      291: place([70.7299, 92.2041]),
    });
    const planes = alignFace(
      paint(200, 200, (x, y) => [x, y, 128]),
      face,
    );
    const at = (plane: number, x: number, y: number) =>
      planes[plane * 112 * 112 + y * 112 + x] * 128 + 127.5;
    for (const [x, y] of [
      [20, 30],
      [90, 70],
    ]) {
      const [u, v] = place([x + 0.5, y + 0.5]);
      expect(at(0, x, y)).toBeCloseTo(u - 0.5, 2);
      expect(at(1, x, y)).toBeCloseTo(v - 0.5, 2);
      expect(at(2, x, y)).toBeCloseTo(128, 3);
    }
  });

  it('is compared by the angle between embeddings', () => {
    expect(cosine(Float32Array.of(0.6, 0.8), Float32Array.of(0.8, 0.6))).toBeCloseTo(0.96, 6);
  });
});

describe('rates', () => {
  it('count headers, both directions', () => {
    // 4 s: 100 frames in 25 messages of 40 bytes.
    const rates = ratesOf({ bytes: 1000, messages: 25, frames: 100, fps: 25 });
    expect(rates.payloadKbps).toBe(2);
    const forward = 1000 + 25 * 97 + 4 * 120;
    const back = 4 * 206 + 25 * 18 + 4 * 110;
    expect(rates.wireKbps).toBeCloseTo(((forward + back) * 8) / 4000, 9);
  });
});

const noTool = spawnSync('butteraugli_main', ['--help'], { stdio: 'ignore' }).error !== undefined;
const need = noTool ? ' [needs butteraugli_main: apt-get install libjxl-devtools]' : '';

describe.skipIf(noTool)(`Butteraugli${need}`, () => {
  it('is 0 for the same picture and grows with the error, however many ask at once', async () => {
    const butteraugli = (await openButteraugli())!;
    const stripes = (more: number) =>
      paint(64, 64, (x, y) => {
        const value = 100 + ((x >> 2) + (y >> 3)) * 2 + (x % 8 < 4 ? more : 0);
        return [value, value, value];
      });
    const norms = await Promise.all(
      [0, 4, 12, 30].map((more) => butteraugli.compare(stripes(0), stripes(more))),
    );
    await butteraugli.close();
    expect(norms[0]).toBe(0);
    expect(norms).toEqual(norms.toSorted((a, b) => a - b));
    expect(norms[3]).toBeGreaterThan(2 * norms[1]);
  });
});
