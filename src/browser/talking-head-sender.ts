import type { SavedEnrolment } from '../consent/saved-enrolment.js';
import { InvalidStateError } from '../protocol/errors.js';
import type { StreamSize } from '../protocol/limits.js';
import type { EnrolmentStatus } from '../sender/live-enrolment.js';
import type { RatePreset } from '../sender/rate-presets.js';
import { type StateChange, TypedEventTarget } from './events.js';
import { FrameRelay } from './frame-relay.js';
import { type Capture, startCapture } from './frame-source.js';
import { checkTrack, senderSettings, type TalkingHeadOptions } from './options.js';
import type { TalkingHeadSenderStats } from './stats.js';
import { WorkerLink } from './worker-link.js';

/** Options of `TalkingHeadSender.create`. */
export interface TalkingHeadSenderOptions extends TalkingHeadOptions {
  /** Live video of one person: a camera, a screen, a canvas. It is cloned; the caller's is never stopped. */
  readonly track: MediaStreamTrack;
  /**
   * What finds the face: a tracker pack's folder (default: `packs/tracker` in `assets`), or MediaPipe with
   * the application's own `face_landmarker.task`, which finds lips and lids better.
   */
  readonly tracker?: string | URL | { readonly faceLandmarker: string | URL };
  /**
   * How the person is enrolled, from the live track: 'quick' in about a second, 'guided' by prompts (the
   * 'enrolment' event), or what an earlier call on this device saved (`enrolment`). Default 'quick'.
   */
  readonly enrolment?: 'quick' | 'guided' | SavedEnrolment;
  /** Pixels across the picture: 256 (default) or 512. */
  readonly size?: StreamSize;
  /** Most frames a second, 1–30. Default 25. A slow machine sends what it can track. */
  readonly fps?: number;
  /**
   * What motion is sent for: 'lowest' (10 kbps there and back; while messages get lost up to 7 more, for
   * copies, where `maxBitrateBps` does not say less), 'balanced' (default; 20 kbps at most) or 'lowest-latency' (one
   * frame a message, 40 kbps at most).
   */
  readonly preset?: RatePreset;
  /** Bits a second on the wire at most, every header counted, 3 000–10 000 000. Default: the preset's. */
  readonly maxBitrateBps?: number;
  /**
   * Milliseconds that frames may wait for others, to share a message's headers, 0–1000. Default: 120 with
   * 'lowest', 65 at most with 'balanced' (two frames a message, one where fewer than some 14 a second come), else 0.
   */
  readonly maxLatencyMs?: number;
}

/** 'ended' and 'failed' are final. */
export type TalkingHeadSenderState = 'enrolling' | 'connecting' | 'streaming' | 'ended' | 'failed';

/** Events of a sender, by their details. */
export interface TalkingHeadSenderEvents {
  statechange: StateChange<TalkingHeadSenderState>;
  /** What the person is asked for, how far the enrolment is, and whether there is one face. */
  enrolment: EnrolmentStatus;
  enrolled: { readonly enrolment: SavedEnrolment };
  /** While streaming: the face has gone, or is there again. */
  face: { readonly present: boolean };
}

/**
 * Sends a person as a talking head: enrols them from a live track, then streams what moves. All work is
 * done in a worker.
 */
export class TalkingHeadSender extends TypedEventTarget<TalkingHeadSenderEvents> {
  #link!: WorkerLink;
  #relay!: FrameRelay;
  #capture!: Capture;
  #hasProcessor = false;
  #state: TalkingHeadSenderState = 'enrolling';
  #enrolment: SavedEnrolment | undefined;
  #closed = false;

  /**
   * Resolves when the worker has its models; the enrolment begins then. Rejects with a TypeError that names
   * a bad option, or a WorkerError: the worker's script or a model cannot be loaded.
   */
  static async create(options: TalkingHeadSenderOptions): Promise<TalkingHeadSender> {
    const settings = senderSettings(options);
    const sender = new TalkingHeadSender();
    const { worker, connection, channels } = options;
    const { link, opened } = await WorkerLink.open({
      worker,
      pipeline: { kind: 'sender', ...settings },
      connection,
      channels,
      onEvent: (name, detail) => sender.#onEvent(name, detail),
      onFrameArrived: () => sender.#relay.frameArrived(),
    });
    if (typeof settings.enrolment === 'object') sender.#enrolment = settings.enrolment;
    sender.#link = link;
    sender.#relay = new FrameRelay(link);
    sender.#hasProcessor = opened.hasTrackProcessor;
    try {
      // It may have ended meanwhile.
      checkTrack('track', options.track);
      sender.#capture = sender.#start(options.track);
    } catch (error) {
      sender.#relay.close();
      await link.close();
      throw error;
    }
    link.giveEvents();
    return sender;
  }

  private constructor() {
    super();
  }

  get state(): TalkingHeadSenderState {
    return this.#state;
  }

  /**
   * What to keep for the next call (it can be stored in IndexedDB): undefined until the person is enrolled. It
   * holds pictures of them, and is good on this device alone, whose key has signed it.
   */
  get enrolment(): SavedEnrolment | undefined {
    return this.#enrolment;
  }

  /** Goes on with the next prompt of a guided enrolment. */
  skipPrompt(): void {
    this.#link.post({ type: 'skip-prompt' });
  }

  /** Takes another camera's frames from now on; the track is cloned. TypeError where it is no live video. */
  async replaceTrack(track: MediaStreamTrack): Promise<void> {
    checkTrack('track', track);
    if (this.#closed) throw new InvalidStateError('replaceTrack: the sender is closed');
    void this.#capture.stop();
    this.#capture = this.#start(track);
  }

  /** What was done so far. Rejects with an InvalidStateError after `close`. */
  async getStats(): Promise<TalkingHeadSenderStats> {
    const stats = (await this.#link.getStats()) as TalkingHeadSenderStats;
    const { frames, dropped } = stats.capture;
    const unsent = this.#relay.dropped;
    return {
      ...stats,
      capture: { path: this.#capture.path, frames: frames + unsent, dropped: dropped + unsent },
    };
  }

  /** Says goodbye to the receiver and frees everything; channels and connection stay. Safe to call twice. */
  async close(): Promise<void> {
    this.#closed = true;
    const stopped = this.#capture.stop();
    this.#relay.close();
    await Promise.all([stopped, this.#link.close()]);
    // Of a worker that does not answer.
    const isOver = this.#state === 'ended' || this.#state === 'failed';
    if (!isOver) this.#onEvent('statechange', { state: 'ended' });
  }

  #start(track: MediaStreamTrack): Capture {
    return startCapture(track.clone(), this.#link, this.#relay, this.#hasProcessor);
  }

  #onEvent(name: string, detail: unknown): void {
    if (name === 'statechange') this.#state = (detail as StateChange<TalkingHeadSenderState>).state;
    if (name === 'enrolled') {
      this.#enrolment = (detail as TalkingHeadSenderEvents['enrolled']).enrolment;
    }
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
