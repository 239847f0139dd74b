import { describe, expect, test } from 'vitest';
import { better, compareRuns, figuresIn } from '../bench/compare/figures.js';

describe('figures of a run', () => {
  test('are named by what tells elements apart, without settings and series', () => {
    const run = {
      version: '1',
      machine: { cores: 2 },
      options: { runs: 1 },
      results: [
        { scenario: { name: 'clean' }, run: 0, figures: { latencyMs: 100 }, frames: [1, 2, 3] },
        { scenario: { name: 'clean' }, run: 1, figures: { latencyMs: 101 }, error: 'x' },
      ],
      curve: [{ quantiser: 4, all: { kbps: 2 } }],
      rows: [{ clip: 'a.mp4', psnr: 30, missing: null }, { psnr: 31 }],
      frames: { sent: 7, shown: Array.from({ length: 60 }, (_, index) => ({ index })) },
      series: [{ second: 1 }],
    };
    expect([...figuresIn(run)]).toEqual([
      ['results[clean run 0].figures.latencyMs', 100],
      ['results[clean run 1].figures.latencyMs', 101],
      ['curve[quantiser 4].all.kbps', 2],
      ['rows[a.mp4].psnr', 30],
      ['rows[1].psnr', 31],
      ['frames.sent', 7],
    ]);
  });

  test('two elements of one name are both there', () => {
    const run = {
      rows: [
        { clip: 'a', ms: 1 },
        { clip: 'a', ms: 2 },
      ],
    };
    expect([...figuresIn(run)]).toEqual([
      ['rows[a].ms', 1],
      ['rows[a #2].ms', 2],
    ]);
  });
});

test.each([
  ['results[lowest].stages_ms.bundle.p95', 'lower'],
  ['rows[a].identity kB', 'lower'],
  ['clips[a].decoders.warp.identity', 'higher'],
  ['clips.a.decoders.warp.mouthPsnr', 'higher'],
  ['clips.a.decoders.warp.decodeP50', 'lower'],
  ['results[clean].figures.decodedShare', 'higher'],
  ['results[clean].figures.captureToShownP95Ms', 'lower'],
  ['results[loss 10 %].queues.forward.packets', undefined],
  ['results[clean].figures.heldShare', 'lower'],
  ['results.one-way.directions.0.fpsShown', 'higher'],
  ['wire.steady_forward_kbps', 'lower'],
  ['results.clean.count', undefined],
])('%s: %s is better', (path, expected) => {
  expect(better(path)).toBe(expected);
});

test('says what is worse by more than the share, better, or only changed', () => {
  const before = { aMs: 100, bMs: 100, fps: 25, drops: 0, count: 10, zeroMs: 0, gone: 1 };
  const after = { aMs: 104, bMs: 106, fps: 30, drops: 1, count: 20, zeroMs: 0, come: 1 };
  const { changes, onlyBefore, onlyAfter } = compareRuns(before, after, 0.05);
  expect(changes.map(({ path, ratio, verdict }) => [path, ratio, verdict])).toEqual([
    ['aMs', 1.04, 'same'],
    ['bMs', 1.06, 'worse'],
    ['fps', 1.2, 'better'],
    ['drops', undefined, 'worse'],
    ['count', 2, 'changed'],
    ['zeroMs', undefined, 'same'],
  ]);
  expect([onlyBefore, onlyAfter]).toEqual([['gone'], ['come']]);
});
