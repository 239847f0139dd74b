import type { WireLog, WireSample } from './logs.js';

type Counter = 'sent' | 'received' | 'payloadSent' | 'payloadReceived';

/** Bits a millisecond are kilobits a second. */
export const kbps = (bytes: number, ms: number): number => (bytes * 8) / ms;

/** A counter at a moment, interpolated between its samples; it stands still outside of them. */
export function counterAt(series: readonly WireSample[], counter: Counter, ms: number): number {
  const after = series.findIndex((sample) => sample.ms >= ms);
  if (after === -1) return series.at(-1)?.[counter] ?? 0;
  if (after === 0) return series[0][counter];
  const [a, b] = [series[after - 1], series[after]];
  return a[counter] + ((b[counter] - a[counter]) * (ms - a.ms)) / (b.ms - a.ms);
}

/** Mean rate of a counter between two moments; null where there is no time between them. */
export function rateBetween(
  wire: WireLog | undefined,
  counter: Counter,
  fromMs: number | null | undefined,
  toMs: number | null | undefined,
): number | null {
  if (wire === undefined || wire.series.length < 2 || fromMs == null || toMs == null) return null;
  if (toMs <= fromMs) return null;
  const bytes = counterAt(wire.series, counter, toMs) - counterAt(wire.series, counter, fromMs);
  return kbps(bytes, toMs - fromMs);
}
