import { checkOption } from '../protocol/check-options.js';

/** Packets under way at most: a minute of 25 messages a second, seven times over. */
const MAX_IN_FLIGHT = 10_000;

/** A two-state channel (Gilbert 1960, Elliott 1963); the state moves once per packet. */
export interface GilbertElliott {
  /** Probability per packet to go from the good state to the bad one, 0–1. */
  readonly enterBad: number;
  /** Probability per packet to go back, 0–1: bursts are 1/leaveBad packets long in the mean. */
  readonly leaveBad: number;
  /** Probability to lose a packet in the good state, 0–1. */
  readonly lossGood: number;
  /** Probability to lose a packet in the bad state, 0–1. */
  readonly lossBad: number;
}

/** Options of `createSimulatedLink`; what is not given does not happen. */
export interface SimulatedLinkOptions {
  /** Any integer: the same seed and the same calls give the same deliveries. */
  readonly seed: number;
  /** Probability to lose a packet, each by itself, 0–1. */
  readonly loss?: number;
  readonly burstLoss?: GilbertElliott;
  /** One-way delay in milliseconds. */
  readonly delayMs?: number;
  /** Up to this many milliseconds more, uniform. The order is kept: jitter comes from queues. */
  readonly jitterMs?: number;
  /** Probability that a packet is overtaken, and by how many milliseconds it is later. */
  readonly reorder?: { readonly probability: number; readonly byMs: number };
  /** Probability that a packet arrives twice, 0–1. */
  readonly duplicate?: number;
  /** A bottleneck, and how many bytes may wait before it (tail drop). */
  readonly bandwidth?: { readonly bitsPerSecond: number; readonly queueBytes: number };
  /** Bytes added to every packet at the bottleneck for its headers. */
  readonly headerBytes?: number;
  /** What is sent within [from, to) milliseconds is lost. */
  readonly outages?: readonly (readonly [fromMs: number, toMs: number])[];
}

/** A packet at the far end. */
export interface Delivery<To = undefined> {
  readonly data: Uint8Array;
  readonly sentMs: number;
  readonly atMs: number;
  /** As given to `send`. */
  readonly to?: To | undefined;
}

/** What became of the packets, by the number of packets; those neither lost nor delivered are under way. */
export interface SimulatedLinkStats {
  readonly sent: number;
  readonly delivered: number;
  readonly lost: number;
  readonly lostToOutage: number;
  readonly droppedByQueue: number;
  readonly duplicated: number;
  readonly overtaken: number;
}

/** One direction of a network in virtual time: no timers, no clock. */
export interface SimulatedLink<To = undefined> {
  /** The bytes are copied. Times of successive calls never go back. `to` comes back with the delivery. */
  send(data: Uint8Array, nowMs: number, to?: To): void;
  /** What has arrived by `nowMs`, in the order of arrival. */
  poll(nowMs: number): Delivery<To>[];
  /** When the next packet arrives, or undefined where none is under way. */
  nextAt(): number | undefined;
  readonly stats: SimulatedLinkStats;
}

/**
 * A seeded, lossy link for tests in virtual time; `connectWerift` puts one behind a real socket. Throws
 * a TypeError that names a bad option.
 */
