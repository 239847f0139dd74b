import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDecoder } from '../src/models/decoder-node.js';
import { openPack } from '../src/models/pack-node.js';
import { openPersonalPack } from '../src/models/personal-node.js';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import { encodeIdentity } from '../src/protocol/identity.js';
import { cartoonGeometry, cartoonReference } from './support/cartoon-face.js';
import { temporaryFolder } from './support/cli.js';
import { python } from './support/python.js';
import { realCall } from './support/real-call.js';
import {
  expectResumed,
  HOOK_MS,
  loggedRow,
  personaliseFrom,
  prepareCrops,
  refusal,
  seal,
  trainByTwo,
  weightsHash,
} from './support/training.js';
import { describeNeeds } from './tools.js';

/** The least that the trainer takes. */
const CONFIG = `
size = 32
code = 8
encoder = 4
encoder_downs = 3
layout = 4
image = 4
widest = 8
ups = 3
projection = 4
discriminator = 4
batch = 2
references = 2
warm_steps = 1
steps = 4
layout_steps = 2
held_out = "bob"
`;

/** Millions of parameters and of multiplications at the published widths; what the regions of a face are. */
const FACTS = `
import json
import numpy as np
import torch
from lsr.layers import Conv, Linear
from lsr.model import Lsr, Shape
from lsr.regions import label_map
from tracker.points import canonical_face
model, work = Lsr(Shape()).eval(), {}
for name, part in model.named_children():
    def count(layer, _, made, name=name): work[name] = work.get(name, 0) + layer.weight[0].numel() * made[0].numel() / 1e6
    for layer in part.modules():
        if isinstance(layer, (Conv, Linear)): layer.register_forward_hook(count)
with torch.no_grad():
    contours = torch.zeros(1, 3, 224, 224)
    code = model.layout_encoder(contours, contours)
    model.decode(contours, code, code)
labels = label_map(canonical_face(), 256)
print(json.dumps({
    'work': work,
    'parameters': {name: sum(p.numel() for p in part.parameters()) / 1e6 for name, part in model.named_children()},
    'classes': sorted(map(int, np.unique(labels))),
    'at': [int(labels[y, x]) for x, y in ((128, 130), (128, 155), (128, 40), (2, 2), (128, 80), (128, 250))],
}))
`;

