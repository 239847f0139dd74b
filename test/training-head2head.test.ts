import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { neutralGeometry } from '../src/geometry/pose.js';
import { createDecoder } from '../src/models/decoder-node.js';
import { openPack } from '../src/models/pack-node.js';
import { openPersonalPack } from '../src/models/personal-node.js';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import { encodeIdentity } from '../src/protocol/identity.js';
import { cartoonGeometry, cartoonReference } from './support/cartoon-face.js';
import { temporaryFolder, writeClip } from './support/cli.js';
import { python } from './support/python.js';
import { realCall } from './support/real-call.js';
import {
  cropCache,
  expectResumed,
  HOOK_MS,
  loggedRow,
  NO_TIME,
  personaliseFrom,
  refusal,
  seal,
  trainByTwo,
  weightsHash,
} from './support/training.js';
import { describeNeeds } from './tools.js';

const COUNTS = `
import json
import torch
from head2head.discriminators import Discriminators
from head2head.networks import Head2Head, Shape
count = lambda *modules: sum(p.numel() for module in modules for p in module.parameters())
model, judges = Head2Head(Shape()), Discriminators(480, Shape())
generator = model.generator
print(json.dumps({
    'embedder': count(model.embedder), 'conditioning': count(generator.conditioning), 'history': count(generator.history),
    'decoder': count(generator.decoder), 'projection': count(model.projection), 'style': generator.style_values,
    'image': count(judges.image), 'mouth': count(judges.mouth), 'temporal': [count(t) for t in judges.temporal],
}))
`;

/** What equations say of small tensors, and that folded batch norms change nothing. */
const EQUATIONS = `
import copy, json
import torch
import torch.nn.functional as F
from head2head.discriminators import ImageDiscriminator
from head2head.inception import InceptionResnet, folded
from head2head.losses import discriminator_hinge, generator_hinge, match_loss
from head2head.networks import AdaptiveNorm, Head2Head, Shape, advanced
from head2head.objective import windows
torch.manual_seed(1)
norm = AdaptiveNorm(3)
norm.start = 2
x, style = torch.randn(2, 3, 5, 5), torch.randn(2, 9)
mean, deviation = x.mean((2, 3), keepdim=True), x.var((2, 3), unbiased=False, keepdim=True).add(1e-5).sqrt()
wanted = (1 + style[:, 2:5, None, None]) * (x - mean) / deviation + style[:, 5:8, None, None]
judge = ImageDiscriminator(4, 3, 8, 4).eval()
picture, nmfc, person = torch.randn(1, 3, 32, 32), torch.rand(1, 3, 32, 32), torch.tensor([2])
score, features = judge(picture, nmfc, person)
d, w, c = features[-1][0], judge.people.weight[2] + judge.common.weight[0, :, 0, 0], judge.common.bias
network = InceptionResnet(8, 0.05).train()
for _ in range(3): network(torch.randn(4, 3, 40, 40))
network.eval()
other = folded(copy.deepcopy(network))
shown = torch.rand(2, 3, 40, 40)
model = Head2Head(Shape(size=32, code=8, base=4, downs=2, blocks=3, embedder=0.05)).eval()
several = torch.rand(1, 3, 3, 32, 32)
h = model.embed(several)
apart = lambda a, b: float((a - b).abs().max())
print(json.dumps({
    'norm': apart(norm(x, style), wanted),
    'score': apart(score[0, 0], torch.einsum('cyx,c->yx', d, w) + c),
    'folded': apart(network(shown), other(shown)),
    'mean': apart(h, torch.stack([model.embedder(several[:, k]) for k in range(3)]).mean(0)),
    'match': [float(match_loss(torch.tensor([[1., 2.]]), torch.tensor([v]))) for v in ([2., 4.], [-2., 1.], [-1., -2.])],
    'hinge': [float(generator_hinge(torch.tensor([2.]))), float(discriminator_hinge(torch.tensor([0.5, 3.]), torch.tensor([-2., 0.])))],
    'advanced': advanced(torch.tensor([[1., 2., 3., 4., 5., 6.]])[..., None, None], torch.tensor([[7., 8., 9.]])[..., None, None]).flatten().tolist(),
    'windows': [windows(9, 1), windows(9, 2), windows(9, 4), windows(4, 2)],
    'blocks': [len(model.generator.conditioning.layers) - 3, len(model.generator.decoder.layers) - 2],
}))
`;

