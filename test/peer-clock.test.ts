import { describe, expect, it } from 'vitest';
import { answerPing, createPeerClock } from '../src/protocol/clock.js';
import { MAX_PINGS_IN_FLIGHT } from '../src/protocol/limits.js';

/** A ping at `sent` to a peer whose clock is `offset` ahead, by ways of `there` and `back` ms. */
function exchange(
  clock: ReturnType<typeof createPeerClock>,
  sent: number,
  there: number,
  back: number,
) {
  const offset = 5000;
  const ping = clock.ping(sent);
  const arrival = sent + there + offset;
  return clock.receive(answerPing(ping, arrival, arrival + 3), sent + there + 3 + back);
}

describe('peer clock', () => {
  it('takes the middle of the exchange with the shortest round trip', () => {
    const clock = createPeerClock();
    expect(clock.estimate).toBeUndefined();
    expect(exchange(clock, 0, 100, 20)).toBeUndefined();
    expect(clock.estimate).toEqual({ offset: 5040, roundTrip: 120 });
    exchange(clock, 1000, 10, 10);
    exchange(clock, 2000, 300, 10);
    expect(clock.estimate).toEqual({ offset: 5000, roundTrip: 20 });
  });

  it('forgets old samples, so that a drifting clock is followed', () => {
    const clock = createPeerClock();
    exchange(clock, 0, 1, 1);
    for (let index = 1; index <= 8; index++) exchange(clock, index * 1000, 20, 20);
    expect(clock.estimate?.roundTrip).toBe(40);
  });

  it('drops answers to no question, twice the same, and of no possible time', () => {
    const clock = createPeerClock();
    const pong = answerPing(clock.ping(100), 0, 1);
    expect(clock.receive({ ...pong, sent: 99 }, 120)).toBe('unexpected');
    expect(clock.receive(pong, 120)).toBeUndefined();
    expect(clock.receive(pong, 120)).toBe('unexpected');
    expect(clock.receive(answerPing(clock.ping(200), 10, 5), 220)).toBe('malformed');
    expect(clock.receive(answerPing(clock.ping(300), 0, 500), 320)).toBe('malformed');
    expect(clock.estimate).toEqual({ offset: -109.5, roundTrip: 19 });
  });

  it('remembers a bounded number of pings', () => {
    const clock = createPeerClock();
    const first = clock.ping(0);
    for (let index = 1; index <= MAX_PINGS_IN_FLIGHT; index++) clock.ping(index);
    expect(clock.receive(answerPing(first, 0, 0), 5)).toBe('unexpected');
  });
});
