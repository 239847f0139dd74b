import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bdRate, frontier, neededRate, pchip, type RatePoint } from '../bench/codecs/bd-rate.js';
import { VIDEO_CODECS } from '../bench/codecs/encoders.js';
import { decoded, encode, frameSizes, timeDecoding, toYuv } from '../bench/codecs/ffmpeg.js';
import { renderCodecs, sizePlots } from '../bench/codecs/html.js';
import { playPreset } from '../bench/codecs/preset-stream.js';
import type { ClipReport, StreamReport } from '../bench/codecs/report.js';
import { isLooked, lookedFilter, lookedOrdinals, samplingOf } from '../bench/codecs/sampling.js';
import { MEASURES, meanStreams, neededText, summariseNeeded } from '../bench/codecs/summary.js';
import { bdRateRows, neededRows } from '../bench/codecs/tables.js';
import { messageRates, motionRates, videoRates } from '../bench/codecs/wire-rates.js';
import type { Figures } from '../bench/quality/figures.js';
import { createPicture } from '../src/geometry/picture.js';
import { openPack } from '../src/models/pack-node.js';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import { enrol } from '../src/sender/enrolment.js';
import { CHROMIUM_WIRE } from '../src/sender/rate-model.js';
import { syntheticFace } from './synthetic-face.js';
import { itNeeds } from './tools.js';

const curve = (kbps: readonly number[], quality: readonly number[]): RatePoint[] =>
  frontier(kbps.map((rate, at) => ({ kbps: rate, quality: quality[at] })));

describe('Bjøntegaard’s delta rate', () => {
  // The example of the README of FAU-LMS/bjontegaard; −4.4175 % is what SciPy 1.17's PchipInterpolator gives.
  const anchor = curve([9487.76, 4593.6, 2486.44, 1358.24], [40.037, 38.615, 36.845, 34.851]);
  const test = curve([9787.8, 4469, 2451.52, 1356.24], [40.121, 38.651, 36.97, 34.987]);

  it('agrees with SciPy on published points', () => {
    expect(100 * bdRate(anchor, test)!).toBeCloseTo(-4.417485350589045, 9);
    const worse = [
      curve([686.76, 309.58, 157.11, 85.95], [40.28, 37.18, 34.24, 31.42]),
      curve([893.34, 407.8, 204.93, 112.75], [40.39, 37.21, 34.17, 31.24]),
    ];
    expect(100 * bdRate(worse[0], worse[1])!).toBeCloseTo(31.379878202397627, 9);
  });

  it('is the factor where one takes a fixed factor more, and nothing without overlap', () => {
    const dearer = anchor.map(({ kbps, quality }) => ({ kbps: 1.5 * kbps, quality }));
    expect(bdRate(anchor, dearer)).toBeCloseTo(0.5, 12);
    expect(bdRate(dearer, anchor)).toBeCloseTo(1 / 1.5 - 1, 12);
    const better = anchor.map(({ kbps, quality }) => ({ kbps, quality: quality + 10 }));
    expect(bdRate(anchor, better)).toBeUndefined();
    expect(bdRate(anchor, test.slice(0, 1))).toBeUndefined();
  });

  it('interpolates as SciPy does', () => {
    const line = pchip([0, 1, 3, 4], [0, 1, 2, 6]);
    const known = [0.5592948717948718, 1.2597453222453225, 1.42983367983368, 3.475788288288288];
    for (const [at, place] of [0.5, 1.5, 2, 3.5].entries()) {
      expect(line.at(place)).toBeCloseTo(known[at], 12);
    }
    expect(line.integral(0.25, 3.75)).toBeCloseTo(5.723567843685031, 12);
  });

  it('takes what a codec does at its best', () => {
    expect(curve([10, 20, 30, 15], [1, 3, 2, 0.5])).toEqual([
      { kbps: 10, quality: 1 },
      { kbps: 20, quality: 3 },
    ]);
  });

  it('says what a quality needs, and where that is only a bound', () => {
    const points = curve([10, 40], [1, 3]);
    expect(neededRate(points, 2)).toEqual({ kind: 'at', kbps: expect.closeTo(20, 9) });
    expect(neededRate(points, 1)).toEqual({ kind: 'at', kbps: 10 });
    expect(neededRate(points, 0.5)).toEqual({ kind: 'below', kbps: 10 });
    expect(neededRate(points, 3.1)).toEqual({ kind: 'not reached', kbps: 40 });
  });
});

