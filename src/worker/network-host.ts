import type { InferenceSession, Tensor } from '../models/inference.js';
import { loadRuntime } from '../models/inference-web.js';
import { type FromNetworks, type OpenNetworks, sendError, type ToNetworks } from './messages.js';

/** Serves the networks of a pipeline in this worker (`networks.ts` is the pipeline's half). */
export function serveNetworks({ options, port }: OpenNetworks): void {
  const sessions = new Map<number, InferenceSession>();
  const loading = loadRuntime({ ...options, assets: new URL(options.assets) });

  const answer = async (message: ToNetworks): Promise<unknown> => {
    if (message.type === 'open') {
      sessions.set(message.id, await (await loading).open(message.graph));
      return message.id;
    }
    const session = sessions.get(message.session)!;
    if (message.type === 'run') return session.run(message.inputs);
    sessions.delete(message.session);
    await session.close();
    return undefined;
  };
  const reply = (id: number, value: Promise<unknown>) =>
    value.then(
      (value) => post({ id, ok: true, value }),
      (error) => post({ id, ok: false, error: sendError(error) }),
    );
  const post = (message: FromNetworks) => port.postMessage(message, buffersOf(message));

  // One after the other: the pipeline asks for one run at a time, and waits for it.
  let last: Promise<void> = reply(
    -1,
    loading.then(({ open: _, ...runtime }) => runtime),
  );
  port.onmessage = ({ data }: MessageEvent<ToNetworks>) => {
    last = last.then(() => reply(data.id, answer(data)));
  };
}

/** The buffers of a run's outputs: they need not be copied. */
function buffersOf(message: FromNetworks): Transferable[] {
  if (!message.ok || typeof message.value !== 'object' || message.value === null) return [];
  const tensors = Object.values(message.value as Record<string, Partial<Tensor>>);
  return tensors.flatMap((tensor) => (tensor?.data ? [tensor.data.buffer as ArrayBuffer] : []));
}
