/**
 * Whether the graphs of packs compute the same with onnxruntime's WebGPU provider as on the CPU:
 *
 *     npx tsx bench/providers.ts [PACK]...
 *
 * `PACK`: a folder; default: all of packs/. Each graph gets the same made-up inputs (dynamic axes are one long) with either. Printed
 * are each output's largest difference and largest value, and which operators WebGPU left to the CPU. Status 1 where a
 * difference is above 1e-3 of the largest value (of 1 where that is less), 3 where there is no WebGPU.
 *
 * Without a graphics processor, SwiftShader of Debian's `chromium` will do:
 * `VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json`. Right, but very slow.
 */
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import * as ort from 'onnxruntime-node';
import { profiledRun } from './profiled-run.js';

const TOLERANCE = 1e-3;
const NO_WEBGPU = 3;
const REPOSITORY_PACKS = new URL('../packs/', import.meta.url).pathname;

type Tensors = Awaited<ReturnType<ort.InferenceSession['run']>>;

/** The same numbers for the same names and dimensions, between 0 and 1. */
function madeUpInputs({ inputMetadata }: ort.InferenceSession): Record<string, ort.Tensor> {
  const feeds: Record<string, ort.Tensor> = {};
  for (const input of inputMetadata) {
    if (!input.isTensor) throw new Error(`${input.name}: not a tensor`);
    const dims = input.shape.map((side) => (typeof side === 'number' && side > 0 ? side : 1));
    const length = dims.reduce((all, side) => all * side, 1);
    const data = Float32Array.from({ length }, (_, i) => 0.5 + 0.5 * Math.sin(i * 12.9898));
    feeds[input.name] = new ort.Tensor('float32', data, dims);
  }
  return feeds;
}

function compare(expected: Tensors, made: Tensors): { text: string; same: boolean } {
  let same = true;
  const texts = Object.entries(expected).map(([name, { data }]) => {
    const wanted = data as Float32Array;
    const got = made[name].data as Float32Array;
    let difference = 0;
    let largest = 0;
    for (let i = 0; i < wanted.length; i++) {
      difference = Math.max(difference, Math.abs(wanted[i] - got[i]));
      largest = Math.max(largest, Math.abs(wanted[i]));
    }
    same &&= difference <= TOLERANCE * Math.max(1, largest);
    return `${name} ${difference.toExponential(1)} of ${largest.toFixed(2)}`;
  });
  return { text: texts.join(', '), same };
}

const { positionals } = parseArgs({ allowPositionals: true });
const packs =
  positionals.length > 0
    ? positionals
    : (await readdir(REPOSITORY_PACKS)).sort().map((name) => join(REPOSITORY_PACKS, name));

for (const pack of packs) {
  for (const file of (await readdir(pack)).filter((name) => name.endsWith('.onnx')).sort()) {
    const graph = await readFile(join(pack, file));
    const cpu = await ort.InferenceSession.create(graph);
    const feeds = madeUpInputs(cpu);
    const expected = await cpu.run(feeds);
    await cpu.release();
    const webgpu = { executionProviders: ['webgpu'] };
    const made = await profiledRun(graph, feeds, webgpu).catch((error: Error) => {
      console.error(`no WebGPU for ${file}: ${error.message.split('\n')[0]}`);
      process.exit(NO_WEBGPU);
    });
    const { text, same } = compare(expected, made.outputs);
    const onCpu = made.nodes.filter(({ provider }) => provider === 'CPUExecutionProvider');
    const operators = [...new Set(onCpu.map((node) => node.op_name))].sort().join(' ');
    const left = operators && `; on the CPU: ${operators}`;
    console.log(`${same ? 'same' : 'OFF '} ${basename(pack)} ${file}: ${text}${left}`);
    if (!same) process.exitCode = 1;
  }
}
