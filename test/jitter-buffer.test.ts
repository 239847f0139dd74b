import { describe, expect, it } from 'vitest';
import type { MotionState } from '../src/protocol/motion-codec.js';
import { conceal } from '../src/receiver/concealment.js';
import { type DueFrame, JitterBuffer } from '../src/receiver/jitter-buffer.js';

const state = (value: number, change: Partial<MotionState> = {}): MotionState => ({
  values: new Int16Array(20).fill(value),
  quantiser: 4,
  activity: 0,
  facePresent: true,
  ...change,
});
const frame = (sequence: number, receivedMs: number, captureMs = sequence * 40) => ({
  sequence,
  captureMs,
  receivedMs,
  stride: 1,
  first: true,
  state: state(sequence),
});

/** All that is due up to a time, each at the moment it asks for. */
function drain(buffer: JitterBuffer, untilMs: number): (DueFrame & { atMs: number })[] {
  const frames = [];
  for (let calls = 0; calls < 2000; calls++) {
    const at = buffer.nextAt();
    if (at === undefined || at > untilMs) return frames;
    const due = buffer.poll(at);
    if (due) frames.push({ ...due, atMs: at });
  }
  throw new Error('never falls silent');
}

describe('jitter buffer', () => {
  it('holds 256 frames at most and goes on when nobody looked for long', () => {
    const buffer = new JitterBuffer('realtime', 40);
    for (let index = 0; index < 1000; index++) buffer.insert(frame(index, index * 40 + 20));
    const due = drain(buffer, 1000 * 40 + 30);
    expect(due.filter(({ origin }) => origin === 'decoded').map((d) => d.sequence)).toEqual(
      Array.from({ length: 256 }, (_, index) => 744 + index),
    );
    // What was dropped before anything was shown is no motion to go on from.
    expect(due[0]).toMatchObject({ sequence: 0, origin: 'held', values: undefined });
  });

  it('adds a second at most, whatever the capture times say', () => {
    const buffer = new JitterBuffer('realtime', 40);
    buffer.insert(frame(0, 20));
    buffer.insert(frame(1, 60));
    buffer.insert(frame(2, 100, 80 - 32_000));
    expect(buffer.delayMs).toBe(1000);
    buffer.insert(frame(3, 140, 120 + 32_000));
    expect(buffer.delayMs).toBe(1000);
  });

  it('comes down by a fifth of the time at first, and slower, when late frames have left the window', () => {
    const buffer = new JitterBuffer('realtime', 40);
    const delay = (from: number, to: number, lateMs = 0) => {
      for (let index = from; index < to; index++) {
        buffer.insert(frame(index, index * 40 + 20 + lateMs));
        drain(buffer, index * 40 + 20 + lateMs);
      }
      return buffer.delayMs;
    };

    delay(0, 600);
    // Of 250 frames seven may come too late: these are one more.
    delay(600, 608, 400);
    expect(delay(608, 840)).toBe(410);
    // Frame 850 pushes frame 600 out; 25 frames of 8 ms later …
    const later = delay(840, 868);
    expect(later).toBeGreaterThan(190);
    expect(later).toBeLessThan(240);
    const nearly = delay(868, 895);
    expect(nearly).toBeGreaterThan(20);
    expect(nearly).toBeLessThan(100);
    expect(delay(895, 1000)).toBe(10);
  });

  it('forgets the first frames of a call, which come late, within seconds', () => {
    const buffer = new JitterBuffer('realtime', 40);
    for (let index = 0; index < 25; index++) buffer.insert(frame(index, index * 40 + 520));
    for (let index = 25; index < 200; index++) {
      buffer.insert(frame(index, index * 40 + 20));
      drain(buffer, index * 40 + 20);
    }
    expect(buffer.delayMs).toBe(10);
  });

  it('does not wait for one frame in thirty-three', () => {
    const buffer = new JitterBuffer('realtime', 40);
    for (let index = 0; index < 100; index++) {
      const isLate = index >= 40 && index % 40 === 0;
      buffer.insert(frame(index, index * 40 + 20 + (isLate ? 300 : 0)));
      drain(buffer, index * 40 + 30);
    }
    expect(buffer.delayMs).toBeLessThan(15);
  });

  it('jumps over a hole of more than 250 frames', () => {
    const buffer = new JitterBuffer('realtime', 40);
    buffer.insert(frame(0, 20));
    drain(buffer, 30);
    buffer.insert(frame(400, 400 * 40 + 20));
    const due = drain(buffer, 400 * 40 + 100);
    expect(due.length).toBeLessThan(60);
    expect(due.some(({ sequence, origin }) => sequence === 400 && origin === 'decoded')).toBe(true);
  });

  it('spaces a hole by the capture times around it', () => {
    const buffer = new JitterBuffer('realtime', 40);
    buffer.insert(frame(0, 20));
    buffer.insert(frame(4, 420, 400));
    const due = drain(buffer, 1000).slice(0, 5);
    expect(due.map(({ captureMs }) => captureMs)).toEqual([0, 100, 200, 300, 400]);
    expect(due.map(({ values }) => values?.[0])).toEqual([0, 1, 2, 3, 4]);
    expect(due.map(({ origin }) => origin)).toEqual([
      'decoded',
      ...new Array(3).fill('interpolated'),
      'decoded',
    ]);
  });

  it('does not go towards a face that is not there', () => {
    const buffer = new JitterBuffer('realtime', 40);
    buffer.insert({ ...frame(0, 20), state: state(100) });
    // An independent frame without a face: its values are zeros and mean nothing.
    buffer.insert({ ...frame(3, 140), state: state(0, { facePresent: false }) });
    const due = drain(buffer, 1000).slice(0, 4);
    expect(due.map(({ origin, values }) => [origin, values?.[0]])).toEqual([
      ['decoded', 100],
      ['extrapolated', 100],
      ['extrapolated', 100],
      ['decoded', undefined],
    ]);
  });

  it('finishes at the announced end, with or without frames', () => {
    const empty = new JitterBuffer('realtime', 40);
    empty.end(5, 1000);
    expect([empty.finished, drain(empty, 2000), empty.finished]).toEqual([false, [], true]);
    const buffer = new JitterBuffer('immediate', 40);
    buffer.insert(frame(0, 20));
    buffer.end(4, 100);
    expect(drain(buffer, 2000).map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3]);
    expect(buffer.finished).toBe(true);
    expect(buffer.nextAt()).toBeUndefined();
  });
});

