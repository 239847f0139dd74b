import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from './support/cli.js';
import { python, script } from './support/python.js';
import { describeNeeds } from './tools.js';

/** The least that the networks take. */
const SHAPE = `size = 128
render = "16"
${['keypoint_width', 'keypoint_features', 'patch_width'].map((name) => `${name} = 4`).join('\n')}
${['keypoint_most', 'expression', 'expression_hidden', 'head'].map((name) => `${name} = 8`).join('\n')}
${['width', 'hidden', 'query_hidden', 'decoder_hidden'].map((name) => `${name} = 16`).join('\n')}
layers = 1
heads = 2
decoder_heads = 2
batch = 2
`;
/** A step of each phase, two sources. */
const CONFIG = `${SHAPE}sources = 2
warm_up = 1
perceptual_steps = 1
adversarial_steps = 1
pixels = 64
stride = 4
`;

/** A cache of crops as common/prepare.ts writes it, of two people who are noise. */
const CACHE = `
import json, pathlib, sys
import numpy as np
from tracker.points import canonical_face
folder = pathlib.Path(sys.argv[1])
folder.mkdir()
random = np.random.default_rng(1)
np.clip(random.normal(128, 40, (24, 3, 128, 128)), 0, 255).astype('u1').tofile(folder / 'crops.bin')
np.stack([canonical_face() + random.normal(0, 2, (1, 3)) for _ in range(24)]).astype('<f4').tofile(folder / 'landmarks.bin')
entries = [{'person': 'ab'[i // 12], 'clip': 'c', 'source': 'clip'} for i in range(24)]
(folder / 'index.json').write_text(json.dumps({'size': 128, 'entries': entries}))
`;

/** Checks of the losses by hand, and that phases II and III give a gradient to a part of the pixels alone. */
const LOSSES = `
import torch
from fsrt import losses, phases
from fsrt.encoding import pixel_grid
vectors = torch.tensor([[1., 2.], [3., 2.], [5., 8.]])
print(round(float(losses.covariance(vectors)), 4), round(float(losses.variance(torch.tensor([[0., 0.2], [0., 4.]]))), 4),
      float(losses.invariance(torch.zeros(2, 4), torch.full((2, 4), 0.5))))
class Config: stride, tile, pixels, warm_up, perceptual_steps = 4, 50, 10, 5, 5
class Model: decoder = staticmethod(lambda latent, pixels, keypoints, expression: torch.cat([pixels, pixels[..., :1]], -1) * latent)
latent = torch.ones(1, 1, 1, requires_grad=True)
asked = {'latent': latent, 'keypoints': None, 'expression': None, 'target': torch.zeros(1, 3, 16, 16)}
made = phases.whole_picture(Model, asked, Config, torch.Generator().manual_seed(1))
print(bool((made[0, :2].permute(1, 2, 0) == pixel_grid(16)).all()))
# A picture's sum has the gradient of its own sum over the sixteenth that is sampled.
(made.abs().sum()).backward()
print(0 < float(latent.grad) < float(made.detach().abs().sum()) / 8)
print([phases.phase_of(Config, step) for step in (0, 4, 5, 9, 10, 99)])
`;

describeNeeds('torch')('the training of FSRT', () => {
  let folder: string;
  const inFolder = (name: string) => join(folder, name);
  const train = (run: string, ...more: readonly string[]) =>
    python(
      ...['-m', 'fsrt.train', inFolder('tiny.toml'), inFolder(run), '--cache', inFolder('cache')],
      ...['--keypoints', inFolder('detector/weights.pt'), ...more],
    );
  const weights = async (run: string) =>
    createHash('sha256')
      .update(await readFile(inFolder(`${run}/weights.pt`)))
      .digest('hex');

  beforeAll(async () => {
    folder = await temporaryFolder();
    await writeFile(inFolder('tiny.toml'), CONFIG);
    await writeFile(inFolder('detector.toml'), `${SHAPE}steps = 2\n`);
    await python('-c', CACHE, inFolder('cache'));
    await python(
      ...['-m', 'fsrt.detector', inFolder('detector.toml'), inFolder('detector')],
      ...['--cache', inFolder('cache')],
    );
    await train('whole');
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true }));

  it('has the paper’s losses and phases', async () => {
    // Covariance of [1 3 5], [2 2 8]: variances 4 and 12, covariance 6: (16 + 144 + 72) / 2.
    expect((await python('-c', LOSSES)).stdout.trim().split('\n')).toEqual([
      '116.0 0.4291 0.25',
      'True',
      'True',
      '[1, 1, 2, 2, 3, 3]',
    ]);
  });

  it('goes through the three phases, and on as if it had never stopped', async () => {
    const log = (await readFile(inFolder('whole/log.csv'), 'utf8')).trim().split(/\r?\n/);
    const row = log[1].split(',');
    const at = Object.fromEntries(log[0].split(',').map((name, i) => [name, row[i]]));
    expect([at.step, at.phase]).toEqual(['3', '3']);
    for (const name of ['mse', 'perceptual', 'adversarial', 'matching', 'covariance', 'judge'])
      expect(Number.parseFloat(at[name]), name).toBeGreaterThan(0);
    await train('resumed', '--minutes', '1e-9');
    const early = await weights('resumed');
    await train('resumed');
    expect(await weights('resumed')).toBe(await weights('whole'));
    expect(early).not.toBe(await weights('whole'));
  });

  it('two processes train together', async () => {
    await writeFile(
      inFolder('tiny.toml'),
      CONFIG.replace('perceptual_steps = 1', 'perceptual_steps = 0'),
    );
    // Debian's torchrun cannot leave the outputs where they are: README.
    const launch = [
      '--standalone',
      '--nproc_per_node',
      '2',
      '-r',
      '1',
      '-t',
      '1',
      '--log_dir',
      inFolder('logs'),
    ];
    await python(
      ...['-m', 'torch.distributed.run', ...launch, '-m', 'fsrt.train', inFolder('tiny.toml')],
      ...[inFolder('both'), '--cache', inFolder('cache')],
      ...['--keypoints', inFolder('detector/weights.pt')],
    );
    await train('alone');
    // Rank 0 sees what the lone process sees: without the other's gradients it would be the same.
    expect(await weights('both')).not.toBe(await weights('alone'));
  });

  it('a pack is made, with steps and tables of the motion in clips', async () => {
    await python(
      ...['-m', 'fsrt.motion', inFolder('whole/weights.pt'), inFolder('motion.npz')],
      ...['--cache', inFolder('cache')],
    );
    const { stdout } = await python(
      ...['-m', 'fsrt.export', inFolder('whole/weights.pt'), inFolder('pack'), '--name', 'tiny'],
      ...['--motion', inFolder('motion.npz')],
    );
    expect(stdout).toMatch(/decoder\.onnx colours: largest difference/);
    const sealed = await script('tools/seal-pack.ts', inFolder('pack'));
    expect(sealed, sealed.stderr).toMatchObject({ status: 0 });
  });
});
