import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { dataRoot, splits } from '../bench/data.js';
import { createLandmarker } from '../bench/face-landmarker.js';
import { readJpegFrames } from '../bench/jpeg-frames.js';
import { readNpz } from '../bench/npz.js';
import { importTracker } from '../src/cli/commands/import-tracker.js';
import { openZip } from '../src/models/import/zip.js';
import { PackError } from '../src/models/pack.js';
import { convertTask } from '../src/sender/trackers/face-landmarker-task.js';
import { importedTrackerFolder, openFaceTracker } from '../src/sender/trackers/open.js';
import { checkTask } from '../src/sender/trackers/task-check.js';
import { temporaryFolder } from './support/cli.js';
import { tfliteFile } from './support/tflite-file.js';
import { zipFile } from './support/zip-file.js';
import { describeNeeds, itNeeds } from './tools.js';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => rm(folder, { recursive: true }));

/** What the command prints on stdout and stderr. */
async function printed(...args: string[]) {
  const texts = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      texts[stream] += text;
      return true;
    }),
  );
  try {
    await importTracker(args);
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return texts;
}

describe('zip archives', () => {
  it.each([false, true])('reads what is stored or deflated: %o', (deflated) => {
    const content = Buffer.from('face '.repeat(50));
    const entry = openZip('a.zip', zipFile({ empty: Buffer.of(), face: content }, { deflated }));
    expect(Buffer.from(entry('face')).equals(content)).toBe(true);
    expect(entry('empty').length).toBe(0);
    expect(() => entry('other')).toThrow(/^a\.zip holds no other: give /);
  });

  it('takes every truncated archive, and one with any byte changed, for what it is', () => {
    const zip = zipFile({ face: Buffer.from('face '.repeat(9)) }, { deflated: true });
    for (let length = 0; length < zip.length; length++)
      expect(() => openZip('a.zip', zip.slice(0, length))).toThrow(PackError);
    for (let at = 0; at < zip.length; at++) {
      const changed = zip.slice();
      changed[at]! ^= 0x55;
      try {
        openZip('a.zip', changed)('face');
      } catch (error) {
        expect(error).toBeInstanceOf(PackError);
      }
    }
  });
});

