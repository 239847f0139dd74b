import { describe, expect, it } from 'vitest';
import { type MotionSettings, WERIFT_WIRE } from '../src/sender/rate-model.js';
import { RATE_PRESETS, type RateOptions, rateAims } from '../src/sender/rate-presets.js';
import { type RateSecond, rateCall } from './support/rate-call.js';

const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const settingsOf = ({ framesPerPacket, stride, quantiser, redundancy }: MotionSettings) =>
  `${framesPerPacket}/${stride}/${quantiser}/${redundancy}`;
/** How often the settings were others than a second before. */
const changes = (seconds: readonly RateSecond[]) =>
  seconds.slice(1).filter((each, i) => settingsOf(each) !== settingsOf(seconds[i])).length;

describe('rate control on a good path', () => {
  it('balanced: four frames a message at 25 a second, nothing left out, the finest quantiser', () => {
    const seconds = rateCall({ seconds: 60 });
    expect(changes(seconds)).toBe(0);
    expect(seconds.at(-1)).toMatchObject({
      framesPerPacket: 4,
      stride: 1,
      quantiser: 4,
      redundancy: 0,
      reason: 'preset',
      limitBps: 20_000,
      bundlingMs: 120,
      loss: 0,
    });
    const { motionBps, pictureBps } = seconds.at(-1)!;
    expect(Math.abs(motionBps - mean(seconds.slice(5).map(({ sentBps }) => sentBps)))).toBeLessThan(
      500,
    );
    expect(pictureBps).toBeCloseTo(20_000 - motionBps);
  });

  it('lowest-latency: one frame a message', () => {
    const seconds = rateCall({ preset: 'lowest-latency', seconds: 20 });
    expect(changes(seconds)).toBe(0);
    expect(seconds.at(-1)).toMatchObject({ framesPerPacket: 1, stride: 1, bundlingMs: 0 });
  });

  it.each([25, 30, 50, 15])('lowest at %i frames a second: within its bits and its time', (fps) => {
    for (const bytes of [6, 10, 14, 20]) {
      const seconds = rateCall({
        preset: 'lowest',
        seconds: 40,
        fps,
        frameBytes: () => (bytes * 25) / fps,
      });
      const settled = seconds.slice(6);
      expect(mean(settled.map(({ sentBps }) => sentBps))).toBeLessThanOrEqual(8800 - 350);
      expect(changes(settled)).toBeLessThanOrEqual(1);
      expect(settled.at(-1)!.bundlingMs).toBeLessThan(124);
    }
  });

  it('goes to coarser values before it leaves frames out, and back when there is less to say', () => {
    const frameBytes = (nowMs: number) => (nowMs > 20_000 && nowMs < 40_000 ? 24 : 10);
    const seconds = rateCall({ preset: 'lowest', seconds: 70, frameBytes });
    expect(seconds[18]).toMatchObject({ stride: 1, quantiser: 4, reason: 'preset' });
    expect(seconds[35].quantiser).toBeGreaterThan(4);
    expect(seconds[35].reason).toBe('bitrate');
    expect(seconds[68]).toMatchObject({ stride: 1, quantiser: 4 });
    expect(mean(seconds.slice(22, 40).map(({ sentBps }) => sentBps))).toBeLessThan(8800);
    expect(changes(seconds)).toBeLessThan(16);
  });

  it('keeps something for pictures that wait, and gives up latency for bits', () => {
    const [pending] = rateCall({ preset: 'lowest', seconds: 10, picturesPending: true }).slice(-1);
    expect(pending.pictureBps).toBeGreaterThan(700);
    const tight = rateCall({ preset: 'lowest-latency', maxBitrateBps: 9_000, seconds: 20 });
    expect(tight.at(-1)!.motionBps).toBeLessThan(9_000);
    expect(tight.at(-1)!.bundlingMs).toBeGreaterThan(40);
    expect(tight.at(-1)!.reason).toBe('bitrate');
  });

  it('counts the frames that there are, not those that were announced', () => {
    const realFps = (nowMs: number) => (nowMs > 10_000 && nowMs < 40_000 ? 12 : 20);
    const seconds = rateCall({ seconds: 60, fps: 20, maxLatencyMs: 65, realFps });
    // Two a message would make the first one wait for 83 ms.
    expect(seconds[9]).toMatchObject({ framesPerPacket: 2, bundlingMs: 50 });
    expect(seconds[39]).toMatchObject({ framesPerPacket: 1, bundlingMs: 0 });
    expect(seconds[59]).toMatchObject({ framesPerPacket: 2, bundlingMs: 50 });
    expect(changes(seconds)).toBe(2);
    for (const from of [4, 34, 54]) {
      const sent = mean(seconds.slice(from, from + 5).map(({ sentBps }) => sentBps));
      expect(Math.abs(sent - seconds[from + 4].motionBps)).toBeLessThan(800);
    }
  });

  it('keeps to the bits where more frames come than were announced', () => {
    const seconds = rateCall({ preset: 'lowest', seconds: 30, fps: 12, realFps: () => 25 });
    const sent = mean(seconds.slice(8).map(({ sentBps }) => sentBps));
    expect(sent).toBeLessThanOrEqual(8800 - 350);
  });

  it('leaves alone what the application fixed', () => {
    const fixed = { framesPerPacket: 2, redundancy: 1 };
    const paths = [{ loss: 0.2 }];
    const seconds = rateCall({ seconds: 30, fixed, paths });
    expect(seconds.every((each) => each.framesPerPacket === 2 && each.redundancy === 1)).toBe(true);
  });
});

