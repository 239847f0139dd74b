import {
  createSimulatedLink,
  type SimulatedLinkOptions,
  type SimulatedLinkStats,
} from './simulated-link.js';

/** A simulated link in real time. */
export interface RunningLink {
  /** The bytes are copied; `arrive` gets them when they are due, twice where they were duplicated. */
  send(data: Uint8Array, arrive: (data: Uint8Array) => void): void;
  readonly stats: SimulatedLinkStats;
  /** Drops what is under way: nothing arrives any more. */
  stop(): void;
}

/**
 * Runs a link by timers of a millisecond. Its time, which `outages` count in, begins with the first
 * packet. Throws a TypeError that names a bad option.
 */
export function runLink(options: SimulatedLinkOptions): RunningLink {
  const link = createSimulatedLink<(data: Uint8Array) => void>(options);
  let startMs: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  const now = () => {
    startMs ??= performance.now();
    return performance.now() - startMs;
  };
  const arm = () => {
    clearTimeout(timer);
    const at = link.nextAt();
    if (at !== undefined && !stopped) timer = setTimeout(arrive, Math.max(0, at - now()));
  };
  const arrive = () => {
    for (const { data, to } of link.poll(now())) to?.(data);
    arm();
  };
  return {
    stats: link.stats,
    send(data, to) {
      link.send(data, now(), to);
      arm();
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
