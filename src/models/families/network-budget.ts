/** What becomes of a network for a frame: it is run and waited for, it is only timed, or it rests. */
export type NetworkTurn = 'run' | 'time' | 'rest';

/** Decides whether a network keeps up with the frames. */
export interface NetworkBudget {
  /** Of the frame that is asked for now. */
  turn(): NetworkTurn;
  /** Takes note of a run that began at this time and has ended now. */
  ran(startedAt: number): void;
}

/** Every frame waits for its run. */
const UNLIMITED: NetworkBudget = { turn: () => 'run', ran: () => {} };
/** The share that the last frame has in the mean time between frames. */
const NEWEST = 0.25;
/** The longest that counts between two frames: that they are fewer may be the network's doing. */
const LONGEST_MS = 1000 / 15;
/** How often a network that rests is timed: the machine may have become free. */
const TIMED_MS = 3_000;
/** It goes on only where it would take so much less than it may: else it would come and go. */
const MARGIN = 0.8;

/**
 * A budget of `share` (above 0, at most 1) of the time between frames that `now` tells, in milliseconds;
 * undefined: no limit. A network that takes more rests: what it said of an earlier frame makes a later one worse than
 * saying nothing (docs/decisions.md).
 */
export function createNetworkBudget(share: number | undefined, now: () => number): NetworkBudget {
  if (share === undefined) return UNLIMITED;
  let askedAt: number | undefined;
  /** Between frames, milliseconds. */
  let gap = LONGEST_MS;
  let keepsUp = false;
  let runs = 0;
  let lastTook = 0;
  let timedAt = Number.NEGATIVE_INFINITY;
  return {
    turn() {
      const at = now();
      if (askedAt !== undefined) gap += NEWEST * (Math.min(at - askedAt, LONGEST_MS) - gap);
      askedAt = at;
      if (keepsUp) return 'run';
      // The first run compiles the network and tells nothing: the second follows at once.
      if (runs > 1 && at - timedAt < TIMED_MS) return 'rest';
      timedAt = at;
      return 'time';
    },
    ran(startedAt) {
      const took = now() - startedAt;
      runs++;
      // One late frame may be the machine’s doing: two in a row count.
      const counted = keepsUp ? Math.min(took, lastTook) : took / MARGIN;
      lastTook = took;
      keepsUp = counted <= share * gap;
      timedAt = now();
    },
  };
}
