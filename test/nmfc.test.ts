import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createNmfcRasteriser, MEAN_FACE_COORDINATES } from '../src/geometry/nmfc.js';
import { cartoonGeometry } from './support/cartoon-face.js';
import { python } from './support/python.js';
import { itNeeds } from './tools.js';

const CHANNELS = 4;

function drawn(geometry: Float32Array, size: number): Float32Array {
  const out = new Float32Array(CHANNELS * size * size).fill(Number.NaN);
  createNmfcRasteriser(size, true).draw(geometry, out);
  return out;
}

describe('normalised mean face coordinates', () => {
  it('run from 0 to 1 over the mean face', () => {
    for (let axis = 0; axis < 3; axis++) {
      const values = MEAN_FACE_COORDINATES.filter((_, i) => i % 3 === axis);
      expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
      expect(Math.min(...values)).toBeLessThan(0.1);
      expect(Math.max(...values)).toBeLessThanOrEqual(1);
      expect(Math.max(...values)).toBeGreaterThan(0.9);
    }
  });

  it('stay with the face when it turns, and nothing is beside it', () => {
    const size = 64;
    const [straight, turned] = [[0, 0, 0] as const, [0, 0.4, 0] as const].map((turn) =>
      drawn(cartoonGeometry(turn), size),
    );
    const at = (image: Float32Array, x: number, y: number) =>
      Array.from({ length: CHANNELS }, (_, c) => image[(c * size + y) * size + x]);
    expect(at(straight, 0, 0)).toEqual([0, 0, 0, 0]);
    expect(straight.every((value) => value >= 0 && value <= 1)).toBe(true);
    // The same place of the face has gone aside: its colour is found there, and no longer here.
    expect(at(turned, 32, 34)).not.toEqual(at(straight, 32, 34));
    const [x, y] = at(straight, 32, 34);
    const row = Array.from({ length: size }, (_, column) => at(turned, column, 34));
    expect(Math.min(...row.map(([u, v]) => Math.hypot(u - x, v - y)))).toBeLessThan(0.06);
  });

  it('the eyes show where they look, and only between the lids', () => {
    const size = 256;
    const geometry = cartoonGeometry();
    const eyes = drawn(geometry, size).subarray(3 * size * size);
    const inside = (value: number) => eyes.filter((eye) => eye === value).length;
    expect(inside(1)).toBeGreaterThan(30);
    expect(inside(0.5)).toBeGreaterThan(30);
    expect(inside(1) + inside(0.5) + inside(0)).toBe(size * size);
    const aside = geometry.map((value, i) => (i >= 3 * 468 && i % 3 === 0 ? value + 3 : value));
    expect(drawn(aside, size).subarray(3 * size * size)).not.toEqual(eyes);
  });
});

const PYTHON = `
import sys
import numpy as np
from head2head.nmfc import coordinates_of, eye_plane, visible_triangles
folder, sizes = sys.argv[1], [int(size) for size in sys.argv[2:]]
for i, size in enumerate(sizes):
    geometry = np.fromfile(f'{folder}/geometry{i}', '<f4').reshape(-1, 3)
    ids = visible_triangles(geometry, size)
    np.concatenate([coordinates_of(ids), eye_plane(geometry, ids)[None]]).tofile(f'{folder}/made{i}')
`;

itNeeds('torch')('training sees the NMFC images that a receiver draws', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'visavis-nmfc-'));
  const turns = [
    [0, 0, 0],
    [0.2, 0.5, -0.1],
    [-0.3, -0.9, 0.3],
    [0.05, 0.1, 0.02],
  ] as const;
  const cases = turns.map((turn, i) => ({
    size: [64, 128, 256, 256][i],
    // Off the pixels' centres, and partly outside the crop.
    geometry: cartoonGeometry(turn, 4 * i).map(
      (v, n) => v + (n % 3 === 0 ? 0.13 + 40 * (i % 2) : 0.21),
    ),
  }));
  for (const [i, { geometry }] of cases.entries())
    await writeFile(join(folder, `geometry${i}`), new Uint8Array(geometry.slice().buffer));
  await python('-c', PYTHON, folder, ...cases.map(({ size }) => `${size}`));
  for (const [i, { geometry, size }] of cases.entries()) {
    const bytes = Uint8Array.from(await readFile(join(folder, `made${i}`)));
    const made = new Float32Array(bytes.buffer);
    const ours = drawn(geometry, size);
    expect(made.length).toBe(ours.length);
    const apart = ours.filter((value, n) => !(Math.abs(value - made[n]) < 1e-6)).length;
    // Where two triangles are equally near, rounding may decide.
    expect(apart / ours.length, `${size}`).toBeLessThan(2e-4);
  }
  await rm(folder, { recursive: true });
});
