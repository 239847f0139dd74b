import type { SimulatedLinkOptions } from '../../src/transport/simulated-link.js';

/** What the network does to the motion channel, and what is asked of the call then. */
export interface Scenario {
  readonly name: string;
  readonly forward: Partial<SimulatedLinkOptions>;
  readonly backward: Partial<SimulatedLinkOptions>;
  /** Outages of both directions, from the first frame on. */
  readonly outages?: readonly (readonly [fromMs: number, toMs: number])[];
}

/** A state that loses everything, for `burst` packets in the mean, so that `loss` of all are lost. */
export function gilbertElliott(loss: number, burst: number) {
  const leaveBad = 1 / burst;
  return { enterBad: (leaveBad * loss) / (1 - loss), leaveBad, lossGood: 0, lossBad: 1 };
}

const both = (name: string, options: Partial<SimulatedLinkOptions>): Scenario => ({
  name,
  forward: options,
  backward: options,
});

/** Every network of the table, the quiet one first. */
export const SCENARIOS: readonly Scenario[] = [
  both('quiet', {}),
  both('loss 10 %', { loss: 0.1 }),
  both('bursts 5 %, mean 4', { burstLoss: gilbertElliott(0.05, 4) }),
  both('jitter 200 ms', { jitterMs: 200 }),
  both('reordered, twice', { reorder: { probability: 0.1, byMs: 60 }, duplicate: 0.1 }),
  // Ends at each phase of a message of four frames.
  ...[0, 47, 94, 141].map((phase) => ({
    ...both(`outage 2 s, +${phase} ms`, {}),
    outages: [[8000 + phase, 10_000 + phase]] as const,
  })),
];
