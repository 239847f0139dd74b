/** Without a datagram for this long, the peer is asked for one. */
const PROBE_AFTER_MS = 1_000;
/** Five probes unanswered: long enough for a Wi-Fi roaming, short enough for a person who waits. */
const SILENCE_LIMIT_MS = 5_000;
/** The same once signalling has said that the peer's process or network is gone. */
const SILENCE_LIMIT_AFTER_LEFT_MS = 1_000;
/** How often `poll` must be called, and the gap between probes, in milliseconds. */
export const LIVENESS_POLL_MS = 250;
/**
 * The most that one poll may count as silence. A stalled event loop or a suspended machine has
 * datagrams waiting that it has not read yet, and must not take its own stall for the peer's.
 */
const MAX_STEP_MS = 2 * LIVENESS_POLL_MS;

/** Tells a silent peer from a vanished one; sans-IO. */
export interface Liveness {
  /** A datagram of the peer arrived. */
  heard(): void;
  /** Signalling says that the peer has left: believe it sooner, unless the peer is still heard. */
  peerLeft(): void;
  /** Call every `LIVENESS_POLL_MS`: 'probe' asks to send something that the peer must answer. */
  poll(nowMs: number): 'alive' | 'probe' | 'vanished';
}

export function createLiveness(nowMs: number): Liveness {
  let lastPollMs = nowMs;
  let silenceMs = 0;
  let left = false;
  return {
    heard() {
      silenceMs = 0;
    },
    peerLeft() {
      left = true;
      silenceMs = 0;
    },
    poll(now) {
      silenceMs += Math.min(now - lastPollMs, MAX_STEP_MS);
      lastPollMs = now;
      if (silenceMs >= (left ? SILENCE_LIMIT_AFTER_LEFT_MS : SILENCE_LIMIT_MS)) return 'vanished';
      return left || silenceMs >= PROBE_AFTER_MS ? 'probe' : 'alive';
    },
  };
}