describeNeeds('torch')('LSR', () => {
  let folder: string;
  const inFolder = (name: string) => join(folder, name);
  const train = (config: string, run: string, ...more: string[]) =>
    python(
      ...['-m', 'lsr.train', inFolder(config), inFolder(run)],
      ...['--cache', inFolder('cache'), ...more],
    );
  const weights = (run: string) => weightsHash(inFolder(run));
  const refused = async (config: string) => {
    await writeFile(inFolder('refused.toml'), config);
    const run = [inFolder('refused.toml'), inFolder('refused'), '--cache', inFolder('cache')];
    return refusal('-m', 'lsr.train', ...run);
  };

  beforeAll(async () => {
    folder = await temporaryFolder();
    await writeFile(inFolder('tiny.toml'), CONFIG);
    await prepareCrops(folder, 32, 6);
    await train('tiny.toml', 'whole');
  }, HOOK_MS);
  afterAll(() => rm(folder, { recursive: true }));

  it('has the published sizes, and regions where the points say', async () => {
    const { parameters, work, classes, at } = JSON.parse((await python('-c', FACTS)).stdout);
    // 20 and 30 M are the published ones; the encoders' are of the public code's shapes.
    expect(parameters.layout_generator).toBeCloseTo(20.25, 2);
    expect(parameters.image_generator).toBeCloseTo(30.14, 2);
    expect(parameters.layout_encoder).toBeCloseTo(14.33, 2);
    // 17 and 27 thousand million, as published.
    expect(work.layout_generator).toBeCloseTo(16915, -1);
    expect(work.image_generator).toBeCloseTo(26995, -1);
    expect(parameters.style_encoder).toBe(parameters.layout_encoder);
    expect(classes).toEqual([0, 1, 2, 4, 5, 6, 7, 10, 11, 12, 13, 17, 18]);
    expect(at).toEqual([2, 10, 13, 0, 1, 18]);
  });

  it('learns layouts, then pictures, and goes on as if it had never stopped', async () => {
    const columns = ['cross_entropy', 'auxiliary', 'l1', 'adversarial', 'judge', 'psnr'];
    expect((await loggedRow(inFolder('whole'), columns)).step).toBe('4');
    const again = (...more: readonly string[]) => train('tiny.toml', 'resumed', ...more);
    await expectResumed(again, inFolder('resumed'), inFolder('whole'));
  });

  it('two processes train together', async () => {
    await writeFile(inFolder('tiny.toml'), CONFIG.replace('steps = 4', 'steps = 1'));
    await train('tiny.toml', 'alone');
    const own = [inFolder('tiny.toml'), inFolder('both'), '--cache', inFolder('cache')];
    await trainByTwo(inFolder('logs'), 'lsr.train', ...own);
    expect(await weights('both')).not.toBe(await weights('alone'));
  });

  it('is fine-tuned for one person: generators alone, codes as they were', async () => {
    const more = `start_from = "${inFolder('whole/weights.pt')}"\nsubject = "anna"\n`;
    await writeFile(inFolder('subject.toml'), CONFIG + more);
    await train('subject.toml', 'subject');
    const { stdout } = await python(
      '-c',
      `import sys, torch
a, b = (torch.load(path)['weights'] for path in sys.argv[1:])
print(*sorted({name.split('.')[0] for name in a if not torch.equal(a[name], b[name])}))`,
      inFolder('whole/weights.pt'),
      inFolder('subject/weights.pt'),
    );
    expect(stdout.trim()).toBe('image_generator layout_generator');
    expect(await refused(`${CONFIG}subject = "anna"\n`)).toMatch(/subject needs start_from/);
    expect(await refused(CONFIG + more.replace('anna', 'zoe'))).toMatch(/nobody called zoe/);
    expect(await refused(CONFIG.replace('size = 32', 'size = 48'))).toMatch(
      /size is 48, the cache has crops of 32 pixels/,
    );
  });

  describe('the pack', () => {
    let stdout: string;
    beforeAll(async () => {
      const weights = inFolder('whole/weights.pt');
      ({ stdout } = await python('-m', 'lsr.export', weights, inFolder('pack'), '--name', 'tiny'));
      await seal(inFolder('pack'));
    }, HOOK_MS);

    it('computes what PyTorch computes, with binary16 weights and with binary32', async () => {
      const agreed =
        /(encoder\.onnx layout|encoder\.onnx style|generator\.onnx picture): largest difference 0\.000/g;
      // Encoders are checked with one reference and with four.
      expect(stdout.match(agreed)).toHaveLength(5);
      expect(stdout).toMatch(/generator\.onnx: binary16 weights change picture by at most 0\.00/);
      const more = [inFolder('pack32'), '--name', 'tiny', '--float32'];
      const single = await python('-m', 'lsr.export', inFolder('whole/weights.pt'), ...more);
      expect(single.stdout.match(agreed)).toHaveLength(5);
    });

    it('decodes, from the mean of its references’ codes', async () => {
      const decoder = createDecoder(await openPack(inFolder('pack')));
      const references = await Promise.all(
        [cartoonGeometry(), cartoonGeometry([0, 0.3, 0], 4)].map((face) =>
          cartoonReference(face, 256),
        ),
      );
      const shown = async (chosen: typeof references, opening: number) => {
        await decoder.setIdentity({ size: 256, references: chosen });
        const { width, height, data } = await decoder.decode(cartoonGeometry([0, 0, 0], opening));
        expect([width, height, data[3]]).toEqual([256, 256, 255]);
        return Buffer.from(data);
      };
      const one = await shown(references.slice(0, 1), 0);
      expect(await shown(references, 0)).not.toEqual(one);
      expect(await shown(references.slice(0, 1), 12)).not.toEqual(one);
      // The same references are the same person, whatever came between.
      expect(await shown(references.slice(0, 1), 0)).toEqual(one);
      await decoder.close();
    });

    it('becomes a personal pack of one person’s clip', async () => {
      const out = inFolder('mine');
      const summary = await personaliseFrom(inFolder('person.webp'), inFolder('pack'), out, '0.03');
      expect(summary).toMatch(/gained +PSNR \d+\.\d\d → \d+\.\d\d dB/);
      const base = await openPack(inFolder('pack'));
      const own = await openPersonalPack(out, base);
      expect(own.networks.generator).not.toEqual(base.networks.generator);
      expect(own.networks.encoder).toEqual(base.networks.encoder);
    });

    it('is shown by an ordinary receiver what an ordinary sender sends', async () => {
      const pack = await openPack(inFolder('pack'));
      const decoder = createDecoder(pack);
      const neutral = cartoonGeometry();
      const { picture } = await cartoonReference(neutral, 256);
      const coded = await createNodePictureCodec().encode(picture, 85);
      const references = [{ picture: coded, landmarks: neutral }];
      const { pictures } = await realCall({
        pack,
        decoder,
        identity: encodeIdentity({ size: 256, neutral, references }),
        frames: Array.from({ length: 12 }, (_, index) =>
          cartoonGeometry([0, 0.02 * index, 0], index),
        ),
      });
      expect(new Set(pictures.map(({ data }) => data.join())).size).toBeGreaterThan(6);
      expect(decoder.stats!.networkRuns).toBeGreaterThan(6);
    });
  });
});
