/** Width of a bin of the time series in milliseconds: ten points a second make a smooth plot. */
const WIRE_BIN_MS = 100;
/** An hour of bins; older ones are overwritten. */
const MAX_BINS = 36_000;
/** IP (20 or 40 bytes) and UDP (8 bytes) headers of a datagram: RFC 791, 8200, 768. */
const HEADER_BYTES = { 4: 28, 6: 48 } as const;

/** Bytes per bin over time, oldest first. */
export interface WireSeries {
  /** When the first bin starts, in the clock of the account's `now`. */
  readonly startMs: number;
  readonly binMs: number;
  readonly sentBytes: Uint32Array;
  readonly receivedBytes: Uint32Array;
}

/** What passed a connection's UDP sockets, IP and UDP headers included. */
export interface WireCounters {
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly sentPackets: number;
  readonly receivedPackets: number;
  /** Bytes in bins of 100 ms from the account's start to the last datagram, an hour at most. */
  series(): WireSeries;
}

/** Counters to be told of each datagram. */
export interface WireAccount extends WireCounters {
  /** `payloadBytes`: the datagram without its IP and UDP headers. */
  countSent(payloadBytes: number, ipVersion: 4 | 6): void;
  countReceived(payloadBytes: number, ipVersion: 4 | 6): void;
}

/** `now` gives milliseconds that never go back. */
export function createWireAccount(now: () => number): WireAccount {
  const originMs = now();
  const sent = createRing();
  const received = createRing();
  let lastBin = 0;

  const advance = (): number => {
    const bin = Math.floor((now() - originMs) / WIRE_BIN_MS);
    for (let i = Math.max(lastBin + 1, bin - MAX_BINS + 1); i <= bin; i++) {
      sent.bins[i % MAX_BINS] = 0;
      received.bins[i % MAX_BINS] = 0;
    }
    lastBin = Math.max(lastBin, bin);
    return lastBin % MAX_BINS;
  };

  return {
    get sentBytes() {
      return sent.bytes;
    },
    get receivedBytes() {
      return received.bytes;
    },
    get sentPackets() {
      return sent.packets;
    },
    get receivedPackets() {
      return received.packets;
    },
    countSent: (payloadBytes, ipVersion) => add(sent, advance(), payloadBytes, ipVersion),
    countReceived: (payloadBytes, ipVersion) => add(received, advance(), payloadBytes, ipVersion),
    series() {
      const firstBin = Math.max(0, lastBin - MAX_BINS + 1);
      const copy = ({ bins }: Ring) =>
        Uint32Array.from(
          { length: lastBin - firstBin + 1 },
          (_, i) => bins[(firstBin + i) % MAX_BINS],
        );
      return {
        startMs: originMs + firstBin * WIRE_BIN_MS,
        binMs: WIRE_BIN_MS,
        sentBytes: copy(sent),
        receivedBytes: copy(received),
      };
    },
  };
}

interface Ring {
  bytes: number;
  packets: number;
  readonly bins: Uint32Array;
}

function createRing(): Ring {
  return { bytes: 0, packets: 0, bins: new Uint32Array(MAX_BINS) };
}

function add(ring: Ring, slot: number, payloadBytes: number, ipVersion: 4 | 6): void {
  const bytes = payloadBytes + HEADER_BYTES[ipVersion];
  ring.bytes += bytes;
  ring.packets += 1;
  ring.bins[slot] += bytes;
}
