/**
 * FSRT's exact shortcuts, one by one, on random weights: `npx tsx bench/fsrt.ts [--shape tiny|small|full] [--runs 3]`.
 * Time of a part of the picture in onnxruntime-node on one thread, what a whole frame of such parts takes, and the
 * largest difference of a colour from what PyTorch gives without any. `full` and `small` have the paper's widths
 * at 256×256. Then the same picture in more or fewer parts, by the memory that their intermediate results may take;
 * then the patches of a source as equation 5 writes them, and without making what is the same at every pixel anew.
 * Needs Python with PyTorch and ONNX. Only an idle machine counts.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findPython, startTraining } from '../src/cli/training/python.js';
import { bytesPerPixel, createTiles, type FsrtMemory } from '../src/models/families/fsrt-tiles.js';
import type { InferenceSession, Tensor } from '../src/models/inference.js';
import { createNodeSession } from '../src/models/inference-node.js';

const { values: options } = parseArgs({
  options: { shape: { type: 'string', default: 'small' }, runs: { type: 'string', default: '3' } },
});
const runs = Number(options.runs);
const MEGABYTE = 2 ** 20;

const folder = await mkdtemp(join(tmpdir(), 'visavis-fsrt-'));
const python = startTraining(await findPython(), 'fsrt.shortcuts', [folder, options.shape]);
python.stderr.pipe(process.stderr);
const status = await new Promise((resolve) => python.on('close', resolve));
if (status !== 0) process.exit(1);

const file = JSON.parse(await readFile(join(folder, 'inputs.json'), 'utf8'));
const size: number = file.size;
type Packed = Record<string, { dims: number[]; data: string }>;
const unpacked = (packed: Packed): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(packed).map(([name, { dims, data }]) => {
      const bytes = Uint8Array.from(Buffer.from(data, 'base64'));
      return [name, { dims, data: new Float32Array(bytes.buffer) }];
    }),
  );
const [tensors, wanted] = [unpacked(file.tensors), unpacked(file.wanted)];
const named = (...names: string[]) =>
  Object.fromEntries(names.map((name) => [name, tensors[name]]));
const MEMORY = ['keys0', 'values0', 'keys1', 'values1'];

async function timed(session: InferenceSession, inputs: Record<string, Tensor>) {
  const times: number[] = [];
  let outputs = await session.run(inputs);
  for (let run = 0; run < runs; run++) {
    const started = performance.now();
    outputs = await session.run(inputs);
    times.push(performance.now() - started);
  }
  return { outputs, ms: times.sort((a, b) => a - b)[Math.floor(times.length / 2)] };
}

const farthest = (made: Float32Array, from: Float32Array): string =>
  made.reduce((most, value, i) => Math.max(most, Math.abs(value - from[i])), 0).toExponential(1);

const part = tensors.pixels.dims[0];
const parts = Math.ceil((size * size) / part);
console.log(
  `${options.shape}, ${size}×${size} pixels, parts of ${part}; ${cpus()[0]?.model}, one thread`,
);
const VARIANTS = [
  ['none', 'plain', ['pixels', 'keypoints', 'expression', 'latent']],
  ['keys and values cached', 'cached', ['pixels', 'keypoints', 'expression', ...MEMORY]],
  ['constant terms folded too', 'decoder', ['pixels', 'constant', ...MEMORY]],
] as const;
for (const [name, graph, inputs] of VARIANTS) {
  const session = await createNodeSession(await readFile(join(folder, `${graph}.onnx`)));
  const { outputs, ms } = await timed(session, named(...inputs));
  await session.close();
  const error = farthest(outputs.colours.data, wanted.plain.data);
  console.log(
    `${name}: ${ms.toFixed(1)} ms a part, ${((ms * parts) / 1000).toFixed(2)} s a frame, off by at most ${error}`,
  );
}

const memory = named(...MEMORY) as unknown as FsrtMemory;
const decoder = await createNodeSession(await readFile(join(folder, 'decoder.onnx')));
const first: Float32Array[] = [];
for (const budget of [16, 64, 256]) {
  const tiles = createTiles(size, memory, budget * MEGABYTE);
  const [pixels] = tiles;
  const { outputs, ms } = await timed(decoder, { ...named('constant', ...MEMORY), pixels });
  first.push(outputs.colours.data);
  const shared = Math.min(...first.map(({ length }) => length));
  const error = farthest(outputs.colours.data.subarray(0, shared), first[0]);
  console.log(
    `${budget} MiB: ${tiles.length} parts of ${pixels.dims[0]} pixels (${Math.round((pixels.dims[0] * bytesPerPixel(memory)) / MEGABYTE)} MiB), ${((ms * tiles.length) / 1000).toFixed(2)} s a frame, off by at most ${error}`,
  );
}
await decoder.close();

for (const [how, graph] of [
  ['as written', 'patches-plain'],
  ['as in a pack', 'patches'],
]) {
  const session = await createNodeSession(await readFile(join(folder, `${graph}.onnx`)));
  const { outputs, ms } = await timed(session, named('pictures', 'keypoints', 'expression'));
  await session.close();
  const error = farthest(outputs.made.data, wanted.patches.data);
  console.log(`patches of a source, ${how}: ${ms.toFixed(1)} ms, off by at most ${error}`);
}
await rm(folder, { recursive: true });
