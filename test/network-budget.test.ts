import { expect, test } from 'vitest';
import { createNetworkBudget, type NetworkTurn } from '../src/models/families/network-budget.js';

/** Frames of a call, `gapMs` apart at least, whose network takes `costMs(run)`: the turn of each. */
function call(
  share: number | undefined,
  gapMs: number,
  frames: number,
  costMs: (run: number) => number,
): NetworkTurn[] {
  let now = 1_000;
  const budget = createNetworkBudget(share, () => now);
  const began = now;
  let runs = 0;
  return Array.from({ length: frames }, () => {
    // A camera's next frame; those that came meanwhile are gone.
    now = began + Math.ceil((now - began + 1) / gapMs) * gapMs;
    const turn = budget.turn();
    if (turn === 'rest') return turn;
    const startedAt = now;
    now += costMs(runs++);
    budget.ran(startedAt);
    return turn;
  });
}

test('without a budget every frame has its run', () => {
  expect(new Set(call(undefined, 40, 50, () => 300))).toEqual(new Set(['run']));
});

test('a network that keeps up is run for every frame, however long its first run took', () => {
  const turns = call(0.7, 40, 200, (run) => (run === 0 ? 2_000 : 20));
  // No frame waits for the first two.
  expect(turns.slice(0, 2)).toEqual(['time', 'time']);
  expect(new Set(turns.slice(2))).toEqual(new Set(['run']));
});

test('one that does not rests, and is timed every three seconds', () => {
  const turns = call(0.7, 40, 1_000, (run) => (run === 0 ? 2_000 : 90));
  expect(turns.slice(20)).not.toContain('run');
  const timed = turns.slice(20).filter((turn) => turn === 'time').length;
  expect(timed).toBeGreaterThanOrEqual(12);
  expect(timed).toBeLessThanOrEqual(14);
});

test('on a machine that has become free it is run again, and does not come and go', () => {
  const turns = call(0.7, 40, 1_000, (run) => (run < 10 ? 90 : 10));
  expect(turns.slice(20, 80)).toContain('rest');
  expect(new Set(turns.slice(-200))).toEqual(new Set(['run']));
  // Within its share, but not by enough to begin again.
  const near = call(0.7, 40, 1_000, (run) => (run < 10 ? 90 : 25));
  expect(near.slice(20)).not.toContain('run');
});
