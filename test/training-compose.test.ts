import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { createCache } from '../src/cli/training/cache-file.js';
import { addSet, boxes } from '../src/cli/training/sample.js';
import { withAppearance } from '../src/geometry/appearance.js';
import { SURROUND_VALUES } from '../src/geometry/motion-model.js';
import { whole } from '../src/geometry/resample.js';
import { withSurround } from '../src/geometry/surround.js';
import { createAppearanceFit } from '../src/models/families/appearance-fit.js';
import { composePortrait, GRID_SIZE } from '../src/models/families/portrait-compose.js';
import { createPortraitInputs, NETWORK_SIZE } from '../src/models/families/portrait-inputs.js';
import { openPack } from '../src/models/pack-node.js';
import { cartoonGeometry, cartoonReference } from './support/cartoon-face.js';
import { itNeeds, pythonPath } from './tools.js';

/** Reads the cache's one sample and the outputs of a network; writes what PyTorch makes of them. */
const PYTHON = `
import sys
import numpy as np, torch
from portrait.appearance import Basis, values_of
from portrait.data import Cache, POSITION_UNIT, trust_of
from portrait.model import compose
folder, count = sys.argv[1], int(sys.argv[2])
read = lambda name, *shape: torch.from_numpy(np.fromfile(f'{folder}/{name}', '<f4').reshape(shape))
cache = Cache([folder], basis=Basis())
batch = cache.batch([0], np.random.default_rng(1), count, augment=False)
sample = cache.places[0][0][0]
values = values_of(cache.basis, cache.entries[0], batch['target'][0].numpy(), batch['pictures'][0].numpy(),
                   sample['positions'][:count].astype('f4') / POSITION_UNIT, trust_of(sample['trust'][:count])[:, 0])
np.concatenate(values).astype('<f4').tofile(f'{folder}/values')
batch['residual'].numpy().astype('<f4').tofile(f'{folder}/residual')
made = compose(batch['pictures'], batch['positions'], batch['pixels'], batch['trust'], batch['residual'],
               read('flow', 1, count, 2, 64, 64), read('hold', 1, count, 64, 64),
               read('blend', 1, count, 64, 64), read('paint', 1, 4, 256, 256))
made.numpy().astype('<f4').tofile(f'{folder}/made')
`;

const PLANE = NETWORK_SIZE * NETWORK_SIZE;

/** Planes of smooth waves around `middle`, each of another phase. */
const waves = (count: number, side: number, middle: number, reach: number) =>
  Float32Array.from({ length: count * side * side }, (_, i) => {
    const plane = Math.floor(i / (side * side));
    const [x, y] = [(i % side) / side, (Math.floor(i / side) % side) / side];
    return middle + reach * Math.sin(7 * x + 3 * plane) * Math.cos(9 * y + plane);
  });

itNeeds('torch')('training sees the picture that a call shows', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'visavis-compose-'));
  const poses = [cartoonGeometry([0, 0.3, 0]), cartoonGeometry([0, -0.2, 0], 10)];
  const references = await Promise.all(poses.map((pose) => cartoonReference(pose, NETWORK_SIZE)));
  const shown = cartoonGeometry([0.05, 0.1, 0], 4);
  const basis = (await openPack('portrait-256-cpu')).appearance!;
  const inputs = createPortraitInputs(references, basis);
  for (let i = 0; i < 4; i++) inputs.update(shown);
  const cache = createCache(folder);
  const set = addSet(cache, references);
  const { picture } = await cartoonReference(shown, NETWORK_SIZE);
  cache.addSample(picture, inputs, { set, person: 'nobody', source: 'own', ...boxes(shown) });
  cache.close();
  const outputs = {
    flow: waves(4, GRID_SIZE, 1, 5),
    hold: waves(2, GRID_SIZE, 0.2, 0.4),
    blend: waves(2, GRID_SIZE, 1, 0.6),
    paint: waves(4, NETWORK_SIZE, 0.2, 0.2),
  };
  for (const [name, values] of Object.entries(outputs))
    await writeFile(join(folder, name), new Uint8Array(values.buffer));
  const { status, stderr } = spawnSync(pythonPath, ['-c', PYTHON, folder, '2'], {
    cwd: fileURLToPath(new URL('../training', import.meta.url)),
    env: { ...process.env, OMP_NUM_THREADS: '1', PYTHONDONTWRITEBYTECODE: '1' },
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  const written = async (name: string) =>
    new Float32Array(Uint8Array.from(await readFile(join(folder, name))).buffer);
  const [made, values, residual] = await Promise.all(['made', 'values', 'residual'].map(written));
  await rm(folder, { recursive: true });

  const found = createAppearanceFit(references, basis).fit(picture, whole(picture), shown);
  expect(found.length).toBe(values.length);
  expect(Math.max(...values.map(Math.abs))).toBeGreaterThan(0.9);
  // Training works from positions at whole pixels and rounds to steps of a half.
  for (const [i, value] of found.entries()) expect(Math.abs(value - values[i])).toBeLessThan(0.6);
  inputs.update(withAppearance(withSurround(shown, new Float32Array(SURROUND_VALUES)), values));
  const before = outputs.paint.slice();
  inputs.field?.addToPaint(outputs.paint);
  for (let i = 0; i < 3 * PLANE; i++) {
    const wanted = residual[i] * (1 - before[3 * PLANE + (i % PLANE)]);
    if (Math.abs(outputs.paint[i] - before[i] - wanted) > 1e-4) expect(i).toBe(wanted);
  }

  const { data } = composePortrait(inputs.warp, 2, NETWORK_SIZE, outputs);
  const apart: number[] = [];
  for (let i = 0; i < PLANE; i++)
    for (let c = 0; c < 3; c++) {
      const theirs = 255 * Math.min(1, Math.max(0, made[c * PLANE + i]));
      apart.push(Math.abs(data[4 * i + c] - theirs));
    }
  apart.sort((a, b) => a - b);
  expect(apart.reduce((sum, value) => sum + value, 0) / apart.length).toBeLessThan(0.4);
  expect(apart[Math.floor(0.99 * apart.length)]).toBeLessThan(1.5);
});
