import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { figuresIn } from '../bench/compare/figures.js';
import { splits } from '../bench/data.js';
import { playCall } from '../bench/families/call.js';
import { describePack, measureClip } from '../bench/families/clip-run.js';
import { whyNoCuda } from '../bench/families/cuda.js';
import { countMacs, countParameters } from '../bench/families/graph-cost.js';
import { renderFamilies } from '../bench/families/html.js';
import { createSizeJudge } from '../bench/families/own-size.js';
import { decoderPacks, ownSize } from '../bench/families/packs.js';
import { PUBLISHED } from '../bench/families/papers.js';
import { type FamiliesReport, meansOf, type PackOnClip } from '../bench/families/report.js';
import { costTable, paperTable, tableLines } from '../bench/families/tables.js';
import { openCandidates } from '../bench/quality/candidates.js';
import { describeMachine } from '../src/cli/report/machine.js';
import { createPicture, type Picture } from '../src/geometry/picture.js';
import { type OnnxNode, writeOnnx } from '../src/models/import/onnx-model.js';
import { openPack } from '../src/models/pack-node.js';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import { enrol } from '../src/sender/enrolment.js';
import { temporaryFolder } from './support/cli.js';
import { python } from './support/python.js';
import { syntheticFace } from './synthetic-face.js';
import { itNeeds } from './tools.js';

/** A graph of one operator, x → y. */
function oneLayer(node: Omit<OnnxNode, 'output'>, x: number[], weights: number[][]): Uint8Array {
  return writeOnnx({
    name: 'layer',
    inputs: [{ name: 'x', dims: x }],
    outputs: [{ name: 'y', dims: [] }],
    initializers: weights.map((dims, at) => ({
      name: `w${at}`,
      type: 'float32' as const,
      dims,
      data: new Uint8Array(4 * dims.reduce((all, side) => all * side, 1)),
    })),
    nodes: [{ ...node, output: 'y' }],
  });
}

describe('operations and parameters', () => {
  const total = async (graph: Uint8Array, x: number[]) => {
    const counts = Object.values(await countMacs(graph, { x }));
    return counts.reduce((sum, count) => sum + count, 0);
  };

  it('of a convolution: each number of its picture takes a kernel', async () => {
    const x = [1, 4, 10, 8];
    const attributes = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], group: 2 };
    const node = { op: 'Conv', inputs: ['x', 'w0', 'w1'], attributes };
    const graph = oneLayer(node, x, [[6, 2, 3, 3], [6]]);
    expect(await total(graph, x)).toBe(6 * 5 * 4 * (2 * 3 * 3));
    expect(countParameters(graph)).toBe(6 * 2 * 3 * 3 + 6);
  });

  it('of matrix products, whichever way the weights lie', async () => {
    const product = oneLayer({ op: 'MatMul', inputs: ['x', 'w0'] }, [5, 3, 7], [[7, 11]]);
    expect(await total(product, [5, 3, 7])).toBe(5 * 3 * 7 * 11);
    const attributes = { transB: 1 };
    const gemm = oneLayer(
      { op: 'Gemm', inputs: ['x', 'w0', 'w1'], attributes },
      [3, 7],
      [[11, 7], [11]],
    );
    expect(await total(gemm, [3, 7])).toBe(3 * 7 * 11);
    expect(countParameters(gemm)).toBe(11 * 7 + 11);
  });

  it('of a transposed convolution, and none of what does not multiply', async () => {
    const x = [1, 4, 5, 5];
    const attributes = { kernel_shape: [2, 2], strides: [2, 2] };
    const grown = oneLayer({ op: 'ConvTranspose', inputs: ['x', 'w0'], attributes }, x, [
      [4, 3, 2, 2],
    ]);
    expect(await total(grown, x)).toBe(4 * 5 * 5 * (3 * 2 * 2));
    expect(await total(oneLayer({ op: 'Relu', inputs: ['x'] }, x, []), x)).toBe(0);
  });

  it('of a pack are what its model card says', async () => {
    const { networks } = await openPack('portrait-256-cpu');
    const all = Object.values(networks).map(countParameters);
    expect(all.reduce((sum, count) => sum + count) / 1e6).toBeCloseTo(0.94, 2);
    // Four references.
    const dims = { warped: [1, 4, 3, 256, 256], trust: [1, 4, 4, 128, 128] };
    const codes = { layout: [1, 64], style: [1, 64], conditioning: [1, 7, 128, 128] };
    const counts = await countMacs(networks.generator, { ...dims, ...codes });
    expect(Object.keys(counts)).toEqual(['CPUExecutionProvider']);
    expect((2 * counts.CPUExecutionProvider) / 1e9).toBeCloseTo(2.7, 1);
  });
});

/** Millions of numbers in a network that `full_width` makes. */
const WIDTH = `
import sys
from full_width import state_of
print(sum(v.numel() for v in state_of(sys.argv[1])['weights'].values() if v.is_floating_point()) / 1e6)
`;

