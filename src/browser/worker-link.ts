import { callClock } from '../call.js';
import { readFingerprints, watchFingerprints } from '../consent/fingerprints.js';
import { InvalidStateError } from '../protocol/errors.js';
import type { AdaptedChannels, DataChannelPair } from '../transport/rtc-data-channel.js';
import { adaptDataChannels } from '../transport/rtc-data-channel.js';
import { VERSION } from '../version.js';
import type { ChannelName, FromWorker, Open, ToWorker } from '../worker/messages.js';

/** A worker that could not be loaded, or whose half failed to start. */
export class WorkerError extends Error {
  override readonly name = 'WorkerError';
}

/** While a channel's buffer drains, how often the worker is told. */
const DRAIN_POLL_MS = 20;
/** A worker that was terminated, or that hangs, answers nothing for so long. */
const ANSWER_LIMIT_MS = 10_000;

/** A connection that has failed may be mended (an ICE restart); after so long nobody is there. */
const VANISHED_MS = 15_000;

/** What a pipeline has said when it was ready. */
type Opened = Extract<FromWorker, { type: 'opened' }>;

export interface WorkerLinkOptions {
  readonly worker: Worker | (() => Worker) | undefined;
  readonly pipeline: Open['pipeline'];
  readonly connection: RTCPeerConnection;
  readonly channels: DataChannelPair;
  /** An event of the pipeline. */
  readonly onEvent: (name: string, detail: unknown) => void;
  readonly onFrameArrived?: () => void;
  readonly onTrack?: (track: MediaStreamTrack) => void;
}

/** A pipeline in a worker, with the page's data channels. */
export class WorkerLink {
  readonly #worker: Worker;
  readonly #owned: boolean;
  readonly #port: MessagePort;
  readonly #adapted: AdaptedChannels;
  readonly #options: WorkerLinkOptions;
  readonly #waiting = new Map<number, (value: unknown) => void>();
  readonly #sent = { control: 0, motion: 0 };
  readonly #draining = new Map<ChannelName, ReturnType<typeof setTimeout>>();
  #nextId = 0;
  /** Events from before there was anybody to hear them. */
  #early: [name: string, detail: unknown][] | undefined = [];
  #unwatch: () => void = () => {};
  #vanishing: ReturnType<typeof setTimeout> | undefined;
  #closing: Promise<void> | undefined;

