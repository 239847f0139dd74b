import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { dataRoot, splits } from '../bench/data.js';
import { readFrames } from '../bench/frames.js';
import { readNpz } from '../bench/npz.js';
import { createPicture, type Picture } from '../src/geometry/picture.js';
import { InvalidStateError } from '../src/protocol/errors.js';
import { createOneEuroFilter } from '../src/sender/one-euro.js';
import type { FaceTracker, TrackedFace } from '../src/sender/tracker.js';
import {
  ANCHOR_COUNT,
  coverage,
  createAnchors,
  overlap,
  suppress,
} from '../src/sender/trackers/blazeface.js';
import { openFaceTracker } from '../src/sender/trackers/open.js';
import {
  type Region,
  regionOfPoints,
  regionToPicture,
  sampleRegion,
} from '../src/sender/trackers/region.js';
import { describeNeeds } from './tools.js';

const PACK = fileURLToPath(new URL('../packs/tracker', import.meta.url));

describe('detector decoding', () => {
  it('lays anchors at cell centres, rows first, in the order of the outputs', () => {
    const anchors = createAnchors(256);
    expect(anchors.length).toBe(ANCHOR_COUNT * 2);
    const at = (i: number) => [anchors[i * 2], anchors[i * 2 + 1]];
    expect([at(0), at(1), at(2), at(32)]).toEqual([
      [8, 8],
      [8, 8],
      [24, 8],
      [8, 24],
    ]);
    expect([at(512), at(518), at(895)]).toEqual([
      [16, 16],
      [48, 16],
      [240, 240],
    ]);
  });

  it('makes one of overlapping boxes and keeps all that stand apart', () => {
    const square = (x: number, score: number) => ({
      x,
      y: 0,
      width: 10,
      height: 10,
      score,
      eyesX: 4,
      eyesY: x,
    });
    expect(overlap(square(0, 1), square(5, 1))).toBeCloseTo(1 / 3);
    expect(overlap(square(0, 1), square(10, 1))).toBe(0);
    expect(coverage(square(0, 1), { x: 4, y: 4, width: 4, height: 8 })).toBeCloseTo(0.75);
    const kept = suppress([square(0, 0.6), square(2, 0.9), square(30, 0.7)]);
    // The mean of 0 and 2 by their scores, with the better one's.
    expect(kept.map(({ x, score }) => [x, score])).toEqual([
      [expect.closeTo(1.2), 0.9],
      [expect.closeTo(30), 0.7],
    ]);
    expect(kept[0]).toMatchObject({ y: 0, width: 10, eyesX: 4, eyesY: expect.closeTo(1.2) });
  });
});

describe('regions', () => {
  /** Red rises with x, green with y: bilinear sampling gives the position back exactly. */
  function ramp(width: number, height: number): Picture {
    const picture = createPicture(width, height);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) picture.data.set([x, y, 0, 255], (y * width + x) * 4);
    return picture;
  }
  const plain = { low: 0, high: 255, outside: 'edge' } as const;

  it.each([
    { size: 40, angle: 0.4, mirrored: false },
    { size: 40, angle: -1.1, mirrored: true },
    { size: 100, angle: 0.4, mirrored: false },
  ])('samples where regionToPicture says: %o', ({ size, angle, mirrored }) => {
    const region: Region = { centreX: 101.3, centreY: 97.8, size, angle };
    const side = 16;
    const samples = new Float32Array(side * side * 3);
    sampleRegion(ramp(200, 200), region, side, samples, 0, { ...plain, mirrored });
    for (const [column, row] of [
      [0, 0],
      [15, 3],
      [7, 12],
    ] as const) {
      const point = Float32Array.of(column + 0.5, row + 0.5, 2);
      regionToPicture(region, side, point, 1, point, mirrored);
      const at = (row * side + column) * 3;
      expect(samples[at]).toBeCloseTo(point[0]! - 0.5, 3);
      expect(samples[at + 1]).toBeCloseTo(point[1]! - 0.5, 3);
      expect(point[2]).toBeCloseTo((2 * size) / side, 4);
    }
  });

  it('fills what lies outside with the edge or with black', () => {
    const white = createPicture(4, 4);
    white.data.fill(255);
    const region = { centreX: 0, centreY: 2, size: 8, angle: 0 };
    const edge = new Float32Array(8 * 8 * 3);
    sampleRegion(white, region, 8, edge, 0, { ...plain, low: -1, high: 1 });
    expect([...new Set(edge)]).toEqual([1]);
    const black = new Float32Array(8 * 8 * 3);
    sampleRegion(white, region, 8, black, 0, { low: -1, high: 1, outside: 'black' });
    expect([black[4 * 24 + 3 * 3], black[4 * 24 + 4 * 3]]).toEqual([-1, 1]);
  });

  it('puts the upright square around turned points', () => {
    const angle = 0.7;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    const local = [
      [-20, 0],
      [20, 0],
      [0, 50],
    ] as const;
    const points = Float32Array.from(
      local.flatMap(([u, v]) => [70 + cos * u - sin * v, 80 + sin * u + cos * v, 0]),
    );
    const region = regionOfPoints(points, 3, 0, 1, 1.5);
    expect(region.angle).toBeCloseTo(angle, 4);
    expect(region.size).toBeCloseTo(75, 3);
    expect(region.centreX).toBeCloseTo(70 - sin * 25, 3);
    expect(region.centreY).toBeCloseTo(80 + cos * 25, 3);
  });
});

