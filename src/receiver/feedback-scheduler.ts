import type { Feedback } from '../protocol/feedback.js';

/** Decoded frames from one feedback to the next where all is well: one a second at 25. */
const FRAMES_PER_FEEDBACK = 25;
/** A packet may come so much after its successor before it counts as lost. */
const REORDERING_MS = 30;
/** A request is repeated after so long without effect, at the earliest. */
const MIN_REQUEST_INTERVAL_MS = 100;

/** What the scheduler looks at. */
export interface ReceptionState {
  readonly newestDecoded: number | undefined;
  readonly newest: number | undefined;
  readonly needsIndependent: boolean;
  /** Arrival of the oldest packet that waits for its reference. */
  readonly waitingSinceMs: number | undefined;
}

/** Decides when the receiver tells the sender how it fares: each message costs 160 bytes of wire. */
export class FeedbackScheduler {
  #decoded = 0;
  #reportedNewest = -1;
  #requestedMs = -Infinity;

  /** Notes frames decoded, or in an unpaced stream shown. */
  progress(frames: number): void {
    this.#decoded += frames;
  }

  #requestAt(state: ReceptionState, roundTripMs: number): number | undefined {
    const { needsIndependent, waitingSinceMs } = state;
    if (!needsIndependent && waitingSinceMs === undefined) return undefined;
    const interval = Math.max(MIN_REQUEST_INTERVAL_MS, 1.5 * roundTripMs);
    const noticed = waitingSinceMs === undefined ? -Infinity : waitingSinceMs + REORDERING_MS;
    return Math.max(noticed, this.#requestedMs + interval);
  }

  /** When `poll` will give something if nothing more comes; −Infinity: at once. */
  nextAt(state: ReceptionState, roundTripMs: number): number | undefined {
    if (this.#decoded >= FRAMES_PER_FEEDBACK) return -Infinity;
    return this.#requestAt(state, roundTripMs);
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
    if (!request && this.#decoded < FRAMES_PER_FEEDBACK) return undefined;
    const newest = state.newest ?? -1;
    const expected = Math.max(0, newest - this.#reportedNewest);
    const named = request ? state.newestDecoded : acknowledged;
    const lost = expected === 0 ? 0 : Math.max(0, 1 - this.#decoded / expected);
    this.#reportedNewest = newest;
    this.#decoded = 0;
    if (request) this.#requestedMs = nowMs;
    return {
      newestSequence: named === undefined ? undefined : named & 0xffff,
      lossFraction: Math.round(lost * 255),
      needsRecovery: request,
      needsIndependent: request && state.needsIndependent,
      needsIdentity: false,
    };
  }
}
