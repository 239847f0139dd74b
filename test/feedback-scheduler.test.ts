import { describe, expect, it } from 'vitest';
import { serialiseMotion } from '../src/protocol/motion-packet.js';
import { FeedbackScheduler, type ReceptionState } from '../src/receiver/feedback-scheduler.js';
import { ReceptionMeter } from '../src/receiver/reception-meter.js';

/** A message of `frameCount` frames that was captured in time, predicted from the frame before it. */
function message(sequence: number, frameCount = 2, distance = 1, stride = 1): Uint8Array {
  return serialiseMotion(
    {
      sequence: sequence & 0xffff,
      timestamp: (sequence * 40) & 0xffff,
      frameCount,
      stride,
      intervals: undefined,
      coding: { kind: 'predicted', referenceDistance: distance, digest: 0 },
      body: Uint8Array.of(1),
    },
    [],
  );
}

describe('reception meter', () => {
  it('counts frames whose own message did not come, over the wrap of their numbers', () => {
    const meter = new ReceptionMeter(40);
    for (let first = 65_500; first < 65_600; first += 2) {
      if (first % 10 !== 4) meter.receive(message(first), first * 40);
    }
    expect(meter.takeLoss()).toBeCloseTo(0.2, 2);
    expect(meter.takeLoss()).toBe(0);
  });

  it('takes what was overtaken for no loss, and what came twice for one', () => {
    const meter = new ReceptionMeter(40);
    for (const first of [0, 2, 6, 6, 4, 8]) meter.receive(message(first), first * 40);
    expect(meter.takeLoss()).toBe(0);
  });

  it('takes frames that are sent again on request for lost ones all the same', () => {
    const meter = new ReceptionMeter(40);
    for (const first of [0, 2, 6, 8]) meter.receive(message(first), first * 40);
    const again = serialiseMotion(
      {
        ...{ sequence: 4, timestamp: 160, frameCount: 4, stride: 1, intervals: undefined },
        coding: { kind: 'independent', quantiser: 4, digest: 0 },
        body: Uint8Array.of(1),
      },
      [],
    );
    meter.receive(again, 380);
    expect(meter.takeLoss()).toBe(0.2);
  });

  it('knows frames that were left out from frames that were lost', () => {
    const meter = new ReceptionMeter(40);
    for (let n = 0; n < 10; n++) meter.receive(message(4 * n, 2, 2, 2), n * 160);
    meter.receive(message(41, 1, 3), 1640);
    expect(meter.takeLoss()).toBe(0);
    meter.receive(message(47, 2, 2, 2), 1880);
    expect(meter.takeLoss()).toBe(0.5);
  });

  it('tells the queue from the path, whatever the clocks are, and says when trouble began', () => {
    const meter = new ReceptionMeter(40);
    const at = (first: number, queueMs: number) =>
      meter.receive(message(first), 1_000_000 + first * 40 + 40 + queueMs);
    for (let n = 0; n < 100; n += 2) at(n, n % 6);
    expect(meter.queueMs).toBeLessThan(3);
    expect(meter.troubleMs).toBeUndefined();
    for (let n = 100; n < 160; n += 2) at(n, 4 * (n - 100));
    expect(meter.queueMs).toBeGreaterThan(120);
    expect(meter.troubleMs).toBeGreaterThan(1_004_000);
    for (let n = 160; n < 2000; n += 2) at(n, 0);
    expect(meter.queueMs).toBe(0);
  });

  it('does not take the answer to a request for what was lost', () => {
    const meter = new ReceptionMeter(40);
    for (const n of [0, 4, 12]) meter.receive(message(n, 4), n * 40);
    // Frames 13 to 15 again; then 8 to 11, which were only overtaken.
    meter.receive(message(13, 3), 16 * 40);
    expect(meter.takeLoss()).toBe(4 / 16);
    for (const n of [16, 24, 20]) meter.receive(message(n, 4), n * 40);
    expect(meter.takeLoss()).toBe(0);
  });
});

