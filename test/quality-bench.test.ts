import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { dataRoot, splits } from '../bench/data.js';
import { readNpz } from '../bench/npz.js';
import { runBench } from '../bench/quality/bench.js';
import { openCandidates } from '../bench/quality/candidates.js';
import type { Figures } from '../bench/quality/figures.js';
import { renderQuality } from '../bench/quality/html.js';
import type { Instruments } from '../bench/quality/instruments.js';
import { createJudge } from '../bench/quality/judge.js';
import { openLane, type Shown } from '../bench/quality/lane.js';
import { createMoments, type Moment } from '../bench/quality/moments.js';
import { drawStrip } from '../bench/quality/strip.js';
import { tableHead, tableLine } from '../bench/quality/table.js';
import { comparisonRows, comparisons } from '../bench/quality/targets.js';
import { createTrackTracker } from '../bench/quality/track-tracker.js';
import { IDENTICAL_DB } from '../src/cli/report/quality.js';
import { createPicture, type Picture } from '../src/geometry/picture.js';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import { enrol } from '../src/sender/enrolment.js';
import { syntheticFace } from './synthetic-face.js';
import { itNeeds } from './tools.js';

function grey(level: number): Picture {
  const picture = createPicture(256, 256);
  picture.data.fill(level);
  return picture;
}

describe('decoders to judge', () => {
  it('are opened by name; one that is not there is told of and left out', async () => {
    const lines: string[] = [];
    const candidates = await openCandidates(['static', 'no-such-pack', 'warp'], (line) =>
      lines.push(line),
    );
    expect(candidates.map(({ name }) => name)).toEqual(['static', 'warp']);
    expect(lines).toEqual([expect.stringMatching(/^no-such-pack is left out: .*no pack/)]);
  });

  it('get every frame through the bytes of the codec, and hold where there is no face', async () => {
    const codec = createNodePictureCodec();
    const frames = [0, 6].map((shift) => ({
      picture: grey(80 + shift),
      landmarks: syntheticFace(128 + shift),
    }));
    const { identity } = await enrol(frames, { size: 256, references: 2, codec });
    for (const candidate of await openCandidates(['warp', 'static'], () => undefined)) {
      const lane = await openLane(candidate, identity, 25);
      const shown: Shown[] = [];
      for (let at = 0; at < 6; at++) {
        shown.push(
          ...(await lane.push(at === 2 ? undefined : syntheticFace(128 + at / 2), grey(80))),
        );
      }
      shown.push(...(await lane.flush()));
      const { traffic } = lane;
      await lane.close();
      expect(shown).toHaveLength(6);
      expect(shown.map(({ decodeMs }) => decodeMs === undefined)).toEqual(
        [0, 1, 2, 3, 4, 5].map((at) => at === 2),
      );
      expect(shown[2].picture).toBe(shown[1].picture);
      expect(shown[5].picture).toMatchObject({ width: 256, height: 256 });
      expect(traffic).toMatchObject({ frames: 6, fps: 25 });
      expect(traffic.messages).toBeLessThan(6);
      expect(traffic.bytes).toBeGreaterThan(20);
    }
  });
});