describe('rates on the wire', () => {
  it('of video have the headers of each packet, and the beginning over five minutes', () => {
    // 2 frames settle; then 10 of 100 bytes and 10 of 1500, which are two packets.
    const frames = [3000, 0, ...Array(10).fill(100), ...Array(10).fill(1500)];
    const rates = videoRates(frames, 10, 2);
    expect(rates.payload).toBeCloseTo((16_000 * 8) / 1000 / 2, 9);
    expect(rates.forward).toBeCloseTo(((16_000 + 30 * 50) * 8) / 1000 / 2, 9);
    expect(rates.startBytes).toBe(3000 + 3 * 50);
    expect(rates.call).toBeCloseTo(
      rates.forward * (1 - 0.2 / 300) + (rates.startBytes * 8) / 1000 / 300,
      9,
    );
    expect(rates.callBoth - rates.call).toBeCloseTo(0.05 * rates.forward, 9);
    expect(rates.clip).toBeCloseTo(((19_000 + 33 * 50) * 8) / 1000 / 2.2, 9);
  });

  it('of video at a low rate have four feedbacks a second', () => {
    const rates = videoRates(Array(50).fill(20), 25, 25);
    expect(rates.callBoth - rates.call).toBeCloseTo((4 * 68 * 8) / 1000, 9);
  });

  it('of ours have the identity in datagrams', () => {
    const traffic = { bytes: 1400, messages: 25, frames: 100, fps: 25 };
    const rates = motionRates(traffic, 33_000);
    expect(rates.startBytes).toBe(33_000 + 30 * 97);
    expect(rates.payload).toBeCloseTo(2.8, 9);
    expect(rates.forward).toBeCloseTo(((1400 + 25 * 97 + 4 * 120) * 8) / 1000 / 4, 9);
    expect(rates.clip - rates.forward).toBeCloseTo((rates.startBytes * 8) / 1000 / 4, 9);
    expect(rates.callBoth).toBeGreaterThan(rates.call);
  });
});

describe('rates on the wire between browsers', () => {
  it('have padding, headers, acknowledgements and the background', () => {
    const traffic = { forward: [10, 12], back: [5], seconds: 2 };
    const rates = messageRates(traffic, 1100);
    const { messageBytes, backgroundBps } = CHROMIUM_WIRE;
    const forward = (24 + 2.5 * messageBytes) * 4 + backgroundBps;
    const back = (8 + 2 * messageBytes) * 4 + backgroundBps;
    expect(rates.payload).toBeCloseTo((22 * 4) / 1000, 12);
    expect(rates.forward).toBeCloseTo(forward / 1000, 12);
    expect(rates.call).toBeCloseTo((forward + ((1100 + 97) * 8) / 300) / 1000, 12);
    expect(rates.callBoth - rates.call).toBeCloseTo(back / 1000, 12);
  });
});

describe('a preset', () => {
  it('is played between two sessions: every frame shown, the rate held', async () => {
    const pack = await openPack('warp');
    const geometry = Array.from({ length: 50 }, (_, at) => syntheticFace(128 + Math.sin(at / 5)));
    const picture = createPicture(256, 256);
    const codec = createNodePictureCodec();
    const { identity } = await enrol(
      geometry.slice(0, 3).map((landmarks) => ({ picture, landmarks })),
      { size: 256, references: 1, codec },
    );
    const { shown, traffic } = playPreset({
      ...{ pack, identity, size: 256, fps: 25, preset: 'lowest' },
      geometry,
    });
    expect(shown).toHaveLength(50);
    const offsets = shown.map((face, at) => Math.abs(face![0] - geometry[at][0]));
    expect(Math.max(...offsets)).toBeLessThan(0.5);
    expect(traffic.seconds).toBe(2);
    expect(traffic.forward.length).toBeGreaterThan(4);
    const rates = messageRates(traffic, identity.length);
    expect(rates.forward).toBeLessThan(CHROMIUM_WIRE.lowestBps / 1000);
  });
});

