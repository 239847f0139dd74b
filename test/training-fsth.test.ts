import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Landmarks } from '../src/geometry/landmarks.js';
import type { Picture } from '../src/geometry/picture.js';
import { createDecoder } from '../src/models/decoder-node.js';
import type { Pack } from '../src/models/pack.js';
import { openPack } from '../src/models/pack-node.js';
import { openPersonalPack } from '../src/models/personal-node.js';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import { encodeIdentity } from '../src/protocol/identity.js';
import { faceAt } from './support/call.js';
import { cartoonGeometry, cartoonReference } from './support/cartoon-face.js';
import { temporaryFolder } from './support/cli.js';
import { type Ended, python } from './support/python.js';
import { realCall } from './support/real-call.js';
import {
  expectResumed,
  HOOK_MS,
  loggedRow,
  personaliseFrom,
  prepareCrops,
  seal,
  trainByTwo,
  weightsHash,
} from './support/training.js';
import { syntheticFace, syntheticPicture } from './synthetic-face.js';
import { describeNeeds } from './tools.js';

/** The least that has every part: both self-attentions, blocks that change their width and such that do not. */
const CONFIG = `size = 32
least = 4
most = 8
embedder_blocks = 3
generator_blocks = 2
bottleneck_blocks = 1
attention_down = 8
attention_up = 16
steps = 4
batch = 2
references = 2
rate = 1e-3
held_out = "bob"
`;

/** Parameters at the paper's width, and what spectral normalisation, its folding and its unfolding keep. */
const NETWORKS = `
import copy, json, torch
from fsth.blocks import load_folded, fold, settle, spectral_layers
from fsth.model import Discriminator, Fsth, Shape, discriminator_for
count = lambda network: sum(p.numel() for p in network.parameters())
model, shape = Fsth(Shape()), Shape()
judge = Discriminator(shape, 0)
said = {'embedder': count(model.embedder), 'generator': count(model.generator) + count(model.projection),
        'projection': list(model.projection.weight.shape), 'discriminator': count(judge.layers),
        'spectral': all(isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear)) is (name in dict(spectral_layers(model)))
                        for name, layer in model.named_modules() if not name.endswith('weight') and 'parametrizations' not in name)}
small = Shape(size=32, least=4, most=8, embedder_blocks=3, generator_blocks=2, bottleneck_blocks=1, attention_down=8, attention_up=16)
torch.manual_seed(1)
model = Fsth(small)
pictures, contours = torch.rand(2, 3, 3, 32, 32), torch.rand(2, 3, 3, 32, 32)
for module in model.modules():
    if hasattr(module, 'gain'): torch.nn.init.constant_(module.gain, 0.5)
settle(model)
model.eval()
with torch.no_grad():
    embedding = model.embed(pictures, contours).mean(1)
    made = model(contours[:, 0], embedding)
    folded = fold(copy.deepcopy(model))
    again = load_folded(Fsth(small), folded.state_dict()).eval()
    said['fold'] = [float((other(contours[:, 0], embedding) - made).abs().max()) for other in (folded, again)]
    said['range'] = float(made.abs().max())
    meta = Discriminator(small, 3).eval()
    person = meta.videos[1].clone()
    own = discriminator_for(person, {k: v for k, v in meta.state_dict().items() if k != 'videos'}, small).eval()
    video = torch.tensor([1, 1])
    scores, features = meta(made, contours[:, 0], video)
    said['own'] = float((own(made, contours[:, 0])[0] - scores).abs().max())
    said['features'] = [list(f.shape[1:]) for f in features]
print(json.dumps(said))
`;