describe('One-Euro filter', () => {
  const options = { rate: 25, minCutoff: 1, beta: 80, speedCutoff: 5 };

  it('quietens small alternating noise', () => {
    const filter = createOneEuroFilter(options);
    const values = new Float32Array(1);
    let last = 0;
    for (let i = 0; i < 50; i++) {
      values[0] = 100 + (i % 2 ? 0.02 : -0.02);
      filter(values, 100);
      last = Math.abs(values[0]! - 100);
    }
    expect(last).toBeLessThan(0.01);
    expect(last).toBeGreaterThan(0);
  });

  it('follows a fast move within a frame and settles exactly', () => {
    const filter = createOneEuroFilter(options);
    filter(Float32Array.of(0), 100);
    const moved = Float32Array.of(50);
    filter(moved, 100);
    expect(moved[0]).toBeGreaterThan(48);
    let settled = Float32Array.of(50);
    for (let i = 0; i < 100; i++) {
      settled = Float32Array.of(50);
      filter(settled, 100);
    }
    expect(settled[0]).toBeCloseTo(50, 3);
  });

  it('gives the same at every scale when the unit scales too', () => {
    const [small, large] = [createOneEuroFilter(options), createOneEuroFilter(options)];
    for (const x of [1, 1.5, 1.2, 3]) {
      const a = Float32Array.of(x);
      const b = Float32Array.of(x * 8);
      small(a, 10);
      large(b, 80);
      expect(b[0]! / 8).toBeCloseTo(a[0]!, 5);
    }
  });
});

