import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CONTOURS_68, drawContours68, LANDMARKS_68 } from '../src/geometry/contours-68.js';
import { POINT_COUNT } from '../src/geometry/landmarks.js';
import { cartoonGeometry } from './support/cartoon-face.js';
import { itNeeds, pythonPath } from './tools.js';

const draw = (geometry: Float32Array, size: number) => {
  const planes = new Float32Array(3 * size * size).fill(7);
  drawContours68(geometry, size, planes);
  return planes;
};
const shifted = (geometry: Float32Array, by: number) =>
  geometry.map((value, i) => (i % 3 === 0 ? value + by : value));

describe('contours of 68 points', () => {
  it('go through 68 points of the 478, once each', () => {
    expect(LANDMARKS_68).toHaveLength(68);
    expect(new Set(LANDMARKS_68).size).toBe(68);
    expect(LANDMARKS_68.every((point) => point >= 0 && point < POINT_COUNT)).toBe(true);
    expect(CONTOURS_68.map(([first, end]) => end - first).reduce((a, b) => a + b)).toBe(68);
  });

  it('are mirror images of each other on both sides of the face', () => {
    const face = cartoonGeometry();
    const x = (point: number) => face[3 * LANDMARKS_68[point]] - 128;
    for (const [left, right] of [
      ...Array.from({ length: 8 }, (_, i) => [i, 16 - i]),
      ...Array.from({ length: 5 }, (_, i) => [17 + i, 26 - i]),
      [31, 35],
      [32, 34],
      ...[
        [36, 45],
        [37, 44],
        [38, 43],
        [39, 42],
        [40, 47],
        [41, 46],
      ],
      [48, 54],
      [60, 64],
    ])
      expect(x(left) + x(right), `${left} and ${right}`).toBeCloseTo(0, 0);
  });

  it('have the colours of the lines on black, and stay in the picture', () => {
    const face = cartoonGeometry();
    const planes = draw(face, 256);
    const at = (point: number) => {
      const [x, y] = [0, 1].map((axis) => Math.floor(face[3 * LANDMARKS_68[point] + axis]));
      return [0, 1, 2].map((c) => Math.round(255 * planes[(c * 256 + y) * 256 + x]));
    };
    expect(at(8)).toEqual([0, 128, 0]);
    expect(at(19)).toEqual([255, 165, 0]);
    expect(at(29)).toEqual([0, 0, 255]);
    expect(at(37)).toEqual([255, 0, 0]);
    expect(at(51)).toEqual([128, 0, 128]);
    expect([0, 1, 2].map((c) => planes[c * 65536])).toEqual([0, 0, 0]);
    for (const by of [-200, 150, 1e6])
      expect(draw(shifted(face, by), 64).every((value) => value >= 0 && value <= 1)).toBe(true);
  });
});

const PYTHON = `
import sys
import numpy as np
from common.contours import draw_contours
folder = sys.argv[1]
faces = np.fromfile(f'{folder}/faces', '<f4').reshape(-1, 478, 3)
np.concatenate([draw_contours(face, size).ravel() for face in faces for size in (64, 224, 256)]).tofile(f'{folder}/drawn')
`;

itNeeds('torch')('training and call draw the same contours', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'visavis-contours-'));
  const faces = [
    cartoonGeometry(),
    cartoonGeometry([0.2, -0.5, 0.3], 9),
    shifted(cartoonGeometry([0, 0.4, 0]), 70),
    shifted(cartoonGeometry(), 500),
  ];
  await writeFile(join(folder, 'faces'), Buffer.concat(faces.map((f) => new Uint8Array(f.buffer))));
  const ended = spawnSync(pythonPath, ['-c', PYTHON, folder], {
    cwd: fileURLToPath(new URL('../training', import.meta.url)),
    encoding: 'utf8',
  });
  expect(ended.stderr).toBe('');
  const drawn = new Float32Array(Uint8Array.from(await readFile(join(folder, 'drawn'))).buffer);
  const wanted = faces.flatMap((face) => [64, 224, 256].flatMap((size) => [...draw(face, size)]));
  expect(drawn.length).toBe(wanted.length);
  let worst = 0;
  wanted.forEach((value, i) => {
    worst = Math.max(worst, Math.abs(value - drawn[i]));
  });
  expect(worst).toBeLessThan(1e-5);
  await rm(folder, { recursive: true });
});
