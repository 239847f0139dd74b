/** Decides for which frames a network is run, so that it takes no more than a share of the time. */
export interface NetworkBudget {
  /** Whether the network may be run for the frame that is asked for now. */
  allows(): boolean;
  /** Milliseconds of the lesser of the last two runs; until there are two, Infinity. */
  readonly tookMs: number;
  /** Takes note of a run that began at this time (of `now`) and has ended. */
  ran(startedAt: number): void;
}

/**
 * A budget of `share` (above 0, at most 1) of the time that `now` tells (milliseconds); undefined:
 * no limit. A run costs the lesser of the last two: the first one, which also compiles the network,
 * is not held against it.
 */
export function createNetworkBudget(share: number | undefined, now: () => number): NetworkBudget {
  let last = 0;
  let tookMs = Number.POSITIVE_INFINITY;
  let ended = 0;
  let dueAt = Number.NEGATIVE_INFINITY;
  return {
    allows: () => now() >= dueAt,
    get tookMs() {
      return tookMs;
    },
    ran(startedAt) {
      const took = now() - startedAt;
      const lesser = Math.min(took, last);
      last = took;
      if (++ended > 1) tookMs = lesser;
      const interval = share === undefined ? 0 : lesser / share;
      // A frame that comes late makes the next one's run no later, but by one run at most.
      dueAt = Math.max(dueAt, startedAt - interval) + interval;
    },
  };
}
