import type { AcceptedIdentity, Refusal } from '../consent/verify.js';
import type { StreamSize } from '../protocol/limits.js';
import type { Concealment } from '../receiver/concealment.js';
import type { DecoderChoice, LabelSettings } from '../worker/messages.js';
import { syncAudio } from './audio-sync.js';
import { type StateChange, TypedEventTarget } from './events.js';
import { type Output, openOutput } from './frame-sink.js';
import { receiverSettings, type TalkingHeadOptions } from './options.js';
import type { TalkingHeadReceiverStats } from './stats.js';
import { WorkerLink } from './worker-link.js';

/** Options of `TalkingHeadReceiver.create`. */
export interface TalkingHeadReceiverOptions extends TalkingHeadOptions {
  /**
   * What decodes: 'auto' (default) takes a network on WebGPU where there is an adapter, else in WebAssembly,
   * else 'warp', which has none. Another that cannot be had is an error.
   */
  readonly decoder?: DecoderChoice;
  /** Pixels across the largest picture to show: 256 or 512 (default). */
  readonly size?: StreamSize;
  /** What the picture says of itself, in the page's language, and where. Default 'Synthesised', bottom left. */
  readonly label?: Partial<LabelSettings>;
  /** What becomes of a person whose identity nobody has signed. Default 'refuse'. */
  readonly unsigned?: 'refuse' | 'show';
}

/** 'ended' and 'failed' are final. */
export type TalkingHeadReceiverState = 'connecting' | 'showing' | 'ended' | 'failed';

/** Events of a receiver, by their details. */
export interface TalkingHeadReceiverEvents {
  statechange: StateChange<TalkingHeadReceiverState>;
  /** The person's identity is signed for this call, and by which key. */
  identity: AcceptedIdentity;
  /**
   * Frames begin to be missing, or come again: 'extrapolated', the head goes on by guesses; 'held', after a second, the
   * last picture stays; 'none', frames come. What is missing between two that came is made up without it.
   */
  concealment: { readonly state: Concealment };
  /** An identity was refused; 'statechange' to 'failed' follows. */
  refused: Refusal;
}

/** Shows the talking head that a peer sends, as a video track. All work is done in a worker. */
export class TalkingHeadReceiver extends TypedEventTarget<TalkingHeadReceiverEvents> {
  #link!: WorkerLink;
  #output!: Output;
  #state: TalkingHeadReceiverState = 'connecting';
  readonly #stopSyncs = new Set<() => void>();

  /**
   * Resolves when the worker has its models and the track is there. Rejects with a TypeError that names a
   * bad option, or a WorkerError: the worker's script, a model, or the decoder asked for cannot be had.
   */
  static async create(options: TalkingHeadReceiverOptions): Promise<TalkingHeadReceiver> {
    const settings = receiverSettings(options);
    const receiver = new TalkingHeadReceiver();
    const { worker, connection, channels } = options;
    let giveTrack: (track: MediaStreamTrack) => void = () => {};
    const fromWorker = new Promise<MediaStreamTrack>((resolve) => {
      giveTrack = resolve;
    });
    const { link, opened } = await WorkerLink.open({
      worker,
      pipeline: { kind: 'receiver', ...settings },
      connection,
      channels,
      onEvent: (name, detail) => receiver.#onEvent(name, detail),
      onTrack: giveTrack,
    });
    receiver.#link = link;
    receiver.#output = await openOutput(link, opened.hasTrackGenerator, fromWorker);
    link.giveEvents();
    return receiver;
  }

  private constructor() {
    super();
  }

  get state(): TalkingHeadReceiverState {
    return this.#state;
  }

  /** Video: for a `<video>`, or on into another connection. It ends with `close`. */
  get track(): MediaStreamTrack {
    return this.#output.track;
  }

  /**
   * Keeps the voice in step with the lips: `receiver` is the one of the person's audio track, whose jitter
   * buffer waits as long as the picture takes. Until the function returned is called, or `close`.
   */
  syncAudio(receiver: RTCRtpReceiver): () => void {
    const stop = syncAudio(receiver, () => this.getStats());
    this.#stopSyncs.add(stop);
    return () => {
      this.#stopSyncs.delete(stop);
      stop();
    };
  }

  /** What was done so far. Rejects with an InvalidStateError after `close`. */
  async getStats(): Promise<TalkingHeadReceiverStats> {
    const stats = (await this.#link.getStats()) as TalkingHeadReceiverStats;
    return { ...stats, output: this.#output.path };
  }

  /** Says goodbye to the sender and frees everything; channels and connection stay. Safe to call twice. */
  async close(): Promise<void> {
    for (const stop of this.#stopSyncs) stop();
    this.#stopSyncs.clear();
    await this.#link.close();
    this.track.stop();
    // Of a worker that does not answer.
    const isOver = this.#state === 'ended' || this.#state === 'failed';
    if (!isOver) this.#onEvent('statechange', { state: 'ended' });
  }

  #onEvent(name: string, detail: unknown): void {
    if (name === 'statechange')
      this.#state = (detail as StateChange<TalkingHeadReceiverState>).state;
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
