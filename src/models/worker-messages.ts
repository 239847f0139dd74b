import type { Landmarks } from '../geometry/landmarks.js';
import type { Picture } from '../geometry/picture.js';
import { InvalidStateError } from '../protocol/errors.js';
import type { DecoderIdentity } from './decoder.js';
import { PackError } from './pack.js';

/**
 * What `createWorkerDecoder` and `visavis/worker` say to each other. Both are of one version of this
 * library: an application bundles them together, so the messages are not checked like a peer's.
 *
 * A decoder is opened with an `OpenDecoder` on the worker itself, and has the transferred port to
 * itself from then on: requests one way, one reply to each request the other way, in order.
 */
export interface OpenDecoder {
  readonly visavis: 'open-decoder';
  /** Decoder family of the pack. */
  readonly family: string;
  readonly port: MessagePort;
}

/** A request; all but 'close' get a reply with their id. */
export type WorkerRequest =
  | { readonly type: 'set-identity'; readonly id: number; readonly identity: DecoderIdentity }
  | { readonly type: 'decode'; readonly id: number; readonly geometry: Landmarks }
  /** The worker closes the decoder and the port. */
  | { readonly type: 'close' };

/** The outcome of the request with the same id. */
export type WorkerReply =
  /** `picture` answers 'decode'; its buffer is transferred. */
  | { readonly id: number; readonly ok: true; readonly picture?: Picture }
  | { readonly id: number; readonly ok: false; readonly error: SentError };

/** An error as a message: of structured clones alone, some browsers lose the name. */
export interface SentError {
  readonly name: string;
  readonly message: string;
}

/** Errors that callers tell apart by their class. */
const ERROR_CLASSES = { InvalidStateError, PackError, TypeError, RangeError } as const;

/** An error for `receiveError` on the other side. */
export function sendError(error: unknown): SentError {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { name, message };
}

/** The error that was sent, of its class where that is one of the library's or of the language. */
export function receiveError({ name, message }: SentError): Error {
  const ErrorClass = Object.hasOwn(ERROR_CLASSES, name)
    ? ERROR_CLASSES[name as keyof typeof ERROR_CLASSES]
    : Error;
  return new ErrorClass(message);
}

/** Whether a message on the worker opens a decoder: an application may have messages of its own. */
export function isOpenDecoder(message: unknown): message is OpenDecoder {
  return (message as Partial<OpenDecoder> | null | undefined)?.visavis === 'open-decoder';
}
