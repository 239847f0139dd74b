/** A page in Chromium with one module worker that runs a test's functions, by name. */
import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { chromiumPath } from '../tools.js';
import { serveFiles } from './static-server.js';

const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));

/** Wasm may be compiled, but nothing is evaluated; the rest as static-server.ts has it. */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";
const ISOLATION = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

/** MediaPipe needs WebGL 2. */
export const WEBGL_ARGS = [
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
];
export const WEBGPU_ARGS = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

export interface WorkerPageOptions {
  /** The worker's module, a path in the repository. */
  readonly worker: string;
  /** Served too, by path; see `servedFolder`. */
  readonly files: Iterable<readonly [string, string | Uint8Array]>;
  /** More arguments of Chromium's. */
  readonly args?: readonly string[];
  /** Whether the page is cross-origin isolated; default true. */
  readonly isolated?: boolean;
}

export interface WorkerPage {
  /** Calls a function that the worker serves (`serveFunctions`); rejects with what it threw, in words. */
  call<T>(name: string, ...args: unknown[]): Promise<T>;
  /** What nobody caught, and what the policy forbade, up to now. */
  problems(): Promise<readonly string[]>;
  /** Address of the served files, with a slash. */
  readonly url: string;
  close(): Promise<void>;
}

/** The files of a folder of the repository whose names `wanted` matches, as a page finds them at `at`. */
export async function servedFolder(
  at: string,
  folder: string,
  wanted = /./,
): Promise<[string, Uint8Array][]> {
  const names = (await readdir(path(folder))).filter((name) => wanted.test(name));
  return Promise.all(
    names.map(
      async (name): Promise<[string, Uint8Array]> => [
        `${at}/${name}`,
        await readFile(path(`${folder}/${name}`)),
      ],
    ),
  );
}

/** onnxruntime-web for both runtimes, as `visavis assets` puts it. */
export const servedRuntime = () =>
  servedFolder(
    'assets/onnxruntime',
    'node_modules/onnxruntime-web/dist',
    /^ort\.(wasm|webgpu)\.min\.mjs$|^ort-wasm-simd-threaded(\.asyncify)?\.(mjs|wasm)$/,
  );

/** MediaPipe, likewise. */
export const servedMediaPipe = async () => [
  ...(await servedFolder(
    'assets/mediapipe',
    'node_modules/@mediapipe/tasks-vision',
    /^vision_bundle\.mjs$/,
  )),
  ...(await servedFolder(
    'assets/mediapipe/wasm',
    'node_modules/@mediapipe/tasks-vision/wasm',
    /^vision_wasm_module_internal\./,
  )),
];

export async function openWorkerPage({
  worker,
  files,
  args = [],
  isolated = true,
}: WorkerPageOptions): Promise<WorkerPage> {
  const { outputFiles } = await build({
    entryPoints: { worker: path(worker) },
    bundle: true,
    platform: 'browser',
    format: 'esm',
    outdir: '/',
    write: false,
  });
  const server = await serveFiles(
    new Map<string, string | Uint8Array>([
      ['index.html', '<!doctype html>'],
      ...outputFiles.map(({ path, contents }) => [basename(path), contents] as const),
      ...files,
    ]),
    { 'content-security-policy': POLICY, ...(isolated && ISOLATION) },
  );
  const problems: string[] = [];
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    args: ['--no-sandbox', '--disable-quic', '--disable-background-networking', ...args],
  });
  const page = await browser.newPage();
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) problems.push(message.text());
  });
  await page.goto(`${server.url}index.html`);
  await page.evaluate(`worker = new Worker('worker.js', { type: 'module' })`);
  const call = async <T>(name: string, ...args: unknown[]): Promise<T> => {
    const answer = (await page.evaluate(
      `new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => resolve({ error: 'the worker failed: ' + message });
        worker.postMessage(${JSON.stringify([name, args])}, [port2]);
      })`,
    )) as { value?: never; error?: string };
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.value!;
  };
  return {
    call,
    url: server.url,
    problems: async () => [...problems, ...(await call<string[]>('violations'))],
    async close() {
      await browser.close();
      await server.close();
    },
  };
}
