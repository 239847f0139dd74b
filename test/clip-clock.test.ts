import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClipClock } from '../src/cli/clip-clock.js';

/** Capture times of frames that are taken up so late, 25 a second from 1000 ms on. */
function captured(lateMs: readonly number[]): number[] {
  const clock = new ClipClock(1000, 40);
  return lateMs.map((ms, frame) => clock.captureMs(frame, clock.dueMs(frame) + ms));
}

describe('ClipClock', () => {
  it('gives regular times on a busy machine', () => {
    expect(captured([0.4, 12, 3, 138, 98, 160, 0.1])).toEqual([
      1000, 1040, 1080, 1120, 1160, 1200, 1240,
    ]);
  });

  it('slips with a reader that is more than four frames late, and catches up with it', () => {
    expect(captured([0, 170, 190, 100, 60, 20, 5])).toEqual([
      1000, 1050, 1110, 1150, 1190, 1220, 1245,
    ]);
  });

  it('goes on from a timer that was early', () => {
    expect(captured([0, -0.5, 0.2, 20])).toEqual([1000, 1039.5, 1079.5, 1119.5]);
  });

  it('never goes back, and is at most four frames behind the time', () => {
    const durations = fc.array(fc.double({ min: 0, max: 400, noNaN: true }), { maxLength: 60 });
    fc.assert(
      fc.property(durations, (tookMs) => {
        const clock = new ClipClock(0, 40);
        let [nowMs, before] = [0, 0];
        for (const [frame, ms] of tookMs.entries()) {
          nowMs = Math.max(nowMs + ms, clock.dueMs(frame));
          const at = clock.captureMs(frame, nowMs);
          expect(at).toBeGreaterThanOrEqual(before - 1e-9);
          expect(at).toBeLessThanOrEqual(nowMs + 1e-9);
          expect(at).toBeGreaterThanOrEqual(nowMs - 160 - 1e-9);
          before = at;
        }
      }),
      { seed: 1 },
    );
  });
});