describe('feedback', () => {
  const well: ReceptionState = {
    newestDecoded: 30,
    needsIndependent: false,
    waitingSinceMs: undefined,
  };
  const quiet = { needsRecovery: false, needsIndependent: false, needsIdentity: false };

  it('is rare where all is well, and names what it is told to', () => {
    const scheduler = new FeedbackScheduler(40, false);
    expect(scheduler.nextAt(well, 0)).toBeUndefined();
    for (let n = 0; n < 120; n += 2) {
      scheduler.receive(message(n), n * 40);
      scheduler.progress(2, n * 40);
    }
    expect(scheduler.nextAt(well, 0)).toBe(5000);
    expect(scheduler.poll(well, 20, 4999, 0)).toBeUndefined();
    const said = { newestSequence: 20, lossFraction: 0, queueMs: 0, ...quiet };
    expect(scheduler.poll(well, 20, 5000, 0)).toEqual(said);
    // Nothing came from 4720 on.
    expect(scheduler.nextAt(well, 0)).toBe(5720);
  });

  it('comes soon where messages get lost, then once a second', () => {
    const scheduler = new FeedbackScheduler(40, false);
    const said: [number, number][] = [];
    for (let n = 0; n < 300; n += 2) {
      const nowMs = n * 40;
      if (n < 100 || n > 250 || n % 10 !== 0) scheduler.receive(message(n), nowMs);
      scheduler.progress(2, nowMs);
      const due = scheduler.poll(well, n, nowMs, 0);
      if (due) said.push([nowMs, due.lossFraction]);
    }
    const times = said.map(([atMs]) => atMs);
    expect(times[0]).toBe(4320);
    const gaps = times.slice(1).map((atMs, index) => atMs - times[index]);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1000);
    expect(Math.max(...gaps)).toBeLessThan(1500);
    expect(said.every(([, loss]) => loss > 0)).toBe(true);
  });

  it('of an unpaced stream comes after 25 frames shown', () => {
    const scheduler = new FeedbackScheduler(40, true);
    scheduler.receive(message(0), 0);
    scheduler.progress(24, 0);
    expect(scheduler.nextAt(well, 0)).toBeUndefined();
    scheduler.progress(1, 0);
    expect(scheduler.nextAt(well, 0)).toBe(-Infinity);
    expect(scheduler.poll(well, 24, 1, 0)).toEqual({
      newestSequence: 24,
      lossFraction: 0,
      ...quiet,
    });
  });

  it('asks the sender to begin anew where nothing comes, often at first, then seldom, then no more', () => {
    const scheduler = new FeedbackScheduler(40, false);
    scheduler.receive(message(0), 0);
    scheduler.progress(2, 0);
    const asked: number[] = [];
    for (let at = scheduler.nextAt(well, 40); at !== undefined && at < 60_000; ) {
      if (scheduler.poll(well, 1, at, 40)?.needsRecovery) asked.push(at);
      at = scheduler.nextAt(well, 40);
    }
    const often = Array.from({ length: 16 }, (_, i) => 1000 + 100 * i);
    const seldom = Array.from({ length: 8 }, (_, i) => 3500 + 1000 * i);
    expect(asked).toEqual([...often, ...seldom]);
    const unpaced = new FeedbackScheduler(40, true);
    unpaced.progress(2, 0);
    expect(unpaced.nextAt(well, 40)).toBeUndefined();
  });

  it('asks 30 ms after a packet began to wait, for what was decoded, and again in time', () => {
    const scheduler = new FeedbackScheduler(40, false);
    const waits = { ...well, waitingSinceMs: 1000 };
    expect(scheduler.nextAt(waits, 40)).toBe(1030);
    expect(scheduler.poll(waits, 20, 1029, 40)).toBeUndefined();
    expect(scheduler.poll(waits, 20, 1030, 40)).toMatchObject({
      newestSequence: 30,
      needsRecovery: true,
      needsIndependent: false,
    });
    expect(scheduler.nextAt(waits, 40)).toBe(1130);
    expect(scheduler.nextAt(waits, 200)).toBe(1330);
    expect(scheduler.nextAt(well, 40)).toBeUndefined();
  });

  it('asks at once where no state is left', () => {
    const lost = { ...well, needsIndependent: true };
    expect(new FeedbackScheduler(40, false).nextAt(lost, 0)).toBe(-Infinity);
    expect(new FeedbackScheduler(40, false).poll(lost, undefined, 5, 0)).toMatchObject({
      needsRecovery: true,
      needsIndependent: true,
    });
  });
});
