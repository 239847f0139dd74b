import { expect, test } from 'vitest';
import { createLiveness, LIVENESS_POLL_MS } from '../src/transport/liveness.js';

/** Polls without a word from the peer until it counts as vanished. */
function silenceUntilVanished(liveness: ReturnType<typeof createLiveness>, fromMs: number) {
  const seen: string[] = [];
  let nowMs = fromMs;
  do {
    nowMs += LIVENESS_POLL_MS;
    seen.push(liveness.poll(nowMs));
  } while (seen.at(-1) !== 'vanished');
  return { silenceMs: nowMs - fromMs, seen };
}

test('a silent peer is probed, then given up after 5 s', () => {
  const { silenceMs, seen } = silenceUntilVanished(createLiveness(0), 0);
  expect(silenceMs).toBe(5_000);
  expect(seen.indexOf('probe')).toBe(3);
});

test('a peer that is heard lives, whatever signalling says', () => {
  const liveness = createLiveness(0);
  liveness.peerLeft();
  for (let nowMs = 0; nowMs < 60_000; nowMs += LIVENESS_POLL_MS) {
    liveness.heard();
    expect(liveness.poll(nowMs)).toBe('probe');
  }
});

test('a peer that has left by signalling is given up after 1 s', () => {
  const liveness = createLiveness(0);
  liveness.peerLeft();
  expect(silenceUntilVanished(liveness, 0).silenceMs).toBe(1_000);
});

test('a stall of its own is not the silence of the peer', () => {
  const liveness = createLiveness(0);
  expect(liveness.poll(60_000)).toBe('alive');
  expect(silenceUntilVanished(liveness, 60_000).silenceMs).toBeGreaterThan(4_000);
});
