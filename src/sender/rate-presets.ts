import { checkOption } from '../protocol/check-options.js';
import type { WireProfile } from './rate-model.js';

/** Which of its aims a sender puts first. */
export type RatePreset = 'lowest' | 'balanced' | 'lowest-latency';

export const RATE_PRESETS: readonly RatePreset[] = ['lowest', 'balanced', 'lowest-latency'];

/** What a preset stands for. */
export interface RateAims {
  /** Bits a second on the wire, forward, every header counted. */
  readonly maxBitrateBps: number;
  /** The same while messages get lost: what the preset gives for copies. */
  readonly lossyBitrateBps: number;
  /** What bundling may add, in milliseconds. */
  readonly maxLatencyMs: number;
  /** Pixels of lip error that a millisecond of latency beyond that is worth. */
  readonly pixelsPerMs: number;
  /** Pixels of lip error that a kilobit per second is worth. */
  readonly pixelsPerKbps: number;
}

/** One copy of four frames a message, lively ones, and what makes each message stand alone (`bench/recovery.ts`). */
const LOWEST_PROTECTION_BPS = 7_000;

type Limits = 'maxBitrateBps' | 'lossyBitrateBps';

const AIMS: Readonly<
  Record<RatePreset, Omit<RateAims, Limits> & { readonly maxBitrateBps?: number }>
> = {
  lowest: { maxLatencyMs: 120, pixelsPerMs: 0.0005, pixelsPerKbps: 0.01 },
  balanced: { maxBitrateBps: 20_000, maxLatencyMs: 120, pixelsPerMs: 0.002, pixelsPerKbps: 0.002 },
  'lowest-latency': {
    maxBitrateBps: 40_000,
    maxLatencyMs: 0,
    pixelsPerMs: 0.004,
    pixelsPerKbps: 0.001,
  },
};

/** Bits a second: below, not even the headers of three messages fit; above, there is nothing to spend it on. */
const MIN_BITRATE_BPS = 3_000;
export const MAX_BITRATE_BPS = 10_000_000;
/** Four frames of the slowest stream that is any use. */
const MAX_LATENCY_MS = 1_000;

/** What an application says of the rate; what it leaves out is the preset's. */
export interface RateOptions {
  /** 'balanced' by default. */
  readonly preset?: RatePreset;
  /**
   * Bits a second on the wire, forward, 3 000–10 000 000: motion and pictures with all their headers. Without it
   * `lowest` takes up to 7 kbps more while messages get lost.
   */
  readonly maxBitrateBps?: number;
  /** Milliseconds that bundling may add, 0–1000: so long frames wait, to save headers. Given up where the bitrate leaves no other way. */
  readonly maxLatencyMs?: number;
}

/** The aims that `options` stand for on this wire. Throws a TypeError that names a bad option. */
export function rateAims(options: RateOptions, wire: WireProfile): RateAims {
  const { preset = 'balanced' } = options;
  const names = RATE_PRESETS.map((name) => `'${name}'`).join(', ');
  checkOption(RATE_PRESETS.includes(preset), 'preset', `one of ${names}`, preset);
  const aims = AIMS[preset];
  const { maxLatencyMs = aims.maxLatencyMs } = options;
  const firm = options.maxBitrateBps ?? aims.maxBitrateBps;
  const maxBitrateBps = firm ?? wire.lowestBps;
  const lossyBitrateBps = firm ?? wire.lowestBps + LOWEST_PROTECTION_BPS;
  const isBitrate = maxBitrateBps >= MIN_BITRATE_BPS && maxBitrateBps <= MAX_BITRATE_BPS;
  const bitrates = `a number ${MIN_BITRATE_BPS}–${MAX_BITRATE_BPS}`;
  checkOption(isBitrate, 'maxBitrateBps', bitrates, maxBitrateBps);
  const isLatency = maxLatencyMs >= 0 && maxLatencyMs <= MAX_LATENCY_MS;
  checkOption(isLatency, 'maxLatencyMs', `a number 0–${MAX_LATENCY_MS}`, maxLatencyMs);
  return { ...aims, maxBitrateBps, lossyBitrateBps, maxLatencyMs };
}
