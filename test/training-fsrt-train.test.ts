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
class Decoder:
    constant = remember = staticmethod(lambda *given: given[0])
    ask = staticmethod(lambda pixels, constant, memory: torch.cat([pixels, pixels[..., :1]], -1) * memory)
class Model: decoder = Decoder
latent = torch.ones(1, 1, 1, requires_grad=True)
asked = {'latent': latent, 'keypoints': None, 'expression': None, 'target': torch.zeros(1, 3, 16, 16)}
made = phases.whole_picture(Model, asked, Config, torch.Generator().manual_seed(1))
print(bool((made[0, :2].permute(1, 2, 0) == pixel_grid(16)).all()))
# A picture's sum has the gradient of its own sum over the sixteenth that is sampled.
(made.abs().sum()).backward()
print(0 < float(latent.grad) < float(made.detach().abs().sum()) / 8)
print([phases.phase_of(Config, step) for step in (0, 4, 5, 9, 10, 99)])
`;

/** Which picture it is matters to what the patch CNN gives once a training has begun; colours begin mid grey. */
const BEGINNING = `
import torch
from fsrt.beginning import begin
from fsrt.model import Fsrt
from fsrt.sample import TINY
torch.manual_seed(1)
model = Fsrt(TINY).eval()
def share_of_pictures():
    """How much of what the patch CNN gives depends on which picture it sees."""
    pictures = torch.rand(6, 3, 1, 1).expand(-1, -1, TINY.size, TINY.size)
    with torch.no_grad():
        varying = torch.cat([pictures, torch.zeros(6, 4 * TINY.pixel_octaves, TINY.size, TINY.size)], 1)
        x = model.encoder.patches(varying, torch.ones(6, 4 * TINY.keypoint_octaves * TINY.keypoints), torch.ones(6, TINY.expression))
    return float(x.std(0).mean() / x.square().mean().sqrt())
before = share_of_pictures()
begin(model)
after = share_of_pictures()
colours = model.decoder(torch.randn(1, 64, TINY.width), torch.rand(1, 9, 2), torch.zeros(1, TINY.keypoints, 2), torch.zeros(1, TINY.expression))
print(before < 0.02 < 0.1 < after, abs(float(colours.mean()) - 0.5) < 0.2)
`;

/** Before any training, pictures that nothing was fitted to come back; where the patch CNN is too narrow nothing changes. */
const COPYING = `
import torch
from dataclasses import replace
from fsrt.beginning import begin
from fsrt.copying import aim, carry
from fsrt.encoding import pixel_grid
from fsrt.model import Fsrt
from fsrt.sample import TINY
torch.manual_seed(1)
model = Fsrt(replace(TINY, size=64, keypoint_scale=2, patch=4, patch_width=20, width=64, query_hidden=160)).eval()
begin(model)
carry(model)
waves = lambda count: torch.nn.functional.interpolate(torch.rand(count, 3, 5, 5), size=64, mode='bicubic').clamp(0, 1)
aim(model, waves(12))
with torch.no_grad():
    shown = waves(4)
    keypoints, expression = model.motion(shown)
    memory = model.decoder.remember(model.encoder(shown[:, None], keypoints[:, None], expression[:, None]))
    pixels = pixel_grid(64).flatten(0, 1).expand(4, -1, -1)
    made = model.decoder.ask(pixels, model.decoder.constant(keypoints, expression), memory)
    decibels = lambda wanted: float(-10 * torch.log10((made - wanted.flatten(2).transpose(1, 2)).square().mean()))
    print(decibels(shown) > 20, decibels(shown.roll(1, 0)) < 13)
narrow = Fsrt(TINY)
before = [weight.clone() for weight in narrow.parameters()]
carry(narrow)
print(all(bool((a == b).all()) for a, b in zip(before, narrow.parameters())))
`;

/** Half of the episodes are of people in motion; a still that is its own source is moved on its own. */
const EPISODES = `
import sys
import numpy as np
from fsrt import train
from fsrt.episodes import Episodes
crops, rng = Episodes([sys.argv[1]]), np.random.default_rng(1)
crops.moving = {('a', 'c'): crops.train['a', 'c']}
chosen = [crops.choose(crops.train, rng, 1)[0] for _ in range(200)]
print(130 < sum(index < 12 for index in chosen) < 170)
still, pair = crops.episode(3, np.array([3]), rng), crops.episode(3, np.array([4]), rng)
print(bool((still['target'] == still['references'][0]).all()), still['target'].shape, sorted(pair))
plain = crops.episode(3, np.array([3]))
print(bool((plain['target'] == plain['references'][0]).all()))
class Config: rate, warm_rate_steps, cool_down, steps = 1.0, 4, 5, 20
print([train.rate_at(Config, step) for step in (0, 3, 15, 16, 19)])
Config.cool_down = 0
print([train.rate_at(Config, step) for step in (0, 19)])
import torch
from fsrt.phases import EYES, MOUTH, pixel_weight
points = torch.zeros(1, 478, 2)
points[0, EYES] = torch.tensor([[-0.5, -0.5], [0.5, -0.25]]).repeat(4, 1)
points[0, MOUTH] = torch.tensor([[-0.25, 0.5], [0.25, 0.75]]).repeat(2, 1)
weight = pixel_weight(points, 64, 5.0).reshape(64, 64)
print(sorted(weight.unique().tolist()), int((weight[:32] == 5).sum()), int((weight[32:] == 5).sum()), float(weight[52, 32]))
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

  it('begins with weights that let a picture through', async () => {
    expect((await python('-c', BEGINNING)).stdout.trim()).toBe('True True');
  });

  it('begins with the source as it stands', async () => {
    expect((await python('-c', COPYING)).stdout.trim().split('\n')).toEqual(['True True', 'True']);
  });

  it('sees people in motion, and stills that move', async () => {
    const { stdout } = await python('-c', EPISODES, inFolder('cache'));
    expect(stdout.trim().split('\n')).toEqual([
      'True',
      "False (3, 128, 128) ['references', 'target', 'target_landmarks']",
      'True',
      '[0.25, 1.0, 1.0, 0.8, 0.2]',
      '[0.25, 1.0]',
      // Boxes of 32 by 8 and 16 by 8 pixels with 2 around.
      '[1.0, 5.0] 481 273 5.0',
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
