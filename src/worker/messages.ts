import type { ConnectionFingerprints } from '../consent/fingerprints.js';
import type { SavedEnrolment } from '../consent/saved-enrolment.js';
import type { Tensor } from '../models/inference.js';
import type { StreamSize } from '../protocol/limits.js';
import type { RateOptions } from '../sender/rate-presets.js';
import type { CloseReason } from '../transport/channel.js';

/**
 * What the classes of `visavis/browser` and the module `visavis/worker` say to each other. Both are of one
 * version of this library (`Open.version` is compared), so the messages are not checked like a peer's.
 *
 * A pipeline is opened with an `Open` on the worker itself, and has the transferred port to itself from
 * then on.
 */
export interface Open {
  readonly visavis: 'open';
  /** `VERSION` of the page's half. */
  readonly version: string;
  readonly pipeline:
    | ({ readonly kind: 'sender' } & SenderSettings)
    | ({ readonly kind: 'receiver' } & ReceiverSettings);
  readonly port: MessagePort;
}

interface CommonSettings {
  /** Folder of `npx visavis assets`, absolute, with a slash at its end. */
  readonly assets: string;
  /** Folder of the pack, likewise. */
  readonly model: string;
}

/** `TalkingHeadSenderOptions`, checked and complete; addresses are absolute. */
export interface SenderSettings extends CommonSettings {
  readonly tracker: { readonly pack: string } | { readonly faceLandmarker: string };
  readonly enrolment: 'quick' | 'guided' | SavedEnrolment;
  readonly size: StreamSize;
  readonly fps: number;
  readonly rate: RateOptions;
}

export type DecoderChoice = 'auto' | 'webgpu' | 'wasm' | 'warp';
export type LabelPosition = 'top-left' | 'top-right' | 'bottom-left' | 'bottom-right';

/** What the picture says of itself. */
export interface LabelSettings {
  readonly text: string;
  readonly position: LabelPosition;
}

/** `TalkingHeadReceiverOptions`, checked and complete. */
export interface ReceiverSettings extends CommonSettings {
  readonly decoder: DecoderChoice;
  readonly size: StreamSize;
  readonly label: LabelSettings;
  readonly unsigned: 'refuse' | 'show';
}

/** The two channels of a call, by name. */
export type ChannelName = 'control' | 'motion';

/** Where a receiver's frames go. */
export type FrameSink =
  /** A MediaStreamTrackGenerator's stream. */
  | { readonly writable: WritableStream<VideoFrame> }
  /** A canvas whose page captures it. */
  | { readonly canvas: OffscreenCanvas }
  /** A VideoTrackGenerator of the worker's own: its track is sent to the page. */
  | { readonly generator: true };

/** From the page to a pipeline. */
export type ToWorker =
  /** Frames come from this track, where the worker has a MediaStreamTrackProcessor of its own. */
  | { readonly type: 'source'; readonly track: MediaStreamTrack }
  /** A frame, each after the one before has arrived; it was there at `captureMs`, by `callClock`. */
  | { readonly type: 'frame'; readonly frame: VideoFrame; readonly captureMs: number }
  | { readonly type: 'sink'; readonly sink: FrameSink }
  | { readonly type: 'skip-prompt' }
  /** The channels are open. Without fingerprints no signature can be made, and none holds. */
  | { readonly type: 'connected'; readonly fingerprints: ConnectionFingerprints | undefined }
  /** A worker that decodes reads it late: `receivedMs` is when it arrived, by `callClock`. */
  | {
      readonly type: 'message';
      readonly channel: ChannelName;
      readonly bytes: Uint8Array;
      readonly receivedMs: number;
    }
  /** Of the bytes sent on a channel so far, so many are still in its buffer. */
  | {
      readonly type: 'sent';
      readonly channel: ChannelName;
      readonly bytes: number;
      readonly buffered: number;
    }
  | { readonly type: 'disconnected'; readonly reason: CloseReason }
  | { readonly type: 'get-stats'; readonly id: number }
  | { readonly type: 'close'; readonly id: number };

/** From a pipeline to the page. */
export type FromWorker =
  /** It is ready; what the worker's browser has decides how frames come and go. */
  | {
      readonly type: 'opened';
      readonly hasTrackProcessor: boolean;
      readonly hasTrackGenerator: boolean;
    }
  | { readonly type: 'open-failed'; readonly error: SentError }
  /** The frame is there: the next one may come. */
  | { readonly type: 'frame-arrived' }
  | { readonly type: 'track'; readonly track: MediaStreamTrack }
  | { readonly type: 'send'; readonly channel: ChannelName; readonly bytes: Uint8Array }
  | { readonly type: 'event'; readonly name: string; readonly detail: unknown }
  /** Answers 'get-stats' and 'close'. */
  | { readonly type: 'reply'; readonly id: number; readonly value: unknown };

/**
 * Opens networks in a worker of a pipeline's own, which runs the same module, so that a frame need not wait
 * while they run: as `Open`, to a port.
 */
export interface OpenNetworks {
  readonly visavis: 'open-networks';
  readonly options: {
    readonly assets: string;
    readonly prefer: 'auto' | 'webgpu' | 'wasm';
    readonly threads: number;
  };
  readonly port: MessagePort;
}

/** From a pipeline to its networks; each is answered by a reply with the same id. */
export type ToNetworks =
  | { readonly type: 'open'; readonly id: number; readonly graph: Uint8Array }
  | {
      readonly type: 'run';
      readonly id: number;
      readonly session: number;
      readonly inputs: Readonly<Record<string, Tensor>>;
    }
  | { readonly type: 'close'; readonly id: number; readonly session: number };

/** Back: first what became of `OpenNetworks`, as the reply to -1. */
export type FromNetworks =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly error: SentError };

/** An error as a message: of structured clones alone, some browsers lose the name. */
export interface SentError {
  readonly name: string;
  readonly message: string;
}

/** Whether a message on the worker opens networks. */
export function isOpenNetworks(message: unknown): message is OpenNetworks {
  return (message as Partial<OpenNetworks> | null | undefined)?.visavis === 'open-networks';
}

/** An error for a message. */
export function sendError(error: unknown): SentError {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { name, message };
}

/** Whether a message on the worker opens a pipeline: an application may have messages of its own. */
export function isOpen(message: unknown): message is Open {
  return (message as Partial<Open> | null | undefined)?.visavis === 'open';
}
