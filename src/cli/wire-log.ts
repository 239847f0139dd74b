import { callClock } from '../call.js';
import type { SimulatedLinkOptions } from '../transport/simulated-link.js';
import type { WeriftCall } from '../transport/werift.js';
import type { WireCounters } from '../transport/wire-accounting.js';
import type { PayloadCounters } from './counted-channels.js';
import type { LinkLog, WireLog, WireSample } from './report/logs.js';

/** What the receiver and the sender write down of their connection. */
export interface WireRecorder {
  /** Adds a sample now. */
  sample(): void;
  /** Stops, with a last sample. */
  finish(): WireLog;
}

const SAMPLE_INTERVAL_MS = 1000;

/** Samples the counters of a connection every second until `finish`. */
export function recordWire(wire: WireCounters, payload: Readonly<PayloadCounters>): WireRecorder {
  const series: WireSample[] = [];
  const sample = () => {
    series.push({
      ms: callClock(),
      sent: wire.sentBytes,
      received: wire.receivedBytes,
      payloadSent: payload.sent,
      payloadReceived: payload.received,
    });
  };
  sample();
  const timer = setInterval(sample, SAMPLE_INTERVAL_MS);
  return {
    sample,
    finish() {
      clearInterval(timer);
      sample();
      return { sentBytes: wire.sentBytes, receivedBytes: wire.receivedBytes, series };
    },
  };
}

/** What the simulated network of a side did, if it has one. */
export function linkLog(
  options: SimulatedLinkOptions | undefined,
  { outgoingLink }: WeriftCall,
): LinkLog | null {
  return options && outgoingLink ? { options, ...outgoingLink } : null;
}
