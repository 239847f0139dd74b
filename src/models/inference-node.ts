import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { InvalidStateError } from '../protocol/errors.js';
import type { InferenceSession, Tensor } from './inference.js';

/** What the session's thread answers a run with. */
type Answer =
  | { readonly outputs: Record<string, Tensor> }
  | { readonly error: string; readonly outputs?: undefined };

/**
 * Opens an ONNX graph with onnxruntime on the CPU, in a thread of its own: a run keeps neither
 * sockets nor timers waiting. `model` is the file's bytes; `threads` (default 1) is the number of
 * threads one operator may use. Rejects where the bytes are no valid graph.
 */
export async function createNodeSession(model: Uint8Array, threads = 1): Promise<InferenceSession> {
  const worker = new Worker(new URL('./inference-worker.js', import.meta.url), {
    workerData: { model, threads },
  });
  await once(worker, 'message');
  // Only a run under way keeps the process alive.
  worker.unref();
  let closed = false;
  return {
    async run(inputs) {
      if (closed) throw new InvalidStateError('the inference session is closed');
      worker.ref();
      worker.postMessage(inputs);
      try {
        const [answer] = (await once(worker, 'message')) as [Answer];
        if (!answer.outputs) throw new Error(answer.error);
        return answer.outputs;
      } finally {
        worker.unref();
      }
    },
    async close() {
      if (closed) return;
      closed = true;
      worker.ref();
      worker.postMessage('close');
      await once(worker, 'exit');
    },
  };
}
