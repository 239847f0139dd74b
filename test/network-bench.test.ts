import { expect, test } from 'vitest';
import { callFigures } from '../bench/network/figures.js';
import {
  linkOptions,
  netemArguments,
  SCENARIOS,
  type Scenario,
  tbfArguments,
} from '../bench/network/scenarios.js';
import { createSimulatedLink } from '../src/transport/simulated-link.js';
import { RUN, receiverLog, senderLog } from './report-logs.js';

const said = (scenario: Partial<Scenario>) => netemArguments({ name: '', ...scenario }).join(' ');

test('a scenario in the words of netem and tbf', () => {
  expect(said({})).toBe('');
  expect(said({ delayMs: 50, loss: 0.1 })).toBe('delay 50ms loss random 10%');
  expect(said({ delayMs: 20, jitterMs: 200 })).toBe('delay 120ms 100ms rate 1gbit');
  expect(said({ bursts: { loss: 0.05, mean: 4 } })).toBe('loss gemodel 1.3158% 25% 100% 0%');
  expect(said({ reorder: { probability: 0.1, byMs: 60 } })).toBe('delay 60ms reorder 90%');
  expect(said({ duplicate: 0.1 })).toBe('duplicate 10%');
  const rate = { kbps: 100, queueBytes: 12_500 };
  expect(tbfArguments({ name: '', rate }).join(' ')).toBe('rate 100kbit burst 1600 limit 12500');
});

test('each scenario is one for a simulated link too, or nothing that netem would do', () => {
  for (const scenario of SCENARIOS) {
    const options = linkOptions(scenario, 1);
    expect(options === undefined).toBe(netemArguments(scenario).length === 0);
    if (options) createSimulatedLink(options);
  }
  const bursts = { loss: 0.05, mean: 4 };
  const link = createSimulatedLink(linkOptions({ name: '', bursts }, 1)!);
  for (let i = 0; i < 20_000; i++) {
    link.send(new Uint8Array(1), i);
    link.poll(i);
  }
  expect(Math.abs(link.stats.lost / 20_000 - 0.05)).toBeLessThan(0.01);
});

test('the figures of a call, and of an outage in it', () => {
  const run = { sender: senderLog(), receiver: { ...receiverLog(), fps: 25 } };
  expect(callFigures(run)).toMatchObject({
    framesSent: 200,
    decodedShare: 194 / 200,
    concealedShare: 6 / 200,
    heldShare: 2 / 200,
    skippedShare: 2 / 200,
    wireForwardKbps: 10,
    wireBackwardKbps: 2,
    connectToFirstFrameMs: 1200,
    recoveryMs: null,
  });
  const { shownMs } = run.receiver.frames[100];
  const { receivedMs } = run.receiver.frames[100];
  expect(callFigures(run, receivedMs!).recoveryMs).toBeCloseTo(shownMs - receivedMs!);
  expect(callFigures(run, RUN.start + 1e6).recoveryMs).toBeNull();
});