itNeeds('torch')('networks at full width have the published number of parameters', async () => {
  // ../shared/families.md: keypoints, expression, patches, encoder and the small decoder.
  const published = 14.15 + 2.56 + 6.15 + 23.62 + 6.01;
  const { stdout } = await python('-c', WIDTH, 'fsrt-small');
  expect(Math.abs(Number(stdout) - published)).toBeLessThan(0.1);
});

describe('packs', () => {
  it('are found by their family, in the order of the tables; a tracker is none', async () => {
    const folder = await temporaryFolder();
    try {
      const families = { b: 'lsr', a: 'lsr', c: 'warp', new: 'unheard-of', tracker: undefined };
      for (const [name, family] of Object.entries(families)) {
        await mkdir(join(folder, name));
        await writeFile(join(folder, name, 'manifest.json'), JSON.stringify({ name, family }));
      }
      await mkdir(join(folder, 'empty'));
      expect(await decoderPacks(folder)).toEqual(['c', 'a', 'b', 'new']);
    } finally {
      await rm(folder, { recursive: true });
    }
    const embedded = await decoderPacks();
    expect(embedded.slice(0, 2)).toEqual(['warp', 'portrait-256-cpu']);
    expect(embedded).not.toContain('tracker');
  });

  it('have a size of their own where their manifest says so', async () => {
    expect(ownSize(await openPack('warp'))).toBeUndefined();
    expect(ownSize(await openPack('fsth-64-cpu'))).toBe(64);
  });
});

function stripes(size: number, wide: number, level: number): Picture {
  const picture = createPicture(size, size);
  picture.data.forEach((_, at) => {
    const x = (at >> 2) % size;
    picture.data[at] = Math.floor(x / wide) % 2 ? level : 0;
  });
  return picture;
}

it('at a small size only what fits into it counts', () => {
  const judge = createSizeJudge([64], 2);
  const flat = createPicture(256, 256);
  flat.data.fill(100);
  // Stripes of a pixel are the same grey as the flat picture once they are reduced.
  const shown = [stripes(256, 1, 200), stripes(256, 16, 200)].map((picture) => ({
    ...{ picture, decodeMs: 1 },
  }));
  judge.frame({ index: 0, source: flat, shown });
  const [[fine], [coarse]] = judge.finish();
  expect(fine.size).toBe(64);
  expect(fine.psnr).toBeGreaterThan(35);
  expect(coarse.psnr).toBeLessThan(10);
});

it('where there is no CUDA, it says why', async () => {
  const why = await whyNoCuda();
  if (why !== undefined) expect(why.length).toBeGreaterThan(10);
});

it('a call over two werift peers counts what it sent and compares what it showed', async () => {
  const pack = await openPack('warp');
  const codec = createNodePictureCodec();
  const grey = createPicture(256, 256);
  grey.data.fill(120);
  const faces = Array.from({ length: 12 }, (_, at) => syntheticFace(128 + at / 4));
  const { identity } = await enrol(
    faces.slice(0, 2).map((landmarks) => ({ picture: grey, landmarks })),
    { size: 256, references: 2, codec },
  );
  const frames = faces.map((landmarks) => ({ source: grey, landmarks }));
  const call = await playCall({ pack, identity, fps: 25, frames, stride: 2 });
  expect(call.identityBytes).toBeGreaterThan(identity.length);
  expect(call.motionKbps).toBeGreaterThan(0.5);
  expect(call.motionKbps).toBeLessThan(call.forwardKbps);
  expect(call.wireKbps).toBeCloseTo(call.forwardKbps + call.backKbps, 9);
  expect(call.shownPercent).toBeGreaterThan(0);
  expect(call.pacePercent).toBeLessThan(101);
  expect(call.psnr).toBeGreaterThan(30);
});

const time = (decodeMs: number) => ({
  senderMs: 1,
  cpu: { enrolmentMs: 100, decodeMs, cpuMs: 2 * decodeMs, fps: 1000 / decodeMs },
});
const figures = (name: string, psnr: number, decodeMs: number): PackOnClip => ({
  name,
  quality: { psnr, l1: 51 },
  sizes: [{ size: 64, psnr, ssim: 0.5, l1: 3 }],
  call: {
    ...{ identityBytes: 30_000, motionKbps: 2, forwardKbps: 8, backKbps: 3 },
    ...{ wireKbps: 11, pacePercent: 99, firstFrameMs: 300, shownPercent: 100, psnr },
  },
  time: time(decodeMs),
});

function report(): FamiliesReport {
  const clip = (file: string, psnr: number) => ({
    ...{ file, fps: 25, frames: 100, references: 4 },
    packs: [figures('fsrt-tiny', psnr, 10)],
  });
  const clips = [clip('a <b>.mp4', 20), clip('c.mp4', 22)];
  const cost = {
    ...{ packBytes: 2e6, parameters: 1.5e6, enrolmentGflop: 0.2, frameGflop: 1, senderGflop: 0.1 },
  };
  const pack = { family: 'fsrt', sha256: '00', pixels: 64, trainingData: 'waves', cost };
  return {
    ...{ bench: 'families', version: '0', date: '2026-11-21', machine: describeMachine() },
    options: { seconds: 4, stride: 5, size: 256 },
    ...{ tracker: 'tracker', noCuda: 'no <library>', leftOut: ['none & nothing'], clips },
    packs: [
      { ...pack, name: 'fsrt-tiny' },
      { ...pack, name: 'fsrt-full', pixels: 256, untrained: time(20_000) },
    ],
    means: meansOf(clips),
  };
}