describe('import-tracker with a file that will not do', () => {
  const relu = (code: number) =>
    tfliteFile({
      tensors: [{ dims: [1] }, { dims: [1] }, { dims: [1] }],
      inputs: [0],
      outputs: [1, 2],
      operators: [{ code, inputs: [0], outputs: [1] }],
    });

  it.each([
    ['a picture', () => Buffer.from('GIF89a'), /is no zip archive, or truncated: give /],
    ['nothing', () => Buffer.of(), /is no zip archive, or truncated: give /],
    [
      'another archive',
      () => zipFile({ a: Buffer.of(1) }),
      /holds no face_detector\.tflite: give /,
    ],
    [
      'a broken graph',
      () => zipFile({ 'face_detector.tflite': relu(19).slice(0, 200) }),
      /face_detector\.tflite in .*bad\.task is truncated or damaged: give /,
    ],
    [
      'an unknown operator',
      () => zipFile({ 'face_detector.tflite': relu(123) }),
      /face_detector\.tflite in .*bad\.task has an operator that cannot be converted \(TFLite's number 123\): give /,
    ],
  ])('says so of %s, in a line', async (_, content, message) => {
    const path = join(folder, 'bad.task');
    await writeFile(path, content());
    const error = await importTracker([path, '--out', join(folder, 'none')]).catch((e) => e);
    expect(error).toBeInstanceOf(PackError);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('\n');
    expect(await readdir(folder)).not.toContain('none');
  });

  it('says so of a file that is not there, and of no file', async () => {
    const missing = importTracker([join(folder, 'missing.task')]);
    await expect(missing).rejects.toThrow(/missing\.task cannot be read \(ENOENT.*\): give /);
    await expect(importTracker([folder])).rejects.toThrow(/cannot be read \(EISDIR/);
    await expect(importTracker([])).rejects.toThrow(/give one file, MediaPipe's/);
    await expect(importTracker(['a', '--pack', 'b'])).rejects.toThrow(/--pack.*--help/);
  });
});

describe('where a tracker is imported to', () => {
  it('is the user’s own folder', () => {
    const expected = join('visavis', 'tracker-facelandmarker');
    expect(importedTrackerFolder()).toBe(join(process.env.XDG_DATA_HOME!, expected));
  });
});

describeNeeds('data')('import-tracker with MediaPipe’s own file', () => {
  const taskFile = resolve(dataRoot(), '../models/mediapipe/face_landmarker.task');
  const still = 'stills/canada/003f.jpg';
  /** A third of it is the rounding of the tracks to sixteenths of a pixel. */
  const MAX_ERROR = 0.15;

  async function readStill() {
    const image = sharp(resolve(dataRoot(), still)).ensureAlpha().raw();
    const { data, info } = await image.toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data: new Uint8ClampedArray(data) };
  }
  const track = (file: string, at: number) => {
    const { landmarks } = readNpz(`${dataRoot()}/tracks/${file}.npz`);
    const numbers = (landmarks!.data as Int16Array).subarray(at * 1434, (at + 1) * 1434);
    return Float32Array.from(numbers, (value) => value / 16);
  };
  /** Mean distance in per cent of the inter-ocular distance. */
  function error(ours: Float32Array, theirs: Float32Array): number {
    const distance = (a: number, other: Float32Array, b: number) =>
      Math.hypot(theirs[a * 3]! - other[b * 3]!, theirs[a * 3 + 1]! - other[b * 3 + 1]!);
    let sum = 0;
    for (let i = 0; i < 478; i++) sum += distance(i, ours, i);
    return (100 * sum) / 478 / distance(468, theirs, 473);
  }

  it('writes a pack that is opened from then on, and tracks a face', async () => {
    const before = process.env.XDG_DATA_HOME;
    process.env.XDG_DATA_HOME = join(folder, 'data');
    try {
      const { stdout, stderr } = await printed(taskFile);
      expect(stdout).toMatch(/^checked .*recorded numbers\nwritten .*facelandmarker\nused .*\n$/);
      expect(stderr).toBe('');
      const tracker = await openFaceTracker();
      expect(tracker.name).toBe('tracker-facelandmarker');
      const picture = await readStill();
      const [face, ...others] = await tracker.track(picture);
      expect(others).toEqual([]);
      expect(face!.presence).toBeGreaterThan(0.9);
      expect(error(face!.landmarks, track(still, 0))).toBeLessThan(1.5);
      await tracker.close();
    } finally {
      process.env.XDG_DATA_HOME = before;
    }
  });

  it('tries another file, and warns', async () => {
    const path = join(folder, 'other.task');
    const changed = await readFile(taskFile);
    // The time of an entry: another file, the same graphs.
    changed[10]! ^= 1;
    await writeFile(path, changed);
    const out = join(folder, 'other');
    const { stdout, stderr } = await printed(path, '--out', out);
    expect(stderr).toMatch(/^warning: .*other\.task is not the face_landmarker\.task .*\n$/);
    expect(stdout).toContain(`--tracker ${out}`);
    expect((await readdir(out)).sort()).toEqual([
      'detector.onnx',
      'landmarks.onnx',
      'manifest.json',
    ]);
  });

  it('refuses graphs that do not give the recorded numbers', async () => {
    const task = convertTask('task', await readFile(taskFile));
    expect(await checkTask(task)).toBeLessThan(0.001);
    const landmarks = task.landmarks.slice();
    landmarks.fill(0, landmarks.length >> 1, (landmarks.length >> 1) + 4000);
    await expect(checkTask({ ...task, landmarks })).rejects.toThrow(/are off by .* should give/);
    const swapped = { ...task, landmarks: task.detector };
    await expect(checkTask(swapped)).rejects.toThrow(/^a converted graph does not work/);
  });

  it('says so where the folder cannot be written', async () => {
    await mkdir(join(folder, 'parent'));
    await copyFile(taskFile, join(folder, 'parent', 'file'));
    const out = join(folder, 'parent', 'file', 'pack');
    await expect(importTracker([taskFile, '--out', out])).rejects.toThrow(
      /cannot be written \(E[A-Z]+: .*\): give another folder with --out$/,
    );
  });

  it('gives FaceLandmarker’s own points of a still, and none of an empty picture', async () => {
    const landmarker = await createLandmarker(taskFile);
    const found = await landmarker.landmarks(await readStill());
    expect(error(found!, track(still, 0))).toBeLessThan(MAX_ERROR);
    const data = new Uint8ClampedArray(300 * 200 * 4);
    expect(await landmarker.landmarks({ width: 300, height: 200, data })).toBeUndefined();
    await landmarker.close();
  });

  itNeeds('ffmpeg')('gives FaceLandmarker’s own points of frames of clips', async () => {
    const landmarker = await createLandmarker(taskFile);
    for (const part of ['id010_', 'fom_dv', 'SkyReels']) {
      const { file } = splits().validation.find((clip) => clip.file.includes(part))!;
      let frame = 0;
      for await (const picture of readJpegFrames(`${dataRoot()}/${file}`)) {
        const found = await landmarker.landmarks(picture);
        expect(error(found!, track(file, frame)), `${file}, frame ${frame}`).toBeLessThan(
          MAX_ERROR,
        );
        if (++frame === 3) break;
      }
    }
    await landmarker.close();
  });
});
