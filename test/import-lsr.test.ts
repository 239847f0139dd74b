import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { importLsr } from '../src/cli/commands/import-lsr.js';
import { temporaryFolder } from './support/cli.js';
import { runInTraining } from './support/python.js';
import { describeNeeds, pythonPath } from './tools.js';

const support = fileURLToPath(new URL('support', import.meta.url));

/** Runs Python text or a script that knows training/ and test/support/, to its good end. */
async function run(...args: readonly string[]): Promise<string> {
  const ended = await runInTraining(pythonPath, args, { PYTHONPATH: `.:${support}` });
  expect(ended, ended.stderr).toMatchObject({ status: 0 });
  return ended.stdout;
}

/** Prints shapes of the published checkpoint by name. */
const SHAPES = `
import json
from lsr.model import Lsr, Shape
from lsr.published import shapes_of
print(json.dumps(shapes_of(Lsr(Shape()))))
`;

/** Spoils a checkpoint in one way; prints what reading it says. */
const SPOILED = `
import sys
import numpy as np
from lsr.published import SUFFIX, CheckpointError, read_variables
from lsr_published import TINY, random_variables
v = random_variables(TINY)
way = sys.argv[1]
name = 'generator/to_rgb/kernel' + SUFFIX
if way == 'missing': del v[name]
if way == 'many': v = {n: a for n, a in v.items() if not n.startswith('encoder/')}
if way == 'extra': v['generator/to_alpha/kernel' + SUFFIX] = v[name]
if way == 'shape': v[name] = v[name][..., :2]
if way == 'type': v[name] = v[name].astype('f8')
if way == 'other': v = {'resnet/conv1/kernel': v[name]}
try: read_variables(v, TINY)
except CheckpointError as error: print(error)
`;

describeNeeds('torch')('import-lsr', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await temporaryFolder();
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('knows the published names and shapes', async () => {
    const shapes = JSON.parse(await run('-c', SHAPES));
    // Read off the public code, networks.py and layers.py.
    expect(shapes).toMatchObject({
      'encoder/blocks/0/kernel': [7, 7, 6, 32],
      'encoder/blocks/2/conv_block0/kernel': [3, 3, 32, 32],
      'encoder/blocks/2/shortcut/kernel': [1, 1, 32, 64],
      'encoder/blocks/12/conv_block1/bias': [512],
      'encoder/fc_z/kernel': [4608, 512],
      'layout_encoder/fc_z/bias': [512],
      'layout_generator/encoder_blocks/0/blocks/0/conv0/kernel': [3, 3, 3, 3],
      'layout_generator/encoder_blocks/4/blocks/0/conv_shortcut/kernel': [1, 1, 512, 512],
      'layout_generator/decoder_blocks/1/resblock_up_fn/norm0/dense/kernel': [512, 2048],
      'layout_generator/decoder_blocks/4/resblock_up_fn/conv0/kernel': [3, 3, 128, 32],
      'layout_generator/output_conv/kernel': [3, 3, 32, 22],
      'generator/blocks/0/kernel': [512, 25088],
      'generator/blocks/2/conv_block0/spade_norm/conv0/kernel': [3, 3, 19, 64],
      'generator/blocks/12/shortcut/spade_norm/gamma_conv/kernel': [3, 3, 64, 64],
      'generator/blocks/12/conv_block0/conv/kernel': [3, 3, 64, 32],
      'generator/to_rgb/bias': [3],
    });
    for (const none of ['encoder/blocks/12/shortcut/kernel', 'generator/blocks/4/shortcut/kernel'])
      expect(shapes).not.toHaveProperty([none]);
  });

  it('computes what the public code computes', async () => {
    const said = await run(join(support, 'lsr_published.py'), 'check');
    const [error, largest] = said.trim().split(' ').map(Number);
    expect(largest).toBeGreaterThan(1);
    expect(error).toBeLessThan(1e-4);
  });

  it.each([
    ['missing', 'it lacks generator/to_rgb/kernel'],
    [
      'many',
      'it lacks encoder/blocks/0/bias, encoder/blocks/0/kernel, encoder/blocks/2/conv_block0/bias and',
    ],
    ['extra', 'it has variables that LSR has not: generator/to_alpha/kernel'],
    [
      'shape',
      'generator/to_rgb/kernel is float32 of shape [3, 3, 4, 2], not float32 of [3, 3, 4, 3]',
    ],
    ['type', 'generator/to_rgb/kernel is float64 of shape [3, 3, 4, 3], not float32'],
    ['other', 'no variable of LSR in it: give what dump_checkpoint.py makes of the checkpoint'],
  ])('says what is wrong in a line: %s', async (way, message) => {
    const said = (await run('-c', SPOILED, way)).trim();
    expect(said).toContain(message);
    expect(said.split('\n')).toHaveLength(1);
  });

  it('refuses what is no checkpoint, and asks for what it was not told', async () => {
    const { signal } = new AbortController();
    const file = join(folder, 'lsr.npz');
    await writeFile(file, 'no archive');
    const refused = (...args: string[]) => expect(importLsr(args, signal)).rejects;
    await refused(file, '--out', join(folder, 'pack')).toThrow(/lsr\.npz cannot be used: /);
    await refused(join(folder, 'none.npz'), '--out', join(folder, 'pack')).toThrow(
      /none\.npz cannot be used: .*No such file/,
    );
    await refused(file).toThrow('--out is missing');
    await refused('--out', folder).toThrow('give one file');
    await refused(file, '--out', join(folder, 'My Pack')).toThrow(/must be of a–z/);
  });
});