  /** Resolves when the pipeline has its models. Rejects with a WorkerError or the pipeline's error. */
  static async open(options: WorkerLinkOptions): Promise<{ link: WorkerLink; opened: Opened }> {
    const link = new WorkerLink(options);
    try {
      return { link, opened: await link.#start() };
    } catch (error) {
      link.#free();
      throw error;
    }
  }

  private constructor(options: WorkerLinkOptions) {
    const { worker, pipeline, channels } = options;
    this.#options = options;
    this.#owned = !(worker instanceof Worker);
    const create =
      typeof worker === 'function' ? worker : () => new Worker(this.#script, { type: 'module' });
    this.#worker = worker instanceof Worker ? worker : create();
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#adapted = adaptDataChannels(channels);
    const open: Open = { visavis: 'open', version: VERSION, pipeline, port: port2 };
    this.#worker.postMessage(open, [port2]);
  }

  /**
   * Events are given out from the next task on: whoever has waited for `create` has added listeners by then.
   * Until it is called they wait, few as they are: a pipeline that has no frames yet has little to say.
   */
  giveEvents(): void {
    setTimeout(() => {
      const early = this.#early ?? [];
      this.#early = undefined;
      for (const event of early) this.#options.onEvent(...event);
    });
  }

  /** Sends a message to the pipeline. */
  post(message: ToWorker, transfer: Transferable[] = []): void {
    if (!this.#closing) this.#port.postMessage(message, transfer);
  }

  /** Asks the pipeline for its statistics. InvalidStateError after `close`, WorkerError where no answer comes. */
  async getStats(): Promise<unknown> {
    if (this.#closing) throw new InvalidStateError('getStats: it is closed');
    const stats = await this.#request('get-stats');
    if (stats === undefined) throw new WorkerError('the worker does not answer');
    return stats;
  }

  /** Lets the pipeline say goodbye, and frees it. The channels stay open. */
  close(): Promise<void> {
    this.#closing ??= this.#request('close').then(() => this.#free());
    return this.#closing;
  }

  /** The default worker's. */
  get #script(): string {
    return `${this.#options.pipeline.assets}visavis-worker.js`;
  }

  #start(): Promise<Opened> {
    const missing =
      this.#options.worker === undefined
        ? `${this.#script} cannot be loaded: run npx visavis assets`
        : 'its script cannot be loaded';
    return new Promise((resolve, reject) => {
      const onError = ({ message }: ErrorEvent) =>
        reject(new WorkerError(`the worker failed: ${message || missing}`));
      this.#worker.addEventListener('error', onError);
      this.#port.onmessage = ({ data }: MessageEvent<FromWorker>) => {
        this.#worker.removeEventListener('error', onError);
        if (data.type === 'open-failed') {
          const { name, message } = data.error;
          reject(
            Object.assign(name === 'TypeError' ? new TypeError(message) : new WorkerError(message)),
          );
        } else if (data.type === 'opened') {
          this.#port.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#take(data);
          this.#connect();
          resolve(data);
        } else this.#take(data);
      };
    });
  }

  #connect(): void {
    const { connection } = this.#options;
    const { channels } = this.#adapted;
    void this.#adapted.opened.then(() => {
      const fingerprints = readFingerprints(connection);
      this.post({ type: 'connected', fingerprints });
      // The channels may outlive the peer that the signature was made for.
      if (fingerprints) {
        this.#unwatch = watchFingerprints(connection, fingerprints, () =>
          this.post({ type: 'disconnected', reason: 'failed' }),
        );
      }
      for (const channel of ['control', 'motion'] as const) {
        channels[channel].onMessage = (bytes) =>
          this.post({ type: 'message', channel, bytes, receivedMs: callClock() }, [
            bytes.buffer as ArrayBuffer,
          ]);
      }
    });
    this.#adapted.onEnd = (reason) => this.post({ type: 'disconnected', reason });
    connection.addEventListener('connectionstatechange', this.#onConnection);
  }

  readonly #onConnection = () => {
    const { connectionState } = this.#options.connection;
    clearTimeout(this.#vanishing);
    if (connectionState === 'closed') this.post({ type: 'disconnected', reason: 'closed-locally' });
    if (connectionState !== 'failed') return;
    this.#vanishing = setTimeout(
      () => this.post({ type: 'disconnected', reason: 'peer-vanished' }),
      VANISHED_MS,
    );
  };

  #take(message: FromWorker): void {
    switch (message.type) {
      case 'send':
        this.#send(message.channel, message.bytes);
        return;
      case 'event':
        if (this.#early) this.#early.push([message.name, message.detail]);
        else this.#options.onEvent(message.name, message.detail);
        return;
      case 'frame-arrived':
        this.#options.onFrameArrived?.();
        return;
      case 'track':
        this.#options.onTrack?.(message.track);
        return;
      case 'reply':
        this.#waiting.get(message.id)?.(message.value);
        this.#waiting.delete(message.id);
    }
  }

  #send(name: ChannelName, bytes: Uint8Array): void {
    const channel = this.#adapted.channels[name];
    if (!channel.open) return;
    channel.send(bytes);
    this.#sent[name] += bytes.length;
    if (!this.#draining.has(name)) this.#tellSent(name);
  }

  /** Tells the worker what has left, until all has. */
  #tellSent(channel: ChannelName): void {
    const buffered = this.#adapted.channels[channel].bufferedAmount;
    this.post({ type: 'sent', channel, bytes: this.#sent[channel], buffered });
    this.#draining.delete(channel);
    if (buffered === 0 || this.#closing) return;
    this.#draining.set(
      channel,
      setTimeout(() => this.#tellSent(channel), DRAIN_POLL_MS),
    );
  }

  #request(type: 'get-stats' | 'close'): Promise<unknown> {
    const id = this.#nextId++;
    this.#port.postMessage({ type, id } satisfies ToWorker);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        resolve(undefined);
      }, ANSWER_LIMIT_MS);
      this.#waiting.set(id, (value) => {
        clearTimeout(timer);
        resolve(value);
      });
    });
  }

  #free(): void {
    for (const timer of this.#draining.values()) clearTimeout(timer);
    this.#unwatch();
    clearTimeout(this.#vanishing);
    this.#options.connection.removeEventListener('connectionstatechange', this.#onConnection);
    this.#adapted.onEnd = undefined;
    this.#port.close();
    if (this.#owned) this.#worker.terminate();
  }
}