describe('the judge', () => {
  const face = syntheticFace();
  const instruments: Instruments = {
    // A black picture has no face; in a dark one every point is 3 pixels lower.
    landmarker: {
      async landmarks({ data }) {
        if (data[0] === 0) return undefined;
        return face.map((value, at) => (at % 3 === 1 && data[0] < 100 ? value + 3 : value));
      },
      async close() {},
    },
    embedder: {
      embed: async ({ data }) =>
        data[0] < 100 ? Float32Array.of(0.6, 0.8) : Float32Array.of(1, 0),
      async close() {},
    },
    butteraugli: { compare: async (_, decoded) => decoded.data[0], async close() {} },
    async close() {},
  };
  const traffic = { bytes: 100, messages: 2, frames: 8, fps: 25 };

  it('measures each so-many-th frame, and counts faces that were lost', async () => {
    const judge = createJudge(instruments, { count: 2, size: 256, stride: 3 });
    const measured: boolean[] = [];
    for (let index = 0; index < 8; index++) {
      const shown = [
        { picture: grey(200), decodeMs: 10 + index },
        { picture: grey(index === 3 ? 0 : 90), decodeMs: undefined },
      ];
      measured.push((await judge.frame({ index, source: grey(200), shown })) !== undefined);
    }
    expect(measured).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((at) => at % 3 === 0));
    const [same, dark] = await judge.finish([traffic, traffic]);
    expect(same).toMatchObject({ psnr: IDENTICAL_DB, l1: 0, akd: 0, lost: 0, flicker: 0 });
    expect(same).toMatchObject({ butteraugli: 200, decodeP50: 13.5, identity: 1 });
    expect(same.msSsim).toBeCloseTo(1, 9);
    expect(dark.akd).toBeCloseTo(3, 5);
    expect(dark.lips).toBeCloseTo(3, 5);
    expect(dark.identity).toBeCloseTo(0.6, 6);
    expect(dark.lost).toBeCloseTo(100 / 3, 9);
    expect(dark.butteraugli).toBe(60);
    expect(dark.mouthPsnr).toBeCloseTo(
      (2 * 10 * Math.log10(255 ** 2 / 110 ** 2) + 10 * Math.log10(255 ** 2 / 200 ** 2)) / 3,
      9,
    );
    // Measured were frames 0 (without a predecessor), 3 (90 before, 0 now) and 6.
    expect(dark.flicker).toBe(45);
    expect(dark.decodeP50).toBeUndefined();
  });

  it('counts distances at 256 whatever the size, and does without instruments', async () => {
    const shown = [{ picture: createPicture(512, 512), decodeMs: 1 }];
    shown[0].picture.data.fill(90);
    const source = createPicture(512, 512);
    source.data.fill(200);
    const large = createJudge(instruments, { count: 1, size: 512, stride: 1 });
    await large.frame({ index: 0, source, shown });
    expect((await large.finish([traffic]))[0].akd).toBeCloseTo(1.5, 5);
    const none = { landmarker: undefined, embedder: undefined, butteraugli: undefined };
    const blind = createJudge({ ...instruments, ...none }, { count: 1, size: 512, stride: 1 });
    await blind.frame({ index: 0, source, shown });
    const [figures] = await blind.finish([traffic]);
    expect(figures.psnr).toBeCloseTo(10 * Math.log10(255 ** 2 / 110 ** 2), 9);
    expect([figures.akd, figures.identity, figures.butteraugli]).toEqual(Array(3).fill(undefined));
  });
});

describe('what is shown of it', () => {
  it('moments are spread over the clip, and those of the extremes', () => {
    const moments = createMoments(80);
    for (let ordinal = 0; ordinal < 80; ordinal += 2) {
      const landmarks = syntheticFace();
      landmarks[3 * 14 + 1] += ordinal === 34 ? 20 : 0;
      const boxes = { mouth: BOX, eyes: [BOX, BOX] as const, face: BOX };
      const picture = grey(1);
      const source = { picture, face: { landmarks, boxes, energy: 1, embedding: undefined } };
      const shown = [{ picture, decodeMs: 1 }];
      moments.consider({ index: 100 + ordinal, source: picture, shown }, source, ordinal);
    }
    const chosen = moments.chosen();
    expect(chosen.slice(0, 8).map(({ index }) => index - 100)).toEqual([
      6, 16, 26, 36, 46, 56, 66, 76,
    ]);
    expect(chosen.find(({ why }) => why === 'mouth widest')?.index).toBe(134);
    expect(chosen).toHaveLength(11);
  });

  it('differences are over the clips that have both, with hits and misses', () => {
    const warp: Figures = { psnr: 20, butteraugli: 10, akd: 1, identity: 0.7 };
    const neural: Figures = { psnr: 22, butteraugli: 9, akd: 1, identity: 0.6, sharpness: 0.9 };
    const clips = [
      { static: { psnr: 15 }, warp, 'portrait-256-cpu': neural },
      { warp: { ...warp, psnr: 90 }, 'portrait-256-cpu': { butteraugli: 8 } },
    ];
    const [comparison, ...others] = comparisons(clips, ['static', 'warp', 'portrait-256-cpu']);
    expect(others).toEqual([]);
    expect(comparison.deltas.butteraugli).toBeCloseTo(-1.5, 9);
    expect(comparisonRows(comparison)).toEqual([
      ['PSNR', 'dB', '+2.00', 'at least +1.5 dB', 'hit'],
      ['Butteraugli', '3-norm', '-1.500', 'at least −12 %', 'hit'],
      ['AKD', 'px', '0.00', 'not higher', 'hit'],
      ['identity', 'cos', '-0.100', 'not lower', 'miss'],
    ]);
  });

  it('a table lines up', () => {
    const [heading, units] = tableHead();
    const line = tableLine('a/very/long/name/of/a/clip/that/is/cut.mp4', 'warp', { psnr: 21.234 });
    expect(new Set([heading.length, units.length, line.length]).size).toBe(1);
    expect(line.slice(0, heading.indexOf('PSNR') + 4)).toMatch(/warp +21\.23$/);
    expect(line).toMatch(/–$/);
  });
});

