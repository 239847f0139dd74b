// The thread of an inference session (inference-node.ts): onnxruntime blocks the thread it runs on.
// JavaScript, so that a Worker can load it from the sources as well as from the build.
import { parentPort, workerData } from 'node:worker_threads';
import * as ort from 'onnxruntime-node';

/** @typedef {import('./inference.js').Tensor} Tensor */

const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);

const session = await ort.InferenceSession.create(workerData.model, {
  executionProviders: ['cpu'],
  intraOpNumThreads: workerData.threads,
  interOpNumThreads: 1,
  logSeverityLevel: 3,
});

/** @param {Readonly<Record<string, Tensor>>} inputs */
async function run(inputs) {
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, { data, dims }]) => [
      name,
      new ort.Tensor('float32', data, dims),
    ]),
  );
  const results = await session.run(feeds);
  return Object.fromEntries(
    Object.entries(results).map(([name, { data, dims }]) => [name, { data, dims }]),
  );
}

port.on('message', async (/** @type {Readonly<Record<string, Tensor>> | 'close'} */ message) => {
  if (message === 'close') {
    await session.release();
    port.close();
    return;
  }
  try {
    port.postMessage({ outputs: await run(message) });
  } catch (error) {
    port.postMessage({ error: /** @type {Error} */ (error).message });
  }
});
port.postMessage('ready');