describe('rate control where messages get lost', () => {
  it('protects within two seconds, gives it up slowly, and does not swing', () => {
    const paths = [{}, { fromMs: 10_000, loss: 0.1 }, { fromMs: 40_000 }];
    const seconds = rateCall({ seconds: 90, paths });
    expect(seconds[9].redundancy).toBe(0);
    const protectedAt = seconds.findIndex(({ redundancy }) => redundancy > 0);
    expect(protectedAt).toBeGreaterThanOrEqual(10);
    expect(protectedAt).toBeLessThanOrEqual(12);
    expect(seconds.slice(14, 40).every(({ redundancy }) => redundancy > 0)).toBe(true);
    expect(seconds[30].reason).toBe('loss');
    expect(seconds[42].redundancy).toBeGreaterThan(0);
    expect(seconds[88]).toMatchObject({ redundancy: 0, reason: 'preset' });
    expect(changes(seconds.slice(16, 40))).toBeLessThanOrEqual(6);
    expect(Math.max(...seconds.map(({ sentBps }) => sentBps))).toBeLessThan(21_000);
  });

  it('keeps copies between bursts', () => {
    const burstLoss = { enterBad: (0.25 * 0.05) / 0.95, leaveBad: 0.25, lossGood: 0, lossBad: 1 };
    const seconds = rateCall({ seconds: 180, paths: [{ burstLoss }] });
    const first = seconds.findIndex(({ redundancy }) => redundancy > 0);
    const after = seconds.slice(first);
    const kept = after.filter(({ redundancy }) => redundancy > 0).length / after.length;
    expect(first).toBeLessThan(30);
    expect(kept).toBeGreaterThan(0.85);
  });

  it('lowest takes more than its bits while messages get lost, but never more than the application says', () => {
    const paths = [{}, { fromMs: 10_000, loss: 0.1 }, { fromMs: 40_000 }];
    const seconds = rateCall({ preset: 'lowest', seconds: 100, paths });
    expect(seconds[9]).toMatchObject({ redundancy: 0, limitBps: 8_800 });
    expect(seconds[30]).toMatchObject({ redundancy: 1, limitBps: 15_800 });
    expect(mean(seconds.slice(12, 40).map(({ sentBps }) => sentBps))).toBeLessThan(15_800);
    expect(seconds.at(-1)).toMatchObject({ redundancy: 0, limitBps: 8_800 });
    const told = rateCall({ preset: 'lowest', maxBitrateBps: 8_800, seconds: 60, paths });
    expect(mean(told.slice(12, 40).map(({ sentBps }) => sentBps))).toBeLessThan(8_800);
    expect(told.every(({ limitBps }) => limitBps <= 8_800)).toBe(true);
  });

  it('does nothing about a message now and then', () => {
    const seconds = rateCall({ seconds: 120, paths: [{ loss: 0.003 }] });
    expect(seconds.every(({ redundancy }) => redundancy === 0)).toBe(true);
  });
});