const UNTRAINED = `
import sys
from pathlib import Path
import torch
from head2head.networks import Head2Head, Shape
shape = Shape(size=32, code=8, base=4, downs=2, blocks=2, embedder=0.05)
Path(sys.argv[1]).mkdir()
torch.save({'shape': vars(shape), 'step': 0, 'weights': Head2Head(shape).state_dict()}, f'{sys.argv[1]}/weights.pt')
`;

/** A drawn person before a wall; how much of them is found. */
const FOREGROUND = `
import json
import cv2
import numpy as np
from head2head.foreground import OVAL, foreground
from tracker.points import canonical_face
rng, size, face = np.random.default_rng(1), 64, canonical_face().astype('f4')
picture = np.full((size, size, 3), (40, 90, 160), 'f4')
person = np.zeros((size, size), 'u1')
x, y = face[OVAL, 0] / 4, face[OVAL, 1] / 4
head = np.round(np.stack([x + 0.15 * (x - x.mean()), y + 0.15 * (y - y.mean())], 1)).astype('i4')
cv2.fillPoly(person, [np.array([[22, 52], [42, 52], [50, 63], [14, 63]])], 1)
picture[person > 0] = (120, 20, 30)
skull = np.zeros_like(person)
cv2.fillPoly(skull, [head], 1)
picture[skull > 0] = (220, 170, 140)
person |= skull
made = foreground(np.clip(picture + rng.normal(0, 6, picture.shape), 0, 255).astype('u1').transpose(2, 0, 1), face) > 127
print(json.dumps({'iou': float((made & (person > 0)).sum() / (made | (person > 0)).sum()),
    'head': float(made[skull > 0].mean()), 'beside': float(made[person == 0].mean())}))
`;

/** The least that the trainer takes; the discriminators included. */
const CONFIG = `
size = 32
code = 8
base = 4
downs = 2
blocks = 2
embedder = 0.05
discriminators = 4
eyes = true
epochs = 1
epoch_steps = 4
frames = 5
references = 2
augment = true
`;

