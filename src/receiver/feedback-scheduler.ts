import type { Feedback } from '../protocol/feedback.js';
import { ReceptionMeter } from './reception-meter.js';

/** Where all is well the sender is told so this often: a message costs 190 bytes with its acknowledgement. */
const CALM_MS = 5_000;
/** Once something went wrong it is told so this often at most, and as soon as what belongs to it has come. */
const TROUBLE_MS = 1_000;
const NOTICE_MS = 200;
/** An unpaced sender goes by acknowledgements: so many frames are shown from one to the next. */
const UNPACED_FRAMES = 25;
/** A packet may come so much after its successor before it counts as lost. */
const REORDERING_MS = 30;
/** A request is repeated after so long without effect, at the earliest. */
const MIN_REQUEST_INTERVAL_MS = 100;

/**
 * After so long without a frame the stream may be broken off: the sender is asked to begin anew, often at first, so
 * that after an outage of a second or two the first message is of use; then seldom, as it may have paused.
 */
const SILENT_MS = 1_000;
const LONG_SILENT_MS = 2_500;
const LONG_SILENT_INTERVAL_MS = 1_000;
/** From then on every message of the sender is of use by itself (`MotionPacketizer`). */
const GIVEN_UP_MS = 11_000;

/** What the scheduler looks at. */
export interface ReceptionState {
  readonly newestDecoded: number | undefined;
  readonly needsIndependent: boolean;
  /** Arrival of the oldest packet that waits for its reference. */
  readonly waitingSinceMs: number | undefined;
}

/** Decides when the receiver tells the sender how it fares, and what. */
export class FeedbackScheduler {
  readonly #unpaced: boolean;
  readonly #meter: ReceptionMeter;
  /** Frames decoded, or in an unpaced stream shown, since the last feedback. */
  #frames = 0;
  #saidMs: number | undefined;
  /** When frames came last. */
  #heardMs: number | undefined;
  #requestedMs = -Infinity;

  /** `unpaced`: frames come as fast as they can be read. */
  constructor(frameIntervalMs: number, unpaced: boolean) {
    this.#unpaced = unpaced;
    this.#meter = new ReceptionMeter(frameIntervalMs);
  }

  /** Takes each message of the motion channel. */
  receive(message: Uint8Array, nowMs: number): void {
    this.#saidMs ??= nowMs;
    this.#meter.receive(message, nowMs);
  }

  /** Notes frames decoded, or in an unpaced stream shown. */
  progress(frames: number, nowMs: number): void {
    this.#frames += frames;
    if (frames > 0) this.#heardMs = nowMs;
  }

  #requestAt(state: ReceptionState, roundTripMs: number): number | undefined {
    const { needsIndependent, waitingSinceMs } = state;
    if (!needsIndependent && waitingSinceMs === undefined) return this.#silentAt;
    const interval = Math.max(MIN_REQUEST_INTERVAL_MS, 1.5 * roundTripMs);
    const noticed = waitingSinceMs === undefined ? -Infinity : waitingSinceMs + REORDERING_MS;
    return Math.max(noticed, this.#requestedMs + interval);
  }

  /** When to ask next because nothing comes. */
  get #silentAt(): number | undefined {
    if (this.#unpaced || this.#heardMs === undefined) return undefined;
    const seldom = this.#requestedMs >= this.#heardMs + LONG_SILENT_MS;
    const interval = seldom ? LONG_SILENT_INTERVAL_MS : MIN_REQUEST_INTERVAL_MS;
    const at = Math.max(this.#heardMs + SILENT_MS, this.#requestedMs + interval);
    return at < this.#heardMs + GIVEN_UP_MS ? at : undefined;
  }

  get #reportAt(): number {
    if (this.#unpaced) return this.#frames >= UNPACED_FRAMES ? -Infinity : Infinity;
    if (this.#saidMs === undefined || this.#frames === 0) return Infinity;
    const { troubleMs } = this.#meter;
    const calmAt = this.#saidMs + CALM_MS;
    if (troubleMs === undefined) return calmAt;
    return Math.min(calmAt, Math.max(troubleMs + NOTICE_MS, this.#saidMs + TROUBLE_MS));
  }

  /** When `poll` will give something if nothing more comes; −Infinity: at once. */
  nextAt(state: ReceptionState, roundTripMs: number): number | undefined {
    const at = Math.min(this.#reportAt, this.#requestAt(state, roundTripMs) ?? Infinity);
    return at === Infinity ? undefined : at;
  }

  /**
   * The feedback that is due, if any. `acknowledged`: the frame to name as newest where nothing is
   * asked for; with a request it is the newest decoded one, that the sender can predict from.
   */
  poll(
    state: ReceptionState,
    acknowledged: number | undefined,
    nowMs: number,
    roundTripMs: number,
  ): Feedback | undefined {
    const requestAt = this.#requestAt(state, roundTripMs);
    const request = requestAt !== undefined && requestAt <= nowMs;
    if (!request && this.#reportAt > nowMs) return undefined;
    const named = request ? state.newestDecoded : acknowledged;
    this.#frames = 0;
    this.#saidMs = nowMs;
    if (request) this.#requestedMs = nowMs;
    return {
      newestSequence: named === undefined ? undefined : named & 0xffff,
      lossFraction: Math.round(this.#meter.takeLoss() * 255),
      ...(!this.#unpaced && { queueMs: this.#meter.queueMs }),
      needsRecovery: request,
      needsIndependent: request && state.needsIndependent,
      needsIdentity: false,
    };
  }
}