describe('rate control on a path that takes less', () => {
  const narrow = (bitsPerSecond: number, fromMs = 0, queueBytes = 8_000) => ({
    fromMs,
    bandwidth: { bitsPerSecond, queueBytes },
  });

  it.each([6_000, 8_000, 12_000])('%i bps: the queue is gone in seconds and stays away', (bps) => {
    const paths = [{}, narrow(bps, 10_000)];
    const seconds = rateCall({ preset: 'lowest-latency', seconds: 100, paths });
    const settled = seconds.slice(25);
    expect(seconds[20].reason).toBe('congestion');
    expect(mean(settled.map(({ delayMs }) => delayMs))).toBeLessThan(350);
    expect(settled.filter(({ delayMs }) => delayMs > 800).length).toBeLessThan(4);
    expect(mean(settled.map(({ sentBps }) => sentBps))).toBeGreaterThan(0.55 * bps);
    expect(settled.every(({ loss }) => loss < 0.05)).toBe(true);
  });

  it('cuts within two seconds of the queue, and comes back when there is room', () => {
    const paths = [{}, narrow(9_000, 10_000), { fromMs: 40_000 }];
    const seconds = rateCall({ preset: 'lowest-latency', seconds: 120, paths });
    const cutAt = seconds.findIndex(({ limitBps }) => limitBps < 40_000);
    expect(cutAt).toBeGreaterThanOrEqual(10);
    expect(cutAt).toBeLessThanOrEqual(12);
    expect(seconds.at(-1)).toMatchObject({ framesPerPacket: 1, reason: 'preset' });
  });

  it('a short queue that loses what is too much: fewer bits, not more copies', () => {
    const paths = [{}, narrow(7_000, 10_000, 300)];
    const settled = rateCall({ preset: 'lowest-latency', seconds: 100, paths }).slice(20);
    expect(mean(settled.map(({ sentBps }) => sentBps))).toBeLessThan(7_000);
    expect(mean(settled.map(({ loss }) => loss))).toBeLessThan(0.1);
    expect(settled.some(({ redundancy }) => redundancy > 0)).toBe(false);
  });
});

describe('a machine that is slow to look at its frames', () => {
  it('is not taken for a queue of the network', () => {
    const slowMs = (nowMs: number) => (nowMs > 20_000 && nowMs < 40_000 ? 400 : 0);
    const seconds = rateCall({ seconds: 60, slowMs });
    expect(Math.max(...seconds.map(({ queueMs }) => queueMs))).toBeLessThan(150);
    expect(seconds.every(({ limitBps }) => limitBps === 20_000)).toBe(true);
  });
});

describe('rate options', () => {
  const aims = (options: RateOptions) => rateAims(options, WERIFT_WIRE);

  it('are those of the preset, but for what is given', () => {
    expect(aims({})).toEqual(aims({ preset: 'balanced' }));
    expect(RATE_PRESETS.map((preset) => aims({ preset }).maxBitrateBps)).toEqual([
      8_800, 20_000, 40_000,
    ]);
    const given = { preset: 'lowest', maxBitrateBps: 5_000, maxLatencyMs: 80 } as const;
    expect(aims(given)).toMatchObject({ maxBitrateBps: 5_000, maxLatencyMs: 80 });
  });

  it.each([
    [{ preset: 'fast' }, "preset: must be one of 'lowest', 'balanced', 'lowest-latency', not fast"],
    [{ maxBitrateBps: 100 }, 'maxBitrateBps: must be a number 3000–10000000, not 100'],
    [{ maxLatencyMs: -1 }, 'maxLatencyMs: must be a number 0–1000, not -1'],
    [{ maxBitrateBps: Number.NaN }, 'maxBitrateBps: must be a number 3000–10000000, not NaN'],
  ])('%j is refused', (options, message) => {
    expect(() => aims(options as never)).toThrow(new TypeError(message));
  });
});
