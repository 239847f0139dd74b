import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createNodeSession } from '../src/models/inference-node.js';
import { firstMissing } from '../src/models/served-files.js';
import type { Numbers } from './support/inference-worker.js';
import { type Shapes, waves } from './support/waves.js';
import {
  openWorkerPage,
  servedFolder,
  servedRuntime,
  WEBGPU_ARGS,
  type WorkerPage,
} from './support/worker-page.js';
import { describeNeeds, itNeeds } from './tools.js';

const worker = 'test/support/inference-worker.ts';
const IRIS = { image: [2, 64, 64, 3] };
const WASM = { prefer: 'wasm', threads: 1 };
/** Of the largest value of an output: sums in another order. */
const TOLERANCE = 1e-3;
const RUNTIME = 'node_modules/onnxruntime-web/dist';
const graphs = async () => [
  ...(await servedFolder('tracker', 'packs/tracker', /onnx$/)),
  ...(await servedFolder('portrait', 'packs/portrait-256-cpu', /onnx$/)),
];

/** What onnxruntime-node says, in a browser's words. */
async function inNode(graph: string, shapes: Shapes): Promise<Numbers> {
  const folder = graph.replace('portrait', 'portrait-256-cpu');
  const path = fileURLToPath(new URL(`../packs/${folder}`, import.meta.url));
  const session = await createNodeSession(await readFile(path));
  const outputs = await session.run(waves(shapes));
  await session.close();
  return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, [...data]]));
}

/** The largest difference, over the largest value, of any output. */
function deviation(ours: Numbers, theirs: Numbers): number {
  expect(Object.keys(ours).sort()).toEqual(Object.keys(theirs).sort());
  const each = Object.entries(theirs).map(([name, values]) => {
    expect(ours[name]).toHaveLength(values.length);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const apart = values.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - ours[name][i])),
      0,
    );
    return apart / largest;
  });
  return Math.max(...each);
}

test('a page in the place of a file, and a server that is gone, are not the file', async () => {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<!doctype html>');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/a.wasm`);
  expect(await firstMissing([url])).toBe(`${url} (a page is)`);
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  expect(await firstMissing([url])).toBe(`${url} (no answer)`);
});

describeNeeds('chromium')('onnxruntime-web in a worker', () => {
  const it = itNeeds('chromium');
  let page: WorkerPage;
  const open = (args: string[], isolated: boolean) => async () => {
    page = await openWorkerPage({
      worker,
      files: [
        ...(await servedRuntime()),
        ...(await graphs()),
        ...(await servedFolder('half/onnxruntime', RUNTIME, /^ort\.wasm\.min\.mjs$/)),
      ],
      args,
      isolated,
    });
  };
  const close = () => page?.close();
  const noProblems = async () => expect(await page.problems()).toEqual([]);

  describe('of an isolated page, without a GPU', () => {
    beforeAll(open(['--disable-gpu'], true));
    afterEach(noProblems);
    afterAll(close);

    it('runs in wasm, and says why', async () => {
      expect(await page.call('runtime', { prefer: 'auto', threads: 2 })).toEqual({
        runtime: 'wasm',
        threads: 2,
        reason: 'no WebGPU adapter: wasm, 2 threads',
      });
      expect(await page.call('runtime', WASM)).toEqual({
        runtime: 'wasm',
        threads: 1,
        reason: 'wasm is preferred: wasm, one thread',
      });
    });

    const k = 2;
    for (const [graph, shapes] of [
      ['tracker/iris.onnx', IRIS],
      ['tracker/tracker.onnx', { image: [1, 192, 192, 3] }],
      [
        'portrait/generator.onnx',
        {
          warped: [1, k, 3, 256, 256],
          trust: [1, k, 4, 128, 128],
          conditioning: [1, 7, 128, 128],
          layout: [1, 64],
          style: [1, 64],
        },
      ],
    ] as [string, Shapes][]) {
      it(`calculates ${graph} as Node does, on one thread and on two`, async () => {
        const theirs = await inNode(graph, shapes);
        for (const threads of [1, 2]) {
          const ours = await page.call<Numbers>('run', { prefer: 'wasm', threads }, graph, shapes);
          expect(deviation(ours, theirs)).toBeLessThan(TOLERANCE);
        }
      });
    }

    it('takes turns, gives outputs away, and closes twice', async () => {
      const { first, second, late } = await page.call<
        Record<'first' | 'second', Numbers> & { late: string }
      >('life', WASM, 'tracker/iris.onnx', IRIS);
      expect(first).toEqual(second);
      expect(late).toBe('InvalidStateError: the inference session is closed');
    });

    it('says which file is missing', async () => {
      const missing = (assets: string) => page.call('runtime', WASM, assets).catch(String);
      const at = (file: string) =>
        `onnxruntime-web is not at ${page.url}${file} (404): run npx visavis assets`;
      expect(await missing('nothing/')).toContain(at('nothing/onnxruntime/ort.wasm.min.mjs'));
      expect(await missing('half/')).toContain(at('half/onnxruntime/ort-wasm-simd-threaded.mjs'));
    });

    it('refuses options that it does not know', async () => {
      expect(await page.call('runtime', { prefer: 'gpu' }).catch(String)).toContain(
        'TypeError: prefer: must be auto, webgpu or wasm, not gpu',
      );
      expect(await page.call('runtime', { prefer: 'wasm', threads: 0 }).catch(String)).toContain(
        'TypeError: threads: must be a whole number 1–16, not 0',
      );
    });
  });

  describe('of a page that is not isolated', () => {
    beforeAll(open(['--disable-gpu'], false));
    afterEach(noProblems);
    afterAll(close);

    it('has one thread', async () => {
      expect(await page.call('runtime', { prefer: 'auto', threads: 2 })).toEqual({
        runtime: 'wasm',
        threads: 1,
        reason: 'no WebGPU adapter: wasm, one thread, as the page is not cross-origin isolated',
      });
      const ours = await page.call<Numbers>('run', WASM, 'tracker/iris.onnx', IRIS);
      expect(deviation(ours, await inNode('tracker/iris.onnx', IRIS))).toBeLessThan(TOLERANCE);
    });
  });

  describe('with WebGPU in software', () => {
    beforeAll(open(WEBGPU_ARGS, true));
    afterEach(noProblems);
    afterAll(close);

    it('is left for wasm unless it is preferred', async () => {
      const { runtime, reason } = await page.call<Record<string, string>>('runtime', {
        prefer: 'auto',
        threads: 2,
      });
      expect([runtime, reason]).toEqual([
        'wasm',
        'WebGPU adapter in software google swiftshader: wasm, 2 threads',
      ]);
    });

    it('calculates as Node does, and takes turns', async () => {
      expect(await page.call('runtime', { prefer: 'webgpu' })).toEqual({
        runtime: 'webgpu',
        threads: 1,
        reason: 'WebGPU adapter in software google swiftshader',
      });
      const webgpu = { prefer: 'webgpu' };
      const theirs = await inNode('tracker/iris.onnx', IRIS);
      const { first, second } = await page.call<Record<'first' | 'second', Numbers>>(
        'life',
        webgpu,
        'tracker/iris.onnx',
        IRIS,
      );
      expect(deviation(first, theirs)).toBeLessThan(TOLERANCE);
      expect(second).toEqual(first);
    });
  });
});
