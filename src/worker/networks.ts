import type { InferenceSession, Tensor } from '../models/inference.js';
import { type LoadRuntimeOptions, type Runtime, RuntimeError } from '../models/inference-web.js';
import type { FromNetworks, OpenNetworks, ToNetworks } from './messages.js';

/** Networks in a worker of their own. */
export interface Networks extends Runtime {
  /** Ends the worker. */
  terminate(): void;
}

type Request = ToNetworks extends infer Each
  ? Each extends ToNetworks
    ? Omit<Each, 'id'>
    : never
  : never;

interface Waiting {
  resolve(value: never): void;
  reject(error: Error): void;
}

/**
 * `loadRuntime` in a worker of its own, which runs the module that this one runs: whoever waits for a run can
 * do other things meanwhile. Rejects as it does.
 */
export async function openNetworks(
  options: Required<Omit<LoadRuntimeOptions, 'assets'>> & { readonly assets: string },
): Promise<Networks> {
  const worker = new Worker(globalThis.location.href, { type: 'module' });
  const { port1: port, port2 } = new MessageChannel();
  const waiting = new Map<number, Waiting>();
  let nextId = 0;

  const answerTo = <T>(id: number): Promise<T> =>
    new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  let closed: RuntimeError | undefined;
  const ask = async <T>(request: Request): Promise<T> => {
    if (closed) throw closed;
    const id = nextId++;
    port.postMessage({ ...request, id });
    return answerTo<T>(id);
  };
  const fail = (error: Error) => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  port.onmessage = ({ data }: MessageEvent<FromNetworks>) => {
    const asked = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.ok) asked?.resolve(data.value as never);
    else asked?.reject(new RuntimeError(data.error.message));
  };
  worker.onerror = ({ message }) =>
    fail(new RuntimeError(`the networks' worker failed: ${message}`));
  const terminate = () => {
    worker.terminate();
    port.close();
    closed = new RuntimeError('the networks are closed');
    fail(closed);
  };
  const open: OpenNetworks = { visavis: 'open-networks', options, port: port2 };
  const opened = answerTo<Omit<Runtime, 'open'>>(-1);
  worker.postMessage(open, [port2]);
  try {
    return {
      ...(await opened),
      terminate,
      async open(graph): Promise<InferenceSession> {
        const session = await ask<number>({ type: 'open', graph });
        let closed: Promise<void> | undefined;
        return {
          run: (inputs) => ask<Record<string, Tensor>>({ type: 'run', session, inputs }),
          close() {
            closed ??= ask<void>({ type: 'close', session });
            return closed;
          },
        };
      },
    };
  } catch (error) {
    terminate();
    throw error;
  }
}
