import { expect, test } from 'vitest';
import { frameTimes, STAGES, stagePercentiles } from '../bench/latency/stages.js';
import { receiverLog, senderLog } from './report-logs.js';

test('the stages of each frame that was decoded add up', () => {
  const frames = frameTimes({ sender: senderLog(), receiver: { ...receiverLog(), fps: 25 } });
  expect(frames).toHaveLength(194);
  // Frame 0: track 12, encode 0.5, bundle 40, network 2, buffer 30, decode 5, show 1.
  expect(frames[0]).toEqual({
    ...{ track: 12, encode: 0.5, bundle: 40, wire: 2, jitterBuffer: 30, decode: 5, show: 1 },
    ...{ total: 90.5, added: 73.5 },
  });
  for (const { total, added, ...stages } of frames) {
    expect(Object.values(stages).reduce((sum, ms) => sum + ms)).toBeCloseTo(total);
    expect(added).toBeCloseTo(total - stages.track - stages.decode);
  }
  const { bundle, total } = stagePercentiles(frames);
  expect(bundle).toMatchObject({ p95: 40, p99: 40 });
  expect(total.p95).toBeGreaterThan(total.p50!);
  expect(STAGES).toEqual(Object.keys(frames[0]));
});