describe('concealment', () => {
  const known = (sequence: number, value: number, change: Partial<MotionState> = {}) => ({
    sequence,
    state: state(value, change),
  });
  const last = known(10, 100);

  it('interpolates between known frames of the same quantiser', () => {
    const around = { last: known(0, 10), previous: undefined };
    const { origin, values } = conceal(
      1,
      { ...around, after: known(4, 20) },
      { pose: 6, surround: 20 },
    );
    expect([origin, values?.[0]]).toEqual(['interpolated', 13]);
    const other = known(4, 20, { quantiser: 5 });
    expect(conceal(1, { ...around, after: other }, { pose: 6, surround: 20 }).origin).toBe(
      'extrapolated',
    );
  });

  it('goes on smoothly as the frames around it move', () => {
    const at = (previous: number, next: number) =>
      [11, 12, 13].map((sequence) => {
        const around = { last, after: known(14, 140) };
        const more = { previous: known(9, previous), next: known(15, next) };
        return conceal(sequence, { ...around, ...more }, { pose: 6, surround: 20 }).values?.[0];
      });
    // The same velocity all along, then standing still on both sides: slower at both ends.
    expect(at(90, 150)).toEqual([110, 120, 130]);
    expect(at(100, 140)).toEqual([108, 120, 132]);
  });

  it('takes the velocity of frames that lie apart, of frames too far apart none', () => {
    const next = (previous: number, value: number) =>
      conceal(11, { last, previous: known(previous, value) }, { pose: 6, surround: 20 })
        .values?.[0];
    expect(next(8, 80)).toBe(106);
    expect(next(5, 50)).toBe(100);
  });

  it('extrapolates with damped velocity, lets the expression rest, then holds', () => {
    const at = (position: number) =>
      conceal(10 + position, { last, previous: known(9, 90) }, { pose: 6, surround: 18 });
    // Velocity 10: 6, then 3.6, 2.16 and 1.3 more, then none; 20 values, of which 6 are pose.
    expect([1, 2, 3, 4, 5].map((p) => at(p).values?.[0])).toEqual([106, 110, 112, 113, 113]);
    // The expression's: 3, 0.9, 0.27 and 0.08 more, then to rest.
    expect([1, 2, 3, 4, 5, 6, 25].map((p) => at(p).values?.[6])).toEqual([
      103, 104, 104, 104, 94, 84, 11,
    ]);
    // The last two are the surround's: it stays.
    expect([4, 5, 25].map((p) => at(p).values?.[18])).toEqual([104, 104, 104]);
    expect(at(26)).toEqual({ origin: 'held', values: undefined });
    expect(conceal(11, { last, previous: undefined }, { pose: 6, surround: 20 }).values?.[0]).toBe(
      100,
    );
  });
});
