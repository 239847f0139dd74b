/** Graphs that training/ exports, on onnxruntime's WebGPU provider: Chromium's SwiftShader stands in for a GPU. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from './support/cli.js';
import { python, runScript } from './support/python.js';
import { describeNeeds } from './tools.js';

/** Of Debian's `chromium`. */
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';

/** Writes a convolution of six channels into a folder, as exports do or as PyTorch alone would. */
const EXPORT = `
import sys
from pathlib import Path
import torch
from common import onnx_export
path, filled = Path(sys.argv[1]), sys.argv[2] == 'filled'
if not filled:
    onnx_export.fill_channels = lambda model: None
torch.manual_seed(0)
module = torch.nn.Conv2d(6, 16, 3, padding=1)
inputs = {'x': torch.randn(1, 6, 32, 32)}
onnx_export.write_graph(path, module, inputs, ['y'], 13)
onnx_export.round_weights(module)
onnx_export.check(path, module, inputs, ['y'])
`;

describeNeeds('torch', 'chromium')('an exported convolution of six channels', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await temporaryFolder();
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each([
    ['filled', 0, 'same'],
    ['plain', 1, 'OFF'],
  ])('%s up to eight ends with status %i on WebGPU', async (kind, status, verdict) => {
    const pack = join(folder, kind);
    await mkdir(pack);
    await python('-c', EXPORT, join(pack, 'convolution.onnx'), kind);
    const ended = await runScript('bench/providers.ts', [pack], {
      VK_ICD_FILENAMES: SWIFTSHADER,
    });
    expect(ended, ended.stderr).toMatchObject({ status });
    expect(ended.stdout).toMatch(new RegExp(`^${verdict} +${kind} convolution.onnx: y `));
  });
});
