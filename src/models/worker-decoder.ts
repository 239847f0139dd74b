import type { Picture } from '../geometry/picture.js';
import { InvalidStateError } from '../protocol/errors.js';
import type { FaceDecoder } from './decoder.js';
import type { Pack } from './pack.js';
import {
  type OpenDecoder,
  receiveError,
  type WorkerReply,
  type WorkerRequest,
} from './worker-messages.js';

/**
 * Requests that may be under way at once. A `CallReceiver` has two: a frame, and an identity that
 * replaces the one it is decoded with.
 */
const MAX_REQUESTS = 4;
/**
 * A worker that was terminated, or ran out of memory, says nothing. It is given up after so many
 * ticks of the page's clock (not a deadline: a page that sleeps has none) without a reply; compiling
 * a network may take several seconds.
 */
const SILENT_TICKS = 30;
const TICK_MS = 1_000;

interface Call {
  resolve(picture: Picture | undefined): void;
  reject(error: Error): void;
}

/** The part of the DOM's Worker that is used. */
export interface WorkerLike {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: 'error', listener: (event: ErrorEvent) => void): void;
  removeEventListener(type: 'error', listener: (event: ErrorEvent) => void): void;
}

/**
 * A decoder of the pack's family in a worker that runs `visavis/worker`. The worker stays the
 * caller's, may hold several decoders and messages of the application's own; `close` frees this
 * decoder in it, and the worker lives on.
 *
 * The pictures of an identity are transferred: their buffers are detached here. A decoded picture is
 * transferred back and is the caller's. A call rejects with the error that the decoder in the worker
 * gave (PackError: a family that it does not know), with an InvalidStateError before `setIdentity`,
 * after `close` or with more than 4 calls under way, and with an Error where the worker's script
 * cannot be loaded or the worker says nothing for 30 s: close the decoder before you terminate it.
 */
export function createWorkerDecoder(worker: WorkerLike, pack: Pack): FaceDecoder {
  const { port1: port, port2 } = new MessageChannel();
  const waiting = new Map<number, Call>();
  let nextId = 0;
  let ended: Error | undefined;
  let clock: ReturnType<typeof setInterval> | undefined;
  let silentTicks = 0;

  const end = (error: Error) => {
    if (ended) return;
    ended = error;
    clearInterval(clock);
    worker.removeEventListener('error', onWorkerError);
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
    port.close();
  };
  const tick = () => {
    silentTicks += 1;
    if (silentTicks >= SILENT_TICKS) end(new Error("the decoder's worker does not answer"));
  };
  const onWorkerError = ({ message }: ErrorEvent) =>
    end(new Error(`the decoder's worker failed: ${message || 'its script cannot be loaded'}`));

  const request = async (
    message: (id: number) => WorkerRequest,
    transfer: Transferable[] = [],
  ): Promise<Picture | undefined> => {
    if (ended) throw ended;
    if (waiting.size >= MAX_REQUESTS) {
      throw new InvalidStateError(`the decoder has ${MAX_REQUESTS} calls under way: await them`);
    }
    const id = nextId++;
    port.postMessage(message(id), transfer);
    clock ??= setInterval(tick, TICK_MS);
    return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  };

  port.onmessage = ({ data }: MessageEvent<WorkerReply>) => {
    // It runs: errors from now on are the application's own, in its part of the worker.
    worker.removeEventListener('error', onWorkerError);
    silentTicks = 0;
    const call = waiting.get(data.id);
    waiting.delete(data.id);
    if (waiting.size === 0) {
      clearInterval(clock);
      clock = undefined;
    }
    if (data.ok) call?.resolve(data.picture);
    else call?.reject(receiveError(data.error));
  };
  worker.addEventListener('error', onWorkerError);
  const open: OpenDecoder = { visavis: 'open-decoder', family: pack.manifest.family, port: port2 };
  worker.postMessage(open, [port2]);

  return {
    async setIdentity({ size, references, networks }) {
      const own = references.map(({ picture, landmarks }) => ({
        picture: ownBuffer(picture),
        landmarks,
      }));
      const buffers = new Set(own.map(({ picture }) => picture.data.buffer));
      await request(
        (id) => ({
          type: 'set-identity',
          id,
          identity: { size, references: own, ...(networks && { networks }) },
        }),
        [...buffers],
      );
    },
    async decode(geometry) {
      const picture = await request((id) => ({ type: 'decode', id, geometry }));
      return picture!;
    },
    async close() {
      if (ended) return;
      port.postMessage({ type: 'close' } satisfies WorkerRequest);
      end(new InvalidStateError('the decoder is closed'));
    },
  };
}

/** The picture in a buffer that holds nothing else: transferring it detaches no other data. */
function ownBuffer({ width, height, data }: Picture): Picture {
  return { width, height, data: data.byteLength === data.buffer.byteLength ? data : data.slice() };
}
