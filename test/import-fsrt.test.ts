import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { importFsrt } from '../src/cli/commands/import-fsrt.js';
import { temporaryFolder } from './support/cli.js';
import { python, runInTraining } from './support/python.js';
import { describeNeeds, pythonPath } from './tools.js';

/** Random checkpoints of the published names and shapes; and such that are not. */
const WRITE = `
import sys, torch
from fsrt.model import Fsrt
from fsrt.published import published_state
from fsrt.shape import Shape, small_decoder
for name, shape in (('', Shape()), ('small_', small_decoder(expression=64))):
    torch.manual_seed(1)
    model = Fsrt(shape)
    keypoints, checkpoint = published_state(model)
    torch.save(keypoints, sys.argv[1] + f'/{name}keypoints.pt')
    torch.save({**checkpoint, 'it': 5, 'loss': 0.25}, sys.argv[1] + f'/{name}checkpoint.pt')
lacking = {**checkpoint, 'encoder': {n: t for n, t in checkpoint['encoder'].items() if 'to_qkv' not in n}}
torch.save(lacking, sys.argv[1] + '/lacking.pt')
torch.save({**checkpoint, 'decoder': {**checkpoint['decoder'], 'more.weight': torch.zeros(1)}}, sys.argv[1] + '/extra.pt')
bent = {**checkpoint['encoder'], 'per_patch_linear.bias': torch.zeros(767)}
torch.save({**checkpoint, 'encoder': bent}, sys.argv[1] + '/bent.pt')
torch.save({'encoder': checkpoint['encoder']}, sys.argv[1] + '/part.pt')
torch.save({**checkpoint, 'run': print}, sys.argv[1] + '/hostile.pt')
`;

/** Loads checkpoints as published; prints the largest difference of any weight to what was written. */
const READ = `
import sys, torch
from fsrt.model import Fsrt
from fsrt.published import load_published
from fsrt.shape import Shape, small_decoder
for name, shape in (('', Shape()), ('small_', small_decoder(expression=64))):
    torch.manual_seed(1)
    wanted = Fsrt(shape).state_dict()
    found = load_published(sys.argv[1] + f'/{name}checkpoint.pt', sys.argv[1] + f'/{name}keypoints.pt').state_dict()
    print(wanted.keys() == found.keys(), max(float((wanted[n].float() - found[n].float()).abs().max()) for n in wanted))
`;

/** Facts of the public layout: names and shapes that must be in the files. */
const NAMES = `
import sys, torch
keypoints = torch.load(sys.argv[1] + '/keypoints.pt')
checkpoint = torch.load(sys.argv[1] + '/checkpoint.pt')
shape = lambda entry, name: list(checkpoint[entry][name].shape)
print(list(keypoints['kp.weight'].shape), list(keypoints['down.weight'].shape),
      list(keypoints['predictor.encoder.down_blocks.4.conv.weight'].shape),
      list(keypoints['predictor.decoder.up_blocks.4.norm.running_var'].shape),
      shape('expression_encoder', 'expression.weight'), shape('expression_encoder', 'expression_mlp.6.weight'),
      shape('encoder', 'conv_blocks.0.layers.0.weight'), shape('encoder', 'conv_blocks.2.layers.2.weight'),
      shape('encoder', 'per_patch_linear.weight'), shape('encoder', 'transformer.layers.4.0.fn.to_qkv.weight'),
      shape('encoder', 'transformer.layers.4.1.fn.net.3.weight'),
      shape('decoder', 'allocation_transformer.input_mlp.0.weight'),
      shape('decoder', 'allocation_transformer.transformer.layers.1.0.fn.to_kv.weight'),
      shape('decoder', 'allocation_transformer.transformer.layers.1.0.fn.to_out.0.bias'),
      shape('decoder', 'render_mlp.8.weight'))
`;

describeNeeds('torch')('the published checkpoints of FSRT', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await temporaryFolder();
    await python('-c', WRITE, folder);
    await writeFile(join(folder, 'text.pt'), 'no checkpoint');
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true }));

  it('have names and shapes that are known, and are read weight by weight', async () => {
    expect((await python('-c', NAMES, folder)).stdout.trim()).toBe(
      '[10, 35, 7, 7] [3, 1, 13, 13] [1024, 512, 3, 3] [32] [320, 35, 7, 7] [256, 640] [96, 483, 3, 3] ' +
        '[768, 384, 3, 3] [768, 768, 1, 1] [2304, 768] [768, 1536] [720, 480] [1536, 768] [480] [3, 1536]',
    );
    expect((await python('-c', READ, folder)).stdout).toBe('True 0.0\nTrue 0.0\n');
  });

  it.each([
    [
      'lacking.pt',
      'small_keypoints.pt',
      /encoder lacks transformer\.layers\.0\.0\.fn\.to_qkv\.weight, .* and 1 more$/,
    ],
    ['extra.pt', 'small_keypoints.pt', /decoder has more\.weight, which FSRT has not$/],
    ['bent.pt', 'small_keypoints.pt', /per_patch_linear\.bias is of shape \(767,\), not \(768,\)$/],
    ['part.pt', 'small_keypoints.pt', /part\.pt lacks the entry expression_encoder$/],
    [
      'hostile.pt',
      'small_keypoints.pt',
      /hostile\.pt cannot be read .*names (builtins|__builtin__)\.print/,
    ],
    ['text.pt', 'small_keypoints.pt', /text\.pt cannot be read as a PyTorch checkpoint/],
    ['nothing.pt', 'small_keypoints.pt', /nothing\.pt cannot be read as a PyTorch checkpoint/],
    ['small_checkpoint.pt', 'text.pt', /text\.pt cannot be read as a PyTorch checkpoint/],
    ['small_checkpoint.pt', 'small_checkpoint.pt', /lacks down\.weight, kp\.bias, .* and 69 more$/],
  ])('%s with %s is refused in one line', async (checkpoint, keypoints, message) => {
    const { status, stderr } = await runInTraining(pythonPath, [
      ...['-m', 'fsrt.import_published'],
      ...[checkpoint, keypoints, 'pack'].map((file) => join(folder, file)),
    ]);
    expect(status).toBe(1);
    expect(stderr.trim()).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('the command says what it must be given', async () => {
    const run = (...args: string[]) => importFsrt([...args, '--out', folder], AbortSignal.any([]));
    await expect(run('one.pt')).rejects.toThrow(
      /^give two files, FSRT's checkpoint and its keypoint/,
    );
    await expect(run(join(folder, 'part.pt'), 'b')).rejects.toThrow(
      /part\.pt lacks the entry expression_encoder$/,
    );
  });
});
