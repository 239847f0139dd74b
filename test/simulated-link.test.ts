import { describe, expect, test } from 'vitest';
import {
  createSimulatedLink,
  type Delivery,
  type SimulatedLinkOptions,
} from '../src/transport/simulated-link.js';

const PACKETS = 20_000;

function run(options: Omit<SimulatedLinkOptions, 'seed'>, seed = 1, intervalMs = 40) {
  const link = createSimulatedLink({ seed, ...options });
  const arrivals: Delivery[] = [];
  for (let i = 0; i < PACKETS; i++) {
    const nowMs = i * intervalMs;
    arrivals.push(...link.poll(nowMs));
    link.send(number(i), nowMs);
  }
  for (let at = link.nextAt(); at !== undefined; at = link.nextAt())
    arrivals.push(...link.poll(at));
  return { arrivals, stats: link.stats, received: arrivals.map(({ data }) => numberOf(data)) };
}

function number(i: number): Uint8Array {
  return new Uint8Array(new Uint32Array([i]).buffer);
}

function numberOf(data: Uint8Array): number {
  return new DataView(data.buffer).getUint32(0, true);
}

describe('the simulated link', () => {
  test('without impairments delivers everything at once, in order, and copies', () => {
    const link = createSimulatedLink({ seed: 1 });
    const data = new Uint8Array([7]);
    link.send(data, 5);
    data[0] = 8;
    expect(link.nextAt()).toBe(5);
    expect(link.poll(4)).toEqual([]);
    expect(link.poll(5)).toEqual([{ data: new Uint8Array([7]), sentMs: 5, atMs: 5 }]);
    expect(link.nextAt()).toBeUndefined();
    const buffer = Buffer.of(7);
    link.send(buffer, 6);
    buffer[0] = 8;
    expect(link.poll(6)[0].data).toEqual(new Uint8Array([7]));
    expect(run({}).received).toEqual(Array.from({ length: PACKETS }, (_, i) => i));
  });

  test('same seed, same deliveries; another seed, others', () => {
    const options = {
      loss: 0.1,
      jitterMs: 100,
      duplicate: 0.05,
      reorder: { probability: 0.1, byMs: 90 },
    };
    expect(run(options, 3).arrivals).toEqual(run(options, 3).arrivals);
    expect(run(options, 4).received).not.toEqual(run(options, 3).received);
  });

  test('loses the share it was told to, whatever else happens to the packets', () => {
    const { stats, received } = run({ loss: 0.1 });
    // 20000 draws at 0.1: a standard deviation of 0.0021.
    expect(Math.abs(stats.lost / PACKETS - 0.1)).toBeLessThan(0.01);
    expect(stats.delivered + stats.lost).toBe(PACKETS);
    expect(new Set(run({ loss: 0.1, duplicate: 0.2, jitterMs: 30 }).received)).toEqual(
      new Set(received),
    );
  });

  test('loses in bursts of the length it was told to', () => {
    const burstLoss = { enterBad: 0.01, leaveBad: 0.2, lossGood: 0, lossBad: 1 };
    const { stats, received } = run({ burstLoss });
    const gaps = received.slice(1).map((value, i) => value - received[i] - 1);
    const bursts = gaps.filter((gap) => gap > 0);
    // In the bad state a share of 0.01 / (0.01 + 0.2) of the time, for 5 packets in the mean.
    expect(stats.lost / PACKETS).toBeGreaterThan(0.035);
    expect(stats.lost / PACKETS).toBeLessThan(0.06);
    const meanBurst = bursts.reduce((sum, gap) => sum + gap, 0) / bursts.length;
    expect(meanBurst).toBeGreaterThan(4);
    expect(meanBurst).toBeLessThan(6);
  });

  test('delays by delay plus uniform jitter', () => {
    const { arrivals } = run({ delayMs: 50, jitterMs: 20 });
    const delays = arrivals.map(({ atMs, sentMs }) => atMs - sentMs);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(50);
    expect(Math.max(...delays)).toBeLessThan(70);
    const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length;
    expect(Math.abs(mean - 60)).toBeLessThan(0.5);
  });

  test('jitter above the interval keeps the order; reordering does not', () => {
    const inOrder = run({ jitterMs: 200 }).received;
    expect(inOrder).toEqual([...inOrder].sort((a, b) => a - b));
    const { received, stats } = run({ reorder: { probability: 0.1, byMs: 100 } });
    const late = received.filter((value, i) => i > 0 && value < received[i - 1]);
    expect(Math.abs(stats.overtaken / PACKETS - 0.1)).toBeLessThan(0.01);
    expect(late.length).toBeGreaterThan(PACKETS * 0.08);
    expect([...received].sort((a, b) => a - b)).toEqual(run({}).received);
  });

  test('duplicates', () => {
    const { received, stats } = run({ duplicate: 0.05 });
    expect(Math.abs(stats.duplicated / PACKETS - 0.05)).toBeLessThan(0.01);
    expect(received.length).toBe(PACKETS + stats.duplicated);
    expect(new Set(received).size).toBe(PACKETS);
  });

  test('a bottleneck delays by size and drops what its queue cannot hold', () => {
    const bandwidth = { bitsPerSecond: 8_000, queueBytes: 300 };
    const link = createSimulatedLink({ seed: 1, bandwidth, headerBytes: 20 });
    for (let i = 0; i < 4; i++) link.send(new Uint8Array(80), 0);
    // 1 byte a millisecond, 100 bytes each: the fourth finds the queue full.
    expect(link.stats.droppedByQueue).toBe(1);
    expect(link.poll(1_000).map(({ atMs }) => atMs)).toEqual([100, 200, 300]);
    link.send(new Uint8Array(80), 1_000);
    expect(link.nextAt()).toBe(1_100);
  });

  test('an outage loses what is sent in it', () => {
    const { received, stats } = run({ outages: [[400, 800]] });
    expect(stats.lostToOutage).toBe(10);
    expect(received.slice(8, 12)).toEqual([8, 9, 20, 21]);
  });

  test('says with a delivery what was said with the packet', () => {
    const link = createSimulatedLink<string>({ seed: 1, duplicate: 1 });
    link.send(new Uint8Array(1), 0, 'there');
    expect(link.poll(0).map(({ to }) => to)).toEqual(['there', 'there']);
  });

  test('bounds what is under way', () => {
    const link = createSimulatedLink({ seed: 1, delayMs: 1e9 });
    for (let i = 0; i < 10_100; i++) link.send(new Uint8Array(1), i);
    expect(link.stats.droppedByQueue).toBe(100);
  });

  test.each([
    [{ seed: 0.5 }, 'seed'],
    [{ seed: 1, loss: 1.1 }, 'loss'],
    [{ seed: 1, jitterMs: -1 }, 'jitterMs'],
    [{ seed: 1, reorder: { probability: Number.NaN, byMs: 1 } }, 'reorder.probability'],
    [{ seed: 1, bandwidth: { bitsPerSecond: 0, queueBytes: 1 } }, 'bandwidth.bitsPerSecond'],
    [{ seed: 1, outages: [[2, 1]] as [number, number][] }, 'outages[0]'],
  ])('names a bad option: %o', (options, path) => {
    expect(() => createSimulatedLink(options)).toThrow(TypeError);
    expect(() => createSimulatedLink(options)).toThrow(path);
  });
});
