import { InvalidStateError } from '../protocol/errors.js';
import type { FaceDecoder } from './decoder.js';
import { createFamilyDecoder } from './families/index.js';
import {
  isOpenDecoder,
  type OpenDecoder,
  sendError,
  type WorkerReply,
  type WorkerRequest,
} from './worker-messages.js';

/** The part of a worker's global scope that is used. */
export interface WorkerScope {
  addEventListener(type: 'message', listener: (event: MessageEvent<unknown>) => void): void;
}

/** Serves the decoders that `createWorkerDecoder` opens on this worker; leaves other messages alone. */
export function serveDecoders(scope: WorkerScope): void {
  scope.addEventListener('message', ({ data }) => {
    if (isOpenDecoder(data)) serve(data);
  });
}

function serve({ family, port }: OpenDecoder): void {
  let decoder: FaceDecoder | undefined;
  const handle = async (request: WorkerRequest): Promise<void> => {
    if (request.type === 'close') {
      port.close();
      await decoder?.close();
      return;
    }
    const { id } = request;
    const reply = (message: WorkerReply, transfer: Transferable[] = []) =>
      port.postMessage(message, transfer);
    try {
      if (request.type === 'set-identity') {
        decoder ??= createFamilyDecoder(family);
        await decoder.setIdentity(request.identity);
        reply({ id, ok: true });
      } else {
        if (!decoder) throw new InvalidStateError('the decoder has no identity yet');
        const picture = await decoder.decode(request.geometry);
        reply({ id, ok: true, picture }, [picture.data.buffer]);
      }
    } catch (error) {
      reply({ id, ok: false, error: sendError(error) });
    }
  };
  // One after the other; createWorkerDecoder bounds how many wait.
  let last = Promise.resolve();
  port.onmessage = ({ data }: MessageEvent<WorkerRequest>) => {
    last = last.then(() => handle(data));
  };
}