describe('the frames that are measured', () => {
  it('begin after the second of settling, each with the one before', () => {
    const sampling = samplingOf(25, 10);
    expect(lookedOrdinals(60, sampling)).toEqual([25, 34, 35, 44, 45, 54, 55]);
    expect(isLooked(24, sampling)).toBe(false);
    expect(lookedOrdinals(28, samplingOf(25, 1))).toEqual([25, 26, 27]);
  });

  itNeeds('ffmpeg')('are those that a codec’s stream is decoded to', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'visavis-codecs-test-'));
    try {
      const [side, frames] = [64, 40];
      const raw = Buffer.alloc(side * side * 4 * frames, 255);
      for (let n = 0; n < frames; n++)
        raw.fill(5 * n, n * side * side * 4, (n + 1) * side * side * 4);
      const path = join(folder, 'source.rgba');
      writeFileSync(path, raw);
      const yuv = await toYuv({ path, side, fps: 25 }, side, join(folder, 'source.yuv'));
      const [x264] = VIDEO_CODECS;
      const stream = join(folder, 'stream.mkv');
      const { cpuMs } = await encode(yuv, x264.encoder, x264.options(200), stream);
      expect(cpuMs).toBeGreaterThanOrEqual(0);
      expect((await timeDecoding(stream)).wallMs).toBeGreaterThanOrEqual(0);
      const sizes = await frameSizes(stream);
      expect(sizes).toHaveLength(frames);
      const sampling = samplingOf(25, 5);
      const pictures = await decoded(stream, 2 * side, lookedFilter(sampling));
      const levels = lookedOrdinals(frames, sampling).map((ordinal) => 5 * ordinal);
      expect(pictures.map(({ width }) => width)).toEqual(levels.map(() => 2 * side));
      levels.forEach((level, at) => {
        expect(Math.abs(pictures[at].data[0] - level)).toBeLessThan(6);
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

const rates = (call: number) => ({
  ...{ payload: call / 2, forward: call, startBytes: 1000 },
  ...{ call, callBoth: call + 2, clip: call + 1 },
});
const speed = { encodeMs: 1, decodeMs: 2, encodeCpuMs: 3, decodeCpuMs: 4 };
const stream = (codec: string, targetKbps: number, call: number, figures: Figures) =>
  ({
    ...{ codec, targetKbps, figures, speed, bytes: 1, side: 256 },
    ...{ own: false, rates: rates(call) },
  }) satisfies StreamReport;

function clip(file: string, more: Partial<ClipReport> = {}): ClipReport {
  const own = stream('portrait', 0, 10, { butteraugli: 5, akd: 1, identity: 0.9, lost: 0 });
  return {
    ...{ file, size: 256, fps: 25, limit: 100, frames: 100, stride: 10, measuredFrames: 8 },
    ...{ identityBytes: 30_000, references: 4, glimpses: [], repeats: [] },
    streams: [
      { ...own, own: true, targetKbps: undefined },
      stream('x264', 10, 20, { butteraugli: 10, akd: 0.1, identity: 0.99, lost: 50 }),
      stream('x264', 20, 40, { butteraugli: 2.5, akd: 0.5, identity: 0.8, lost: 0 }),
      stream('vp9', 10, 30, { butteraugli: 4, akd: 2, identity: 0.5, lost: 0 }),
      stream('vp9', 20, 60, { butteraugli: 2, akd: 1.5, identity: 0.95, lost: 0 }),
    ],
    ...more,
  };
}

describe('the comparison', () => {
  const clips = [clip('a.mp4'), clip('b.mp4')];
  const measure = (key: string) => MEASURES.find((each) => each.key === key)!;
  const needed = (codec: string, key: string) =>
    summariseNeeded(clips, 'portrait', codec, measure(key), 'call');

  it('says how many times our rate a codec needs, and what is only a bound', () => {
    expect(neededText(needed('x264', 'butteraugli'))).toBe('32 kbps, 3.2×');
    expect(neededText(needed('vp9', 'butteraugli'))).toBe(
      '≤ 30 kbps, ≤ 3.0× (below its lowest on 2 of 2)',
    );
    expect(neededText(needed('vp9', 'akd'))).toBe('≥ 60 kbps, ≥ 6.0× (not reached on 2 of 2)');
    expect(neededText(summariseNeeded(clips, 'none', 'vp9', measure('akd'), 'call'))).toBe('–');
  });

  it('gives no face’s figure to a stream that loses faces', () => {
    // Its lowest stream would have been good enough, but the face is found in half of the frames.
    expect(neededText(needed('x264', 'akd'))).toBe(
      '≤ 40 kbps, ≤ 4.0× (below its lowest on 2 of 2)',
    );
    expect(neededText(needed('x264', 'identity'))).toMatch(/^≥ 40 kbps/);
  });

  it('takes the stream that a target came out as into the means', () => {
    const { streams } = clip('c.mp4');
    const floor = clip('c.mp4', {
      streams: streams.filter(({ codec, targetKbps }) => codec !== 'vp9' || targetKbps !== 20),
      repeats: [{ codec: 'vp9', side: 256, targetKbps: 20, sameAs: 10 }],
    });
    const of = (reports: readonly ClipReport[]) =>
      meanStreams(reports).find(({ codec, targetKbps }) => codec === 'vp9' && targetKbps === 20);
    expect(of([clips[0], floor])?.rates.call).toBe(45);
    expect(of([floor, clips[0]])?.rates.call).toBe(45);
    expect(of([clips[0], clip('d.mp4', { streams: [] })])).toBeUndefined();
  });

  it('is printed, plotted and written without a hole', () => {
    expect(neededRows(clips, 'portrait', 'call')[0]).toHaveLength(3);
    expect(bdRateRows(clips)[0]).toEqual(['Butteraugli', expect.stringMatching(/^\+\d+ %$/)]);
    const plots = sizePlots(clips, 'a < b');
    expect(plots).toContain('aria-label="a &#60; b"');
    expect(plots).not.toMatch(/NaN|undefined|Infinity/);
    const page = renderCodecs(
      { ...{ machine: 'm', date: 'd', versions: 'v', tracker: 't' }, leftOut: ['<b>'], clips },
      'command',
      [{ clip: clips[0], what: 'rate', path: 'strips/a.jpg' }],
    );
    expect(page).toContain('&#60;b&#62;');
    expect(page).toContain('strips/a.jpg');
    expect(page).not.toMatch(/NaN|undefined|https?:\/\/(?!www\.w3\.org)/);
  });
});