const BOX = { left: 100, top: 100, right: 140, bottom: 120 };

describe('bench/quality', () => {
  itNeeds('data')(
    'takes the tracks of the data for a tracker, at the size that is read',
    async () => {
      const clip = splits().validation.find(({ file }) => file.includes('id010'))!;
      const [whole, half] = await Promise.all(
        [1, 2].map(async (share) => {
          const tracker = createTrackTracker(clip.file, clip.width / share);
          await tracker.track(grey(0));
          return (await tracker.track(grey(0)))[0].landmarks;
        }),
      );
      const track = readNpz(join(dataRoot(), 'tracks', `${clip.file}.npz`));
      expect([...(track.frame.data as Int32Array).subarray(0, 2)]).toEqual([0, 1]);
      const first = 3 * 478;
      expect(whole[0]).toBeCloseTo(Number(track.landmarks.data[first]) / 16, 4);
      expect(half[3]).toBeCloseTo(Number(track.landmarks.data[first + 3]) / 32, 4);
    },
  );

  itNeeds('ffmpeg', 'data')('judges static and warp on a few frames of a clip', async () => {
    const skipped: string[] = [];
    const strips: Moment[][] = [];
    const clip = splits().validation.find(({ file }) => file.includes('id010'))!;
    const options = {
      size: 256,
      frames: 9,
      stride: 4,
      last: 1,
      references: 4,
      tracker: undefined,
    } as const;
    const report = await runBench(
      { ...options, clips: [clip], decoders: ['static', 'warp', 'portrait-of-nobody'] },
      {
        skip: (line) => skipped.push(line),
        clip: async (_, moments) => void strips.push([...moments]),
      },
    );
    expect(skipped[0]).toContain('portrait-of-nobody is left out');
    expect(report.clips[0]).toMatchObject({ file: clip.file, frames: 9, measuredFrames: 3 });
    const { static: still, warp } = report.means;
    for (const { psnr, ssim, sharpness, lost, identity } of [still, warp]) {
      expect(psnr).toBeGreaterThan(20);
      expect(ssim).toBeGreaterThan(0.6);
      expect(sharpness).toBeGreaterThan(0.2);
      expect(sharpness).toBeLessThan(2);
      expect(lost).toBe(0);
      expect(identity).toBeGreaterThan(0.6);
    }
    expect(warp.akd).toBeLessThan(still.akd!);
    expect(warp.akd).toBeLessThan(4);
    const strip = await drawStrip(strips[0], ['static', 'warp'], 256);
    const { width, format } = await sharp(strip).metadata();
    expect([width! > 3 * 256, format]).toEqual([true, 'jpeg']);
    const html = renderQuality(report, 'npx tsx bench/quality.ts', { [clip.file]: 'a.jpg' });
    expect(html).toContain(clip.file);
    expect(html).toContain('src="a.jpg"');
  });

  itNeeds('ffmpeg', 'data')('measures the end of a clip alone', async () => {
    const clips = splits().validation.filter(({ file }) => file.includes('id010'));
    const options = {
      size: 256,
      frames: 9,
      stride: 1,
      last: 0.34,
      references: 4,
      tracker: undefined,
    } as const;
    const indices: number[] = [];
    const report = await runBench(
      { ...options, clips, decoders: ['static'] },
      {
        skip: () => undefined,
        clip: async (_, moments) => void indices.push(...moments.map(({ index }) => index)),
      },
    );
    // The first second is the enrolment.
    expect([...new Set(indices)].sort()).toEqual([31, 32, 33]);
    expect(report.clips[0]).toMatchObject({ frames: 9, measuredFrames: 3 });
  });
});
