import { mkdir, rm, symlink, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryFolder, writeNoise } from './support/cli.js';
import { python, script } from './support/python.js';
import { prepareCrops, refusal } from './support/training.js';
import { describeNeeds } from './tools.js';

/** Reads a cache; prints what its episodes are like. */
const EPISODES = `
import json, sys
import numpy as np
from common.crops import Crops
crops = Crops([sys.argv[1]], ['bob'])
rng = np.random.default_rng(1)
batch = crops.batch(crops.train, rng, 2, 3)
target, references = crops.choose(crops.train, rng, 3)
alone = crops.choose({('a', 'b'): [4]}, rng, 2)
print(json.dumps({
    'people': [sorted({p for p, _ in clips}) for clips in (crops.train, crops.held_out)],
    'shapes': {name: list(value.shape) for name, value in batch.items()},
    'apart': bool(target not in references),
    'alone': [int(alone[0]), *map(int, alone[1])],
    'range': [float(batch['target'].min()), float(batch['target'].max())],
    'same': all(bool((crops.batch(crops.train, np.random.default_rng([1, 2]), 2, 3)[n]
                      == crops.batch(crops.train, np.random.default_rng([1, 2]), 2, 3)[n]).all()) for n in batch),
}))
`;

/** Dots on points of a face must be where augmentation says they have moved; prints the worst distance (pixels). */
const DOTS = `
import numpy as np
from common.crops import augmented
from tracker.points import MIRROR, canonical_face
face, worst, size = canonical_face().astype('f4'), 0, 128
y, x = np.mgrid[:size, :size] + 0.5
for seed in range(8):
    for point in (4, 33, 263, 61, 152):
        px, py = face[point, :2] / 2
        dot = np.exp(-((x - px) ** 2 + (y - py) ** 2) / 8).astype('f4')
        made, moved = augmented(np.stack([[dot] * 3] * 2), np.stack([face] * 2), np.random.default_rng(seed))
        weight = made[1].sum(0) - np.median(made[1].sum(0))
        weight *= weight > weight.max() / 3
        at = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()
        worst = max(worst, min(np.hypot(*(moved[1, p, :2] / 2 - at)) for p in (point, MIRROR[point])))
print(worst)
`;

describeNeeds('torch')('a cache of crops', () => {
  let folder: string;
  const inFolder = (name: string) => join(folder, name);
  beforeAll(async () => {
    folder = await temporaryFolder();
    await mkdir(inFolder('videos'));
    await writeNoise(inFolder('noise.webp'), 6);
    await symlink(inFolder('noise.webp'), inFolder('videos/noise.webp'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('is made of videos, and gives episodes of one person each', async () => {
    const made = await prepareCrops(folder, 48, 6);
    expect(made.stdout).toMatch(/noise\.webp: left out, it shows no face/);
    expect(made.stdout).toMatch(/12 crops of 48 × 48/);
    const said = JSON.parse((await python('-c', EPISODES, inFolder('cache'))).stdout);
    expect(said.people).toEqual([['anna'], ['bob']]);
    expect(said.shapes).toEqual({
      target: [2, 3, 48, 48],
      references: [2, 3, 3, 48, 48],
      target_landmarks: [2, 478, 3],
      target_contours: [2, 3, 48, 48],
      reference_landmarks: [2, 3, 478, 3],
      reference_contours: [2, 3, 3, 48, 48],
    });
    expect(said).toMatchObject({ apart: true, alone: [4, 4, 4], same: true });
    expect(said.range[0]).toBeGreaterThanOrEqual(0);
    expect(said.range[1]).toBeLessThanOrEqual(1);
  });

  it('moves pictures and landmarks alike', async () => {
    expect(Number((await python('-c', DOTS)).stdout)).toBeLessThan(0.5);
  });

  it('that is none, or half made, or asked for wrongly, is refused in one line', async () => {
    const refused = (path: string) => refusal('-c', EPISODES, inFolder(path));
    expect(await refused('nothing')).toMatch(/^.*nothing is no cache of crops: make it with .*$/);
    await truncate(inFolder('cache/crops.bin'), 1000);
    expect(await refused('cache')).toMatch(/^.*cache is half made: make it again$/);
    for (const [args, message] of [
      [['--size', '8'], /^--size must be a whole number 16–512$/],
      [['--size', '64', '--most', '0'], /^--most 0: give a whole number above 0$/],
      [['--size', '64', '--sources', 'clip,test'], /^--sources test: they are clip, hard, still$/],
    ] as const) {
      const { status, stderr } = await script('training/common/prepare.ts', 'none', ...args);
      expect(status).toBe(1);
      expect(stderr.trim()).toMatch(message);
    }
  });
});