describeNeeds('torch')('fsth', () => {
  let folder: string;
  const inFolder = (name: string) => join(folder, name);
  beforeAll(async () => {
    folder = await temporaryFolder();
    await writeFile(inFolder('tiny.toml'), CONFIG);
    await prepareCrops(folder, 32, 6);
  }, HOOK_MS);
  afterAll(() => rm(folder, { recursive: true }));

  it('has the paper’s parameters at the paper’s width, normalises spectrally, and folds that', async () => {
    const said = JSON.parse((await python('-c', NETWORKS)).stdout);
    // The paper: 15 M, 38 M and 20 M.
    expect(said).toMatchObject({
      embedder: 14_907_393,
      generator: 38_069_061,
      projection: [13_056, 512, 1, 1],
      discriminator: 19_627_009,
      spectral: true,
    });
    expect(Math.max(...said.fold)).toBeLessThan(1e-4);
    expect(said.range).toBeLessThanOrEqual(1);
    // w' = w0 + ê is the sum that the meta-learning's score takes where ê is the video's row.
    expect(said.own).toBeLessThan(1e-4);
    expect(said.features).toEqual([
      [4, 16, 16],
      [8, 8, 8],
      [8, 4, 4],
      [8, 4, 4],
    ]);
  });

  const train = (run: string, config = 'tiny.toml', ...more: readonly string[]) =>
    python(
      ...['-m', 'fsth.train'],
      inFolder(config),
      inFolder(run),
      ...['--cache', inFolder('cache'), ...more],
    );
  const weights = (run: string) => weightsHash(inFolder(run));

  describe('a training', () => {
    let trained: Ended;
    beforeAll(async () => {
      trained = await train('whole');
    }, HOOK_MS);

    it('says how it goes, and goes on as if it had never stopped', async () => {
      expect((await loggedRow(inFolder('whole'))).step).toBe('4');
      expect(trained.stderr).toMatch(/100\.0 % {2}4\/4 .* left {2}content/);

      const again = (...more: readonly string[]) => train('resumed', 'tiny.toml', ...more);
      await expectResumed(again, inFolder('resumed'), inFolder('whole'));
    });

    it('has a feed-forward variant', async () => {
      await writeFile(inFolder('ff.toml'), `${CONFIG}match = 0.0\n`);
      await train('ff', 'ff.toml');
      expect(await weights('ff')).not.toBe(await weights('whole'));
    });

    it('runs in two processes', async () => {
      await writeFile(inFolder('one.toml'), CONFIG.replace('steps = 4', 'steps = 1'));
      await train('alone', 'one.toml');
      const args = [inFolder('one.toml'), inFolder('both'), '--cache', inFolder('cache')];
      await trainByTwo(inFolder('logs'), 'fsth.train', ...args);
      expect(await weights('both')).not.toBe(await weights('alone'));
    });
  });

  describe('its pack', () => {
    let pack: Pack;
    let exported: Ended;
    beforeAll(async () => {
      exported = await python(
        ...['-m', 'fsth.export'],
        ...[inFolder('whole/weights.pt'), inFolder('pack'), '--name', 'fsth-tiny'],
      );
      await seal(inFolder('pack'));
      pack = await openPack(inFolder('pack'));
    }, HOOK_MS);

    it('computes what PyTorch does, and holds no discriminator', () => {
      expect(exported.stdout).toMatch(/encoder\.onnx adaptive: largest difference 0\.000/);
      expect(exported.stdout).toMatch(/generator\.onnx picture: largest difference 0\.000/);
      expect(pack.manifest).toMatchObject({ family: 'fsth', size: 32 });
      expect(Object.keys(pack.manifest.files).sort()).toEqual([
        'basis.bin',
        'encoder.onnx',
        'generator.onnx',
        'tables.bin',
        'weights.json',
      ]);
      expect(pack.weights?.generator.length).toBeGreaterThan(0);
    });

    it('decodes: another pose and another person give another picture', async () => {
      const references = await Promise.all(
        [cartoonGeometry(), cartoonGeometry([0, 0.2, 0], 5)].map((pose) =>
          cartoonReference(pose, 256),
        ),
      );
      const decoder = createDecoder(pack);
      await decoder.setIdentity({ size: 256, references });
      const shown = await decoder.decode(cartoonGeometry());
      expect([shown.width, shown.height]).toEqual([256, 256]);
      expect(new Set(shown.data).size).toBeGreaterThan(8);
      const turned = await decoder.decode(cartoonGeometry([0, 0.5, 0.3], 12));
      expect(turned.data).not.toEqual(shown.data);
      references[0].picture.data.fill(10);
      await decoder.setIdentity({ size: 256, references: [references[1]] });
      expect((await decoder.decode(cartoonGeometry())).data).not.toEqual(shown.data);
      await decoder.close();
    });

    it('shows the person of a real call, from references and motion alone', async () => {
      const decoded: Landmarks[] = [];
      const shown = await showCall(pack, pack, (geometry) => decoded.push(geometry.slice()));
      expect(shown.length).toBeGreaterThan(6);
      for (const { width, height } of shown) expect([width, height]).toEqual([256, 256]);
      expect(new Set(shown.map(({ data }) => data.join())).size).toBeGreaterThan(6);
      // Each is of a frame that was sent, as near as the motion codec comes.
      for (const geometry of decoded)
        expect(Math.min(...SENT.map((face) => meanDifference(geometry, face)))).toBeLessThan(1);
    });

    it('becomes a person’s own by fine-tuning, which a call sends', async () => {
      const clip = inFolder('clip.webp');
      const summary = await personaliseFrom(clip, inFolder('pack'), inFolder('mine'), '0.02');
      expect(summary).toMatch(/trained +on 48 frames; measured on 12 of the clip's last fifth/);
      expect(summary).toMatch(/gained +PSNR \d+\.\d\d → \d+\.\d\d dB/);
      const mine = await openPersonalPack(inFolder('mine'), pack);
      expect(mine.networks.generator).not.toEqual(pack.networks.generator);
      expect(mine.networks.encoder).toEqual(pack.networks.encoder);
      const [own, others] = [await showCall(mine, pack), await showCall(pack, pack)];
      expect(meanDifference(own.at(-1)!.data, others.at(-1)!.data)).toBeGreaterThan(0.5);
    });
  });
});

const SENT = Array.from({ length: 12 }, (_, index) => faceAt(index));

/** A call of the frames `SENT`; the pictures that were shown. */
async function showCall(
  pack: Pack,
  receivers: Pack,
  onDecode: (geometry: Landmarks) => void = () => {},
): Promise<readonly Picture[]> {
  const decoder = createDecoder(receivers);
  const neutral = syntheticFace();
  const picture = await createNodePictureCodec().encode(syntheticPicture(256), 95);
  const { pictures } = await realCall({
    pack,
    receivers,
    decoder: {
      ...decoder,
      decode(geometry) {
        onDecode(geometry);
        return decoder.decode(geometry);
      },
    },
    identity: encodeIdentity({
      size: 256,
      neutral,
      references: [{ picture, landmarks: neutral }],
    }),
    frames: SENT,
  });
  return pictures;
}

const meanDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < b.length; i++) sum += Math.abs(a[i] - b[i]);
  return sum / b.length;
};
