/** Decides for which frames a network is run, so that it takes no more than a share of the time. */
export interface NetworkBudget {
  /** Whether the network may be run for the frame that is asked for now. */
  allows(): boolean;
  /** Takes note of a run that began at this time (of `now`) and has ended. */
  ran(startedAt: number): void;
}

/** Every frame has its run. */
const UNLIMITED: NetworkBudget = { allows: () => true, ran: () => {} };

/**
 * A budget of `share` (above 0, at most 1) of the time that `now` tells (milliseconds); undefined:
 * no limit. A run costs the lesser of the last two: the first one, which also compiles the network,
 * is not held against it.
 */
export function createNetworkBudget(share: number | undefined, now: () => number): NetworkBudget {
  if (share === undefined) return UNLIMITED;
  let last = 0;
  let dueAt = Number.NEGATIVE_INFINITY;
  return {
    allows: () => now() >= dueAt,
    ran(startedAt) {
      const took = now() - startedAt;
      const interval = Math.min(took, last) / share;
      last = took;
      // A frame that comes late makes the next one's run no later, but by one run at most.
      dueAt = Math.max(dueAt, startedAt - interval) + interval;
    },
  };
}