describe('the embedded tracker without a face', () => {
  it('gives nothing for noise, a flat picture and a single pixel, and nothing after close', async () => {
    const tracker = await openFaceTracker({ packPath: PACK });
    const noise = createPicture(320, 240);
    let seed = 1;
    for (let i = 0; i < noise.data.length; i++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      noise.data[i] = seed >>> 24;
    }
    expect(await tracker.track(noise)).toEqual([]);
    expect(await tracker.track(createPicture(64, 300))).toEqual([]);
    expect(await tracker.track(createPicture(1, 1))).toEqual([]);
    await tracker.close();
    await tracker.close();
    await expect(tracker.track(noise)).rejects.toThrow(InvalidStateError);
  });

  it('says what to do when the pack is missing or damaged', async () => {
    await expect(openFaceTracker({ packPath: '/no/such/pack' })).rejects.toThrow(
      /\/no\/such\/pack.*manifest\.json.*reinstall/,
    );
    const folder = await mkdtemp(join(tmpdir(), 'visavis-pack-'));
    try {
      await cp(PACK, folder, { recursive: true });
      const iris = await readFile(join(folder, 'iris.onnx'));
      iris[iris.length >> 1]! ^= 1;
      await writeFile(join(folder, 'iris.onnx'), iris);
      await expect(openFaceTracker({ packPath: folder })).rejects.toThrow(
        /iris\.onnx does not have the SHA-256/,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describeNeeds('ffmpeg', 'data')('the embedded tracker on clips', () => {
  const clipNamed = (part: string) => {
    const clip = Object.values(splits())
      .flat()
      .find(({ file }) => file.includes(part));
    if (!clip) throw new Error(`no clip ${part} in splits.json`);
    return clip;
  };

  /** The first `count` results for a clip, from frame `start` on. */
  async function trackClip(part: string, count: number, start = 0, smooth = true) {
    const clip = clipNamed(part);
    const tracker: FaceTracker = await openFaceTracker({ packPath: PACK, smooth });
    const results: TrackedFace[][] = [];
    let index = 0;
    for await (const picture of readFrames(`${dataRoot()}/${clip.file}`, clip)) {
      if (index++ < start) continue;
      results.push(await tracker.track(picture));
      if (results.length === count) break;
    }
    await tracker.close();
    return results;
  }

  function theirPoints(part: string): (frame: number) => Float32Array {
    const { landmarks } = readNpz(`${dataRoot()}/tracks/${clipNamed(part).file}.npz`);
    const data = landmarks!.data as Int16Array;
    return (frame) =>
      Float32Array.from(data.subarray(frame * 1434, (frame + 1) * 1434), (v) => v / 16);
  }

  /** Mean distance of points `from..to` in per cent of the inter-ocular distance. */
  function error(ours: Float32Array, theirs: Float32Array, from: number, to: number): number {
    let sum = 0;
    for (let i = from * 3; i < to * 3; i += 3)
      sum += Math.hypot(ours[i]! - theirs[i]!, ours[i + 1]! - theirs[i + 1]!);
    const [right, left] = [468 * 3, 473 * 3];
    const unit = Math.hypot(theirs[right]! - theirs[left]!, theirs[right + 1]! - theirs[left + 1]!);
    return (100 * sum) / (to - from) / unit;
  }

  // Each pair of limits is about 1.5 times what was measured.
  it.each([
    { clip: 'id010_', mesh: 3.2, irises: 2.2 },
    { clip: 'fom_dv', mesh: 2.6, irises: 2.2 },
    { clip: 'data_d.mp4', mesh: 3, irises: 2.2 },
  ])('agrees with FaceLandmarker on $clip', async ({ clip, mesh, irises }) => {
    const results = await trackClip(clip, 25);
    const theirs = theirPoints(clip);
    const mean = (from: number, to: number) =>
      results.reduce((sum, [face], i) => sum + error(face!.landmarks, theirs(i), from, to), 0) / 25;
    expect(results.every((faces) => faces.length === 1)).toBe(true);
    expect(mean(0, 468)).toBeLessThan(mesh);
    expect(mean(468, 478)).toBeLessThan(irises);
    // Depth: the same sign and scale (z of the nose tip against the face's outline).
    const depth = (points: Float32Array) => points[1 * 3 + 2]! - points[234 * 3 + 2]!;
    const ratio = depth(results[0]![0]!.landmarks) / depth(theirs(0));
    expect(ratio).toBeGreaterThan(0.8);
    expect(ratio).toBeLessThan(1.25);
  });

  it('finds a small face behind hands in every frame', async () => {
    for (const clip of ['id021_thanks', 'id017_book']) {
      const results = await trackClip(clip, 40);
      expect(results.every((faces) => faces.length === 1)).toBe(true);
    }
  });

  it('notices when the face leaves, and when it is back', async () => {
    const clip = clipNamed('test_cif_I_CABAC');
    const tracker = await openFaceTracker({ packPath: PACK });
    const pictures: Picture[] = [];
    for await (const picture of readFrames(`${dataRoot()}/${clip.file}`, clip)) {
      pictures.push(picture);
      if (pictures.length === 231) break;
    }
    const counts: number[] = [];
    for (const frame of [0, 1, 2, 230, 230, 1]) {
      counts.push((await tracker.track(pictures[frame]!)).length);
    }
    await tracker.close();
    expect(counts).toEqual([1, 1, 1, 0, 0, 1]);
  });

  it('gives two faces, the larger one first, within ten frames', async () => {
    const clip = clipNamed('id010_');
    const tracker = await openFaceTracker({ packPath: PACK });
    let counts = '';
    for await (const { width, height, data } of readFrames(`${dataRoot()}/${clip.file}`, clip)) {
      // From the fourth frame on: the same face again, at half the size, at the right.
      const picture = createPicture(width * 2, height);
      for (let y = 0; y < height; y++) {
        picture.data.set(data.subarray(y * width * 4, (y + 1) * width * 4), y * width * 8);
        if (counts.length < 3 || y >= height >> 1) continue;
        for (let x = 0; x < width >> 1; x++) {
          const from = (y * 2 * width + x * 2) * 4;
          picture.data.set(data.subarray(from, from + 4), (y * width * 2 + width + x) * 4);
        }
      }
      const faces = await tracker.track(picture);
      counts += faces.length;
      if (faces.length === 2) {
        expect(faces[0]!.landmarks[3]).toBeLessThan(width);
        expect(faces[1]!.landmarks[3]).toBeGreaterThan(width);
      }
      if (counts.length === 14) break;
    }
    await tracker.close();
    expect(counts).toMatch(/^1{3,11}2+$/);
  });
});
