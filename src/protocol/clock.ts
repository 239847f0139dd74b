import type { PingMessage, PongMessage } from './control-messages.js';
import type { DropCode } from './errors.js';
import { CLOCK_FILTER_SAMPLES, MAX_PINGS_IN_FLIGHT } from './limits.js';

/** How the peer's clock stands to ours. */
export interface ClockEstimate {
  /** Peer's clock minus ours, in milliseconds; wrong by at most half the round trip. */
  readonly offset: number;
  /** There and back without the peer's own time, in milliseconds. */
  readonly roundTrip: number;
}

/** Estimates the peer's clock from pings and their answers, as RFC 5905 §8 and §10 do. */
export interface PeerClock {
  /** Of the last few answers the one with the shortest round trip; undefined before the first. */
  readonly estimate: ClockEstimate | undefined;
  /** A ping that leaves now. An older one is forgotten where too many have no answer. */
  ping(now: number): PingMessage;
  /** Takes an answer that arrived at `now`. Gives the reason where it was dropped. */
  receive(pong: PongMessage, now: number): DropCode | undefined;
}

/** Clocks may be as coarse as whole milliseconds: so far below zero a round trip may seem. */
const CLOCK_RESOLUTION_MS = 2;

/** The answer to a ping that arrived at `received`, leaving at `now`. */
export function answerPing(ping: PingMessage, received: number, now: number): PongMessage {
  return { type: 'pong', sent: ping.sent, received, replied: now };
}

export function createPeerClock(): PeerClock {
  const inFlight: number[] = [];
  const samples: ClockEstimate[] = [];
  return {
    get estimate() {
      return samples.reduce<ClockEstimate | undefined>(
        (best, sample) => (best && best.roundTrip <= sample.roundTrip ? best : sample),
        undefined,
      );
    },
    ping(now) {
      if (inFlight.length === MAX_PINGS_IN_FLIGHT) inFlight.shift();
      inFlight.push(now);
      return { type: 'ping', sent: now };
    },
    receive({ sent, received, replied }, now) {
      const position = inFlight.indexOf(sent);
      if (position < 0) return 'unexpected';
      inFlight.splice(position, 1);
      const roundTrip = now - sent - (replied - received);
      if (roundTrip < -CLOCK_RESOLUTION_MS || replied < received) return 'malformed';
      if (samples.length === CLOCK_FILTER_SAMPLES) samples.shift();
      samples.push({
        offset: (received - sent + replied - now) / 2,
        roundTrip: Math.max(0, roundTrip),
      });
      return undefined;
    },
  };
}
