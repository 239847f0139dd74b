import { checkInteger, checkOption } from '../protocol/check-options.js';
import { InvalidStateError } from '../protocol/errors.js';
import { writeOnnx } from './import/onnx-model.js';
import type { InferenceSession, OpenSession, Tensor } from './inference.js';
import { firstMissing } from './served-files.js';
import { untilLost } from './until-lost.js';

/** What runs the networks: a GPU, or the processor. */
export type RuntimeName = 'webgpu' | 'wasm';

/** onnxruntime-web cannot be loaded or started; the message says why and what to do. */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError';
}

/** Options of `loadRuntime`. */
export interface LoadRuntimeOptions {
  /** The folder that `npx visavis assets` made: `onnxruntime/` is looked for in it. */
  readonly assets: URL;
  /**
   * `auto`: WebGPU where there is a GPU, else wasm. `webgpu`: an adapter in software too. `wasm`: not
   * even asked for an adapter.
   */
  readonly prefer: 'auto' | RuntimeName;
  /**
   * Threads of one operator in wasm, 1–16, where the page is cross-origin isolated (elsewhere it is one);
   * default: the processor's, 4 at most.
   */
  readonly threads?: number;
}

/** onnxruntime-web, running. */
export interface Runtime {
  readonly runtime: RuntimeName;
  /** Threads of one operator in wasm; 1 with WebGPU. */
  readonly threads: number;
  /** Why it is this one, for people. */
  readonly reason: string;
  /**
   * Opens a graph. Sessions of one runtime take turns. Once the graphics device is lost all that is asked of them
   * rejects with a RuntimeError, and goes on doing so.
   */
  readonly open: OpenSession;
}

/** The part of onnxruntime-web that is used. */
interface Ort {
  readonly env: {
    logLevel?: string;
    readonly wasm: { numThreads?: number; wasmPaths?: string };
    /** The device is there after the first session was made. */
    readonly webgpu: { adapter?: unknown; readonly device?: Device | Promise<Device> };
  };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => Tensor;
  readonly InferenceSession: {
    create(
      graph: Uint8Array,
      options: { executionProviders: readonly RuntimeName[]; logSeverityLevel: number },
    ): Promise<OrtSession>;
  };
}

interface OrtSession {
  run(feeds: Record<string, Tensor>): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

/** The part of WebGPU's adapter that is looked at. */
interface Adapter {
  readonly info?: {
    readonly vendor?: string;
    readonly architecture?: string;
    readonly isFallbackAdapter?: boolean;
  };
}

/** The part of WebGPU's device that is looked at. */
interface Device {
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
}

/** Files of `assets/onnxruntime/` that each runtime loads, its module first. */
const FILES: Readonly<Record<RuntimeName, readonly [string, ...string[]]>> = {
  webgpu: [
    'ort.webgpu.min.mjs',
    'ort-wasm-simd-threaded.asyncify.mjs',
    'ort-wasm-simd-threaded.asyncify.wasm',
  ],
  wasm: ['ort.wasm.min.mjs', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm'],
};
const MOST_DEFAULT_THREADS = 4;
const MOST_THREADS = 16;
/** onnxruntime's: errors alone. */
const LOG_ERRORS = 3;

/** A graph that adds a number to itself: what runs it will run others. */
const PROBE = writeOnnx({
  name: 'probe',
  inputs: [{ name: 'x', dims: [1] }],
  outputs: [{ name: 'y', dims: [1] }],
  initializers: [],
  nodes: [{ op: 'Add', inputs: ['x', 'x'], output: 'y' }],
});

/** What this worker (or page) has loaded, by the URL of its module. */
const loaded = new Map<string, Promise<Omit<Runtime, 'reason'>>>();

/**
 * Loads onnxruntime-web from below `assets`, once for a worker and number of threads, and tries it. Rejects with a
 * RuntimeError where its files are not there or it does not work, with a TypeError for a bad option.
 */
export async function loadRuntime({
  assets,
  prefer,
  threads,
}: LoadRuntimeOptions): Promise<Runtime> {
  checkOption(
    ['auto', 'webgpu', 'wasm'].includes(prefer),
    'prefer',
    'auto, webgpu or wasm',
    prefer,
  );
  if (threads !== undefined) checkInteger('threads', threads, 1, MOST_THREADS);
  const folder = new URL('onnxruntime/', assets);
  const gpu = await lookForGpu(prefer);
  let why = gpu.reason;
  if (gpu.adapter) {
    try {
      return { ...(await loadOnce('webgpu', folder, 1, gpu.adapter)), reason: why };
    } catch (error) {
      why = `${why} does not work (${(error as Error).message})`;
    }
  }
  const wasm = await loadOnce('wasm', folder, wasmThreads(threads));
  return { ...wasm, reason: `${why}: wasm, ${threadsInWords(wasm.threads)}` };
}

function wasmThreads(wanted?: number): number {
  if (!globalThis.crossOriginIsolated) return 1;
  return wanted ?? Math.min(MOST_DEFAULT_THREADS, navigator.hardwareConcurrency);
}

function threadsInWords(threads: number): string {
  if (!globalThis.crossOriginIsolated)
    return 'one thread, as the page is not cross-origin isolated';
  return threads === 1 ? 'one thread' : `${threads} threads`;
}

/** The adapter to use, if any, and what to say of it. */
async function lookForGpu(
  prefer: LoadRuntimeOptions['prefer'],
): Promise<{ adapter?: Adapter; reason: string }> {
  if (prefer === 'wasm') return { reason: 'wasm is preferred' };
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<Adapter | null> } };
  if (!gpu) return { reason: 'no WebGPU here' };
  const adapter = await gpu.requestAdapter().catch(() => null);
  if (!adapter) return { reason: 'no WebGPU adapter' };
  const { vendor, architecture, isFallbackAdapter } = adapter.info ?? {};
  const named = [vendor, architecture].filter(Boolean).join(' ');
  if (!isFallbackAdapter) return { adapter, reason: `WebGPU adapter ${named}`.trimEnd() };
  const reason = `WebGPU adapter in software ${named}`.trimEnd();
  return prefer === 'webgpu' ? { adapter, reason } : { reason };
}