describe('the report', () => {
  it('has means over the clips, which bench/compare can read', () => {
    const { means } = report();
    expect(means[0].quality).toEqual({ psnr: 21, l1: 51 });
    expect(means[0].sizes[0]).toMatchObject({ size: 64, psnr: 21 });
    const found = figuresIn(report());
    expect(found.get('means[fsrt-tiny].call.wireKbps')).toBe(11);
    expect(found.get('means[fsrt-tiny].sizes[size 64].psnr')).toBe(21);
    expect(found.get('packs[fsrt-full].untrained.cpu.decodeMs')).toBe(20_000);
    expect([...found.keys()].some((key) => key.startsWith('options'))).toBe(false);
  });

  it('says nothing but time and operations of what nobody has trained', () => {
    const { head, rows } = costTable(report());
    const [, untrained] = rows;
    expect(untrained[0]).toBe('fsrt-full, untrained');
    expect(untrained[head.indexOf('motion')]).toBe('–');
    expect(untrained[head.indexOf('decode, CPU')]).toBe('20000.0');
    expect(paperTable(report()).rows.flat().join()).not.toContain('fsrt-full');
  });

  it('keeps the papers’ figures apart from ours', () => {
    const { rows } = paperTable(report());
    for (const { family, figures } of PUBLISHED)
      for (const { setting } of figures)
        expect(rows.map(([name]) => name)).toContain(`paper: ${family}, ${setting}`);
    const ours = rows.find(([name]) => name === 'ours: fsrt-tiny')!;
    // L1 of 0–255 as the papers', of 0–1.
    expect(ours.slice(1, 4)).toEqual(['21.00', '–', '0.2000']);
    expect(ours.at(-1)).toBe('64×64; waves');
    const lines = tableLines({ head: ['a', 'b'], units: ['', 'px'], rows: [['long name', '1']] });
    expect(new Set(lines.map(({ length }) => length)).size).toBe(1);
  });

  it('is written without a hole, and escaped', () => {
    const strips = { 'a <b>.mp4': 'strips/a.jpg', 'c.mp4': 'strips/c.jpg' };
    const html = renderFamilies(report(), 'npx tsx bench/families.ts', strips);
    expect(html).not.toMatch(/undefined|NaN|<b>/);
    expect(html).toContain('no &#60;library&#62;');
    expect(html).toContain('src="strips/a.jpg"');
    expect(html.indexOf('class="papers"')).toBeGreaterThan(html.indexOf('What they look like'));
  });
});

itNeeds('ffmpeg', 'data')(
  'measures packs on a clip of somebody whom they were not trained on, through a real connection',
  async () => {
    const candidates = await openCandidates(['warp', 'fsth-64-cpu'], () => undefined);
    const clip = splits().validation.find(({ file }) => file.includes('id010'))!;
    const none = { landmarker: undefined, embedder: undefined, butteraugli: undefined };
    const instruments = { ...none, close: async () => undefined };
    const { report, moments, person } = await measureClip({
      ...{ clip, seconds: 0.5, stride: 4, candidates, sizes: [64], instruments, cuda: false },
    });
    expect(report).toMatchObject({ file: clip.file, references: 4 });
    expect(moments.length).toBeGreaterThan(0);
    const [warp, fsth] = report.packs;
    expect(warp.quality.psnr).toBeGreaterThan(fsth.quality.psnr!);
    expect(warp.sizes[0].psnr).toBeGreaterThan(fsth.sizes[0].psnr);
    for (const { call, time: taken, quality } of [warp, fsth]) {
      expect(call.shownPercent).toBeGreaterThan(0);
      expect(call.wireKbps).toBeGreaterThan(call.motionKbps);
      expect(taken.cpu.fps).toBeGreaterThan(0);
      expect(quality).not.toHaveProperty('decodeP50');
    }
    const described = await describePack(candidates[1], person);
    expect(described).toMatchObject({ family: 'fsth', pixels: 64 });
    // About 50 million multiplications a reference, four of them, and 89 a frame.
    expect(described.cost.enrolmentGflop).toBeCloseTo(2 * 4 * 0.05, 1);
    expect(described.cost.frameGflop).toBeCloseTo(2 * 0.0888, 2);
    expect(described.cost.senderGflop).toBe(0);
    const manifest = await readFile(new URL('../packs/fsth-64-cpu/manifest.json', import.meta.url));
    expect(described.cost.packBytes).toBe(
      Object.values(JSON.parse(manifest.toString()).files as Record<string, { bytes: number }>)
        .map(({ bytes }) => bytes)
        .reduce((sum, bytes) => sum + bytes),
    );
  },
);