export function createSimulatedLink<To = undefined>(
  options: SimulatedLinkOptions,
): SimulatedLink<To> {
  checkOptions(options);
  const { loss = 0, burstLoss, delayMs = 0, jitterMs = 0, reorder, duplicate = 0 } = options;
  const { bandwidth, headerBytes = 0, outages = [] } = options;
  const random = mulberry32(options.seed);
  const stats = {
    sent: 0,
    delivered: 0,
    lost: 0,
    lostToOutage: 0,
    droppedByQueue: 0,
    duplicated: 0,
    overtaken: 0,
  };
  const inFlight: Delivery<To>[] = [];
  let bad = false;
  let bottleneckFreeMs = 0;
  let lastInOrderMs = 0;

  /** When the last bit has left the bottleneck, or undefined where the queue is full. */
  const serialise = (bytes: number, nowMs: number): number | undefined => {
    if (!bandwidth) return nowMs;
    const bytesPerMs = bandwidth.bitsPerSecond / 8_000;
    const startMs = Math.max(nowMs, bottleneckFreeMs);
    if ((startMs - nowMs) * bytesPerMs + bytes > bandwidth.queueBytes) return undefined;
    bottleneckFreeMs = startMs + bytes / bytesPerMs;
    return bottleneckFreeMs;
  };

  const deliver = (delivery: Delivery<To>) => {
    let i = inFlight.length;
    while (i > 0 && inFlight[i - 1].atMs > delivery.atMs) i -= 1;
    inFlight.splice(i, 0, delivery);
  };

  return {
    stats,
    send(data, nowMs, to) {
      stats.sent += 1;
      // Always the same number of draws, so that one impairment does not shift another.
      const draws = Array.from({ length: 6 }, random);
      if (burstLoss) bad = draws[0] < (bad ? 1 - burstLoss.leaveBad : burstLoss.enterBad);
      const leftMs = serialise(data.length + headerBytes, nowMs);
      if (leftMs === undefined || inFlight.length >= MAX_IN_FLIGHT) {
        stats.droppedByQueue += 1;
        return;
      }
      if (outages.some(([fromMs, toMs]) => nowMs >= fromMs && nowMs < toMs)) {
        stats.lostToOutage += 1;
        return;
      }
      const burst = burstLoss ? (bad ? burstLoss.lossBad : burstLoss.lossGood) : 0;
      if (draws[1] < loss || draws[2] < burst) {
        stats.lost += 1;
        return;
      }
      const inOrderMs = Math.max(leftMs + delayMs + draws[3] * jitterMs, lastInOrderMs);
      const overtaken = reorder !== undefined && draws[4] < reorder.probability;
      const atMs = overtaken ? inOrderMs + reorder.byMs : inOrderMs;
      if (overtaken) stats.overtaken += 1;
      else lastInOrderMs = inOrderMs;
      // slice() of a Node Buffer would not copy.
      deliver({ data: new Uint8Array(data), sentMs: nowMs, atMs, to });
      if (draws[5] < duplicate) {
        stats.duplicated += 1;
        deliver({ data: new Uint8Array(data), sentMs: nowMs, atMs, to });
      }
    },
    poll(nowMs) {
      let due = 0;
      while (due < inFlight.length && inFlight[due].atMs <= nowMs) due += 1;
      stats.delivered += due;
      return inFlight.splice(0, due);
    },
    nextAt: () => inFlight[0]?.atMs,
  };
}

/** Tommy Ettinger's Mulberry32: 32 bits of state, passes gjrand's tests; numbers in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function checkOptions(options: SimulatedLinkOptions): void {
  const { seed, burstLoss, reorder, bandwidth, outages = [] } = options;
  checkOption(Number.isInteger(seed), 'seed', 'a whole number', seed);
  checkProbability('loss', options.loss);
  checkProbability('duplicate', options.duplicate);
  checkProbability('reorder.probability', reorder?.probability);
  for (const key of ['enterBad', 'leaveBad', 'lossGood', 'lossBad'] as const) {
    checkProbability(`burstLoss.${key}`, burstLoss?.[key]);
  }
  checkAtLeastZero('delayMs', options.delayMs);
  checkAtLeastZero('jitterMs', options.jitterMs);
  checkAtLeastZero('headerBytes', options.headerBytes);
  checkAtLeastZero('reorder.byMs', reorder?.byMs);
  checkAtLeastZero('bandwidth.queueBytes', bandwidth?.queueBytes);
  const { bitsPerSecond = 1 } = bandwidth ?? {};
  checkOption(bitsPerSecond > 0, 'bandwidth.bitsPerSecond', 'above 0', bitsPerSecond);
  for (const [i, [fromMs, toMs]] of outages.entries()) {
    checkOption(fromMs <= toMs, `outages[${i}]`, '[from, to] with from <= to');
  }
}

function checkProbability(path: string, value = 0): void {
  checkOption(value >= 0 && value <= 1, path, 'a number 0–1', value);
}

function checkAtLeastZero(path: string, value = 0): void {
  checkOption(value >= 0 && value < Infinity, path, '0 or more', value);
}
