import type { SimulatedLinkOptions } from '../../src/transport/simulated-link.js';

/** A network, the same in both directions. Times are milliseconds, probabilities 0–1. */
export interface Scenario {
  readonly name: string;
  /** One-way delay. */
  readonly delayMs?: number;
  /** Up to so much more, uniform; packets keep their order. */
  readonly jitterMs?: number;
  /** Each packet by itself. */
  readonly loss?: number;
  /** Gilbert–Elliott: share of the packets lost, in bursts of so many in the mean. */
  readonly bursts?: { readonly loss: number; readonly mean: number };
  /** So many are so much later than the others. Not with a delay: netem sends those at once. */
  readonly reorder?: { readonly probability: number; readonly byMs: number };
  readonly duplicate?: number;
  /** A bottleneck. */
  readonly rate?: { readonly kbps: number; readonly queueBytes: number };
  /** Nothing passes for so long, so long after the first frame. */
  readonly outage?: { readonly afterMs: number; readonly forMs: number };
}

/** Those of issue 5, and one impairment at a time. */
export const SCENARIOS: readonly Scenario[] = [
  { name: 'clean' },
  { name: 'delay 50 ms', delayMs: 50 },
  { name: 'loss 10 %', delayMs: 20, loss: 0.1 },
  { name: 'bursts 5 % of 4', delayMs: 20, bursts: { loss: 0.05, mean: 4 } },
  { name: 'jitter 200 ms', delayMs: 20, jitterMs: 200 },
  { name: 'reorder 10 %', reorder: { probability: 0.1, byMs: 60 } },
  { name: 'duplicate 10 %', delayMs: 20, duplicate: 0.1 },
  { name: '100 kbps', delayMs: 20, rate: { kbps: 100, queueBytes: 12_500 } },
  { name: '20 kbps', delayMs: 20, rate: { kbps: 20, queueBytes: 5_000 } },
  { name: 'outage 2 s', delayMs: 20, outage: { afterMs: 2_500, forMs: 2_000 } },
];

/** Gilbert–Elliott's transitions for a share of loss and a mean burst, every packet of a burst lost. */
function transitions({ loss, mean }: { loss: number; mean: number }) {
  const leaveBad = 1 / mean;
  return { enterBad: (leaveBad * loss) / (1 - loss), leaveBad };
}

const percent = (share: number) => `${Number((share * 100).toFixed(4))}%`;

/** Arguments of `tc qdisc … netem`; empty where it has nothing to do. The rate is tbf's. */
export function netemArguments(scenario: Scenario): string[] {
  const { delayMs = 0, jitterMs = 0, loss, bursts, reorder, duplicate } = scenario;
  const args: string[] = [];
  if (jitterMs > 0) {
    // netem's jitter goes both ways from its delay, and keeps the order only with a rate.
    const half = jitterMs / 2;
    args.push('delay', `${delayMs + half}ms`, `${half}ms`, 'rate', '1gbit');
  } else if (reorder) {
    // Of netem's, the share is not delayed at all.
    args.push('delay', `${reorder.byMs}ms`, 'reorder', percent(1 - reorder.probability));
  } else if (delayMs > 0) {
    args.push('delay', `${delayMs}ms`);
  }
  if (loss) args.push('loss', 'random', percent(loss));
  if (bursts) {
    const { enterBad, leaveBad } = transitions(bursts);
    args.push('loss', 'gemodel', percent(enterBad), percent(leaveBad), '100%', '0%');
  }
  if (duplicate) args.push('duplicate', percent(duplicate));
  return args;
}

/** Arguments of `tc qdisc … tbf`; empty without a rate. */
export function tbfArguments({ rate }: Scenario): string[] {
  if (!rate) return [];
  return ['rate', `${rate.kbps}kbit`, 'burst', '1600', 'limit', `${rate.queueBytes}`];
}

/** What netem would do, as a simulated link of a process; undefined where that is nothing. */
export function linkOptions(scenario: Scenario, seed: number): SimulatedLinkOptions | undefined {
  if (netemArguments(scenario).length === 0) return undefined;
  const { delayMs, jitterMs, loss, bursts, reorder, duplicate } = scenario;
  return {
    seed,
    ...(delayMs && { delayMs }),
    ...(jitterMs && { jitterMs }),
    ...(loss && { loss }),
    ...(bursts && { burstLoss: { ...transitions(bursts), lossGood: 0, lossBad: 1 } }),
    ...(reorder && { reorder }),
    ...(duplicate && { duplicate }),
  };
}
