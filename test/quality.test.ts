import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { FrameStore } from '../src/cli/media/frame-store.js';
import { measureQuality } from '../src/cli/report/measure.js';
import { IDENTICAL_DB, meanSquaredError, psnrOf, ssim } from '../src/cli/report/quality.js';
import { createPicture, type Picture } from '../src/geometry/picture.js';
import { itNeeds } from './tools.js';

const WIDTH = 48;
const HEIGHT = 40;

function paint(color: (x: number, y: number) => number[]): Picture {
  const picture = createPicture(WIDTH, HEIGHT);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) picture.data.set([...color(x, y), 255], (y * WIDTH + x) * 4);
  }
  return picture;
}

const busy = (x: number, y: number) => [x * 5 + y * 3, x * y, x * x + 7 * y].map((v) => v % 256);
const noise = (x: number, y: number) => ((x * 7 + y * 13) % 31) - 15;
const smooth = (x: number, y: number) => [x * 4 + y, y * 5 + x, (x + y) * 2];
const checks = (x: number, y: number) => (((x >> 3) + (y >> 3)) % 2) * 12 - 6;

const pairs = [
  [
    paint(busy),
    paint((x, y) => busy(x, y).map((value, at) => value + [1, -1, 2][at] * noise(x, y))),
  ],
  [paint(smooth), paint((x, y) => smooth(x, y).map((value) => value + checks(x, y)))],
] as const;

describe('quality of a frame', () => {
  it('agrees with scikit-image', () => {
    // Debian's python3-skimage 0.19.3 on the same pictures: structural_similarity(luma of weights
    // .299 .587 .114, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
    // data_range=255), peak_signal_noise_ratio(rgb).
    const expected = [
      [0.9996616395911516, 26.331916020304185],
      [0.8397603202274104, 32.578767139279165],
    ];
    pairs.forEach(([a, b], at) => {
      expect(ssim(a, b)).toBeCloseTo(expected[at][0], 9);
      expect(psnrOf(meanSquaredError(a, b))).toBeCloseTo(expected[at][1], 9);
    });
  });

  itNeeds('ffmpeg')('agrees with ffmpeg on PSNR', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'visavis-quality-'));
    const [a, b] = pairs[0];
    for (const [name, { data }] of [
      ['a.png', a],
      ['b.png', b],
    ] as const) {
      const raw = { width: WIDTH, height: HEIGHT, channels: 4 as const };
      await sharp(data, { raw }).removeAlpha().toFile(join(dir, name));
    }
    const filter = '[0]format=gbrp[a];[1]format=gbrp[b];[a][b]psnr=stats_file=-';
    const output = execFileSync(
      'ffmpeg',
      ['-v', 'error', '-i', 'a.png', '-i', 'b.png', '-lavfi', filter, '-f', 'null', '-'],
      { cwd: dir, encoding: 'utf8' },
    );
    expect(psnrOf(meanSquaredError(a, b))).toBeCloseTo(
      Number(/psnr_avg:([\d.]+)/.exec(output)![1]),
      1,
    );
    await rm(dir, { recursive: true });
  });

  it('knows what is the same and what cannot be compared', () => {
    const [a] = pairs[0];
    expect(ssim(a, a)).toBeCloseTo(1, 12);
    expect(psnrOf(meanSquaredError(a, a))).toBe(IDENTICAL_DB);
    expect(() => ssim(a, createPicture(40, 48))).toThrow('not 48×40 and 40×48');
    expect(() => ssim(createPicture(8, 8), createPicture(8, 8))).toThrow('at least 11 pixels');
  });
});

describe('quality of a run', () => {
  const store = (indices: number[], read: (index: number) => Picture): FrameStore => ({
    indices,
    read: async (index) => read(index),
    close: async () => {},
  });

  it('is the PSNR of the mean error, over frames of both sides', async () => {
    const grey = (level: number) => paint(() => [level, level, level]);
    const measured = await measureQuality(
      store([1, 2, 3, 5], () => grey(100)),
      store([2, 3, 4, 5], (index) => grey(index === 3 ? 110 : 100)),
    );
    expect(measured?.frames.map(({ index, mse }) => [index, mse])).toEqual([
      [2, 0],
      [3, 100],
      [5, 0],
    ]);
    expect(measured?.psnrDb).toBeCloseTo(10 * Math.log10(255 ** 2 / (100 / 3)), 9);
    expect(measured?.ssim).toBeLessThan(1);
    expect(
      await measureQuality(
        store([1], () => grey(0)),
        store([2], () => grey(0)),
      ),
    ).toBeUndefined();
  });

  it('is measured on 1000 frames of a long run', async () => {
    const tiny = createPicture(11, 11);
    const all = store(
      Array.from({ length: 2500 }, (_, index) => index),
      () => tiny,
    );
    const indices = (await measureQuality(all, all))!.frames.map(({ index }) => index);
    expect(indices).toHaveLength(1000);
    expect(indices.slice(0, 4)).toEqual([0, 2, 5, 7]);
  });
});