describeNeeds('torch')('head2head', () => {
  let folder: string;
  const inFolder = (name: string) => join(folder, name);
  beforeAll(async () => {
    folder = await temporaryFolder();
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('has the networks of the paper: 88 M parameters of generator and projections, facenet’s 23.5 M', async () => {
    expect(JSON.parse((await python('-c', COUNTS)).stdout)).toEqual({
      // Inception-ResNet-v1 without its classifier, as facenet-pytorch counts it.
      embedder: 23_482_624,
      conditioning: 25_175_552,
      history: 25_166_144,
      decoder: 20_439_748,
      // 512 to the gamma and beta of 16 704 channels.
      style: 33_408,
      projection: 17_104_896,
      image: 3_005_889,
      mouth: 2_764_737,
      temporal: [2_774_977, 2_774_977, 2_774_977],
    });
  });

  it('computes what the equations say', async () => {
    const said = JSON.parse((await python('-c', EQUATIONS)).stdout);
    for (const name of ['norm', 'score', 'folded', 'mean'])
      expect(said[name], name).toBeLessThan(1e-4);
    [0, 1, 2].forEach((value, i) => {
      expect(said.match[i]).toBeCloseTo(value, 5);
    });
    expect(said.hinge).toEqual([-2, 0.75]);
    expect(said.advanced).toEqual([4, 5, 6, 7, 8, 9]);
    expect(said.windows).toEqual([[6, 7, 8], [4, 6, 8], [0, 4, 8], []]);
    expect(said.blocks).toEqual([2, 1]);
  });

  it('finds who is in front', async () => {
    const said = JSON.parse((await python('-c', FOREGROUND)).stdout);
    expect(said.iou).toBeGreaterThan(0.7);
    expect(said.head).toBeGreaterThan(0.95);
    expect(said.beside).toBeLessThan(0.02);
  });

  describe('from videos to a pack', () => {
    const weights = (run: string) => weightsHash(inFolder(run));
    const train = (config: string, run: string, cache: string, ...more: readonly string[]) =>
      python(
        '-m',
        'head2head.train',
        ...[inFolder(config), inFolder(run), '--cache', inFolder(cache), ...more],
      );

    beforeAll(async () => {
      await mkdir(inFolder('videos'));
      await mkdir(inFolder('one'));
      await writeClip(inFolder('videos/anna.webp'), 12);
      await writeClip(inFolder('videos/bob.webp'), 12, { first: 100 });
      await writeClip(inFolder('one/carol.webp'), 12, { first: 50 });
      await writeFile(inFolder('tiny.toml'), `${CONFIG}held_out = "bob"\n`);
      await writeFile(
        inFolder('fine.toml'),
        `${CONFIG}start_from = ${JSON.stringify(inFolder('whole'))}\n`,
      );
      await cropCache(inFolder('cache'), inFolder('videos'), 32, 500);
      await cropCache(inFolder('cache-one'), inFolder('one'), 32, 500);
      const args = [inFolder('tiny.toml'), inFolder('refused'), '--cache', inFolder('cache')];
      expect(await refusal('-m', 'head2head.train', ...args)).toMatch(
        /^.*cache is not annotated: python3 -m head2head.annotate/,
      );
      await python('-m', 'head2head.annotate', inFolder('cache'));
      await python('-m', 'head2head.annotate', inFolder('cache-one'));
      await train('tiny.toml', 'whole', 'cache');
      await train('fine.toml', 'fine', 'cache-one', '--minutes', NO_TIME);
      await train('fine.toml', 'fine', 'cache-one');
      await python(
        ...['-m', 'head2head.export'],
        ...[inFolder('whole/weights.pt'), inFolder('pack'), '--name', 'tiny'],
      );
      await seal(inFolder('pack'));
    }, HOOK_MS);

    it(
      'a training says how it goes, and goes on as if it had never stopped',
      async () => {
        const columns = ['perceptual', 'mask', 'adversarial', 'features', 'match', 'judge'];
        const row = await loggedRow(inFolder('whole'), [...columns, 'psnr', 'iou']);
        expect(row.step).toBe('4');
        const again = (...more: readonly string[]) =>
          train('tiny.toml', 'resumed', 'cache', ...more);
        await expectResumed(again, inFolder('resumed'), inFolder('whole'));
      },
      HOOK_MS,
    );

    it(
      'two processes train together',
      async () => {
        await writeFile(
          inFolder('short.toml'),
          CONFIG.replace('epoch_steps = 4', 'epoch_steps = 1'),
        );
        await train('short.toml', 'alone', 'cache');
        const args = [inFolder('short.toml'), inFolder('both'), '--cache', inFolder('cache')];
        await trainByTwo(inFolder('logs'), 'head2head.train', ...args);
        expect(await weights('both')).not.toBe(await weights('alone'));
      },
      HOOK_MS,
    );

    it(
      'fine-tuning changes the generator and what modulates it, not the embedder',
      async () => {
        const compare = `
import json, sys, torch
a, b = (torch.load(f'{path}/weights.pt')['weights'] for path in sys.argv[1:3])
state = torch.load(f'{sys.argv[2]}/checkpoint.pt')
same = lambda part: all(torch.equal(a[name], b[name]) for name in a if name.startswith(part))
print(json.dumps({'embedder': same('embedder'), 'projection': same('projection'), 'decoder': same('generator.decoder'),
    'before': float(a['generator.modulation'].abs().max()), 'after': float(b['generator.modulation'].abs().max()),
    'style': list(state['style'].shape), 'step': state['step']}))
`;
        const { stdout } = await python('-c', compare, inFolder('whole'), inFolder('fine'));
        const said = JSON.parse(stdout);
        expect(said).toMatchObject({
          embedder: true,
          projection: true,
          decoder: false,
          before: 0,
          step: 4,
        });
        expect(said.after).toBeGreaterThan(0);
        expect(said.style[0]).toBe(1);
      },
      HOOK_MS,
    );

    it(
      'a real call shows what its pack makes of the motion',
      async () => {
        const pack = await openPack(inFolder('pack'));
        const still = await cartoonReference(cartoonGeometry(), 256);
        const picture = await createNodePictureCodec().encode(still.picture, 85);
        const references = [{ picture, landmarks: cartoonGeometry() }];
        const neutral = neutralGeometry([cartoonGeometry()]);
        const decoder = createDecoder(pack, { background: 'blur' });
        const { pictures: shown } = await realCall({
          pack,
          decoder,
          identity: encodeIdentity({ size: 256, neutral, references }),
          frames: Array.from({ length: 12 }, (_, t) =>
            cartoonGeometry([0, 0.3 * Math.sin(t / 3), 0], 4 + 4 * Math.sin(t)),
          ),
        });
        expect(decoder.stats!.networkRuns).toBeGreaterThan(6);
        expect(shown.length).toBeGreaterThan(6);
        expect(shown.every(({ width, height }) => width === 256 && height === 256)).toBe(true);
        expect(shown.at(-1)!.data).not.toEqual(shown[0].data);
      },
      HOOK_MS,
    );

    it(
      'becomes a person’s own by fine-tuning, as visavis personalise does it',
      async () => {
        const pack = inFolder('pack');
        const out = inFolder('mine');
        const summary = await personaliseFrom(inFolder('clip.webp'), pack, out, '0.02');
        expect(summary).toMatch(/trained +on 48 frames; measured on 12 of the clip's last fifth/);
        expect(summary).toMatch(/gained +PSNR \d+\.\d\d → \d+\.\d\d dB/);
        const base = await openPack(pack);
        const mine = await openPersonalPack(out, base);
        expect(mine.networks.generator).not.toEqual(base.networks.generator);
        expect(mine.networks.embedder).toEqual(base.networks.embedder);
      },
      HOOK_MS,
    );

    it.each(['whole', 'fine', 'new'])(
      '%s becomes a pack that computes the same',
      async (run) => {
        const pack = inFolder(`pack-${run}`);
        // Many tensors of one that was never trained are the same.
        if (run === 'new') await python('-c', UNTRAINED, inFolder('new'));
        const { stdout } = await python(
          ...['-m', 'head2head.export', inFolder(`${run}/weights.pt`), pack, '--name', 'tiny'],
        );
        expect(stdout).toMatch(/embedder\.onnx style: largest difference 0\.000\d+/);
        expect(stdout).toMatch(/generator\.onnx picture: largest difference 0\.000\d+/);
        expect(stdout).toMatch(/generator\.onnx mask: largest difference 0\.000\d+/);
        await seal(pack);
        const { manifest, weights: places } = await openPack(pack);
        expect(manifest).toMatchObject({ family: 'head2head', size: 32 });
        expect(places!.generator.length).toBeGreaterThan(5);
        const read = `
import sys
from pathlib import Path
from head2head.export import load
from head2head.weights import read_weights
given, (found, _) = load(sys.argv[1]), read_weights(Path(sys.argv[2]))
print(max(float((a - b).abs().max()) for a, b in zip(given.parameters(), found.parameters())))
`;
        const apart = (await python('-c', read, inFolder(`${run}/weights.pt`), pack)).stdout;
        expect(Number(apart)).toBeLessThan(1e-3);
      },
      HOOK_MS,
    );
  });
});