function loadOnce(name: RuntimeName, folder: URL, threads: number, adapter?: Adapter) {
  // An instance has one number of threads; by the fragment, another number is another module.
  const module = new URL(`${FILES[name][0]}#threads=${threads}`, folder).href;
  let loading = loaded.get(module);
  if (!loading) {
    loading = load(name, folder, module, threads, adapter);
    loaded.set(module, loading);
    loading.catch(() => loaded.delete(module));
  }
  return loading;
}

async function load(
  name: RuntimeName,
  folder: URL,
  module: string,
  threads: number,
  adapter?: Adapter,
): Promise<Omit<Runtime, 'reason'>> {
  try {
    const ort: Ort = await import(/* @vite-ignore */ /* webpackIgnore: true */ module);
    ort.env.logLevel = 'error';
    ort.env.wasm.numThreads = threads;
    ort.env.wasm.wasmPaths = folder.href;
    if (adapter) ort.env.webgpu.adapter = adapter;
    const open = createOpener(ort, name);
    await probe(open);
    const device = await ort.env.webgpu.device;
    return { runtime: name, threads, open: device ? untilLost(open, lossOf(device)) : open };
  } catch (cause) {
    const missing = await firstMissing(FILES[name].map((file) => new URL(file, folder)));
    const why = missing
      ? `is not at ${missing}: run npx visavis assets`
      : `does not start (${cause})`;
    throw new RuntimeError(`onnxruntime-web ${why}`, { cause });
  }
}

async function lossOf({ lost }: Device): Promise<Error> {
  const { reason, message } = await lost;
  return new RuntimeError(`the graphics device is lost: ${message || reason}`);
}

/** Its session stays: with the last one onnxruntime-web destroys its device, which would read as lost. */
async function probe(open: OpenSession): Promise<void> {
  const session = await open(PROBE);
  const { y } = await session.run({ x: { data: Float32Array.of(2), dims: [1] } });
  if (y?.data[0] !== 4) throw new Error('it calculates wrongly');
}

function createOpener(ort: Ort, name: RuntimeName): OpenSession {
  // With WebGPU, onnxruntime-web waits inside a call and must not be entered by another meanwhile.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(task: () => Promise<T>): Promise<T> => {
    const result = last.then(task);
    last = result.catch(() => undefined);
    return result;
  };
  return async (graph) => {
    const options = { executionProviders: [name], logSeverityLevel: LOG_ERRORS };
    const session = await inTurn(() => ort.InferenceSession.create(graph, options));
    return wrap(ort, session, inTurn);
  };
}

function wrap(
  ort: Ort,
  session: OrtSession,
  inTurn: <T>(task: () => Promise<T>) => Promise<T>,
): InferenceSession {
  let closed = false;
  return {
    async run(inputs) {
      if (closed) throw new InvalidStateError('the inference session is closed');
      const feeds: Record<string, Tensor> = {};
      for (const [name, { data, dims }] of Object.entries(inputs))
        feeds[name] = new ort.Tensor('float32', data, dims);
      const results = await inTurn(() => session.run(feeds));
      const outputs: Record<string, Tensor> = {};
      for (const [name, { data, dims }] of Object.entries(results)) outputs[name] = { data, dims };
      return outputs;
    },
    async close() {
      if (closed) return;
      closed = true;
      await inTurn(() => session.release());
    },
  };
}
