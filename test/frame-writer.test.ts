import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openClip } from '../src/cli/media/clip-source.js';
import { writeComparison } from '../src/cli/media/comparison.js';
import { commonIndices } from '../src/cli/media/frame-store.js';
import { createFrameWriter, openFrameFolder } from '../src/cli/media/frame-writer.js';
import { createRawFrameWriter, openRawFrames } from '../src/cli/media/raw-frames.js';
import { UserError } from '../src/cli/user-error.js';
import { createPicture, type Picture } from '../src/geometry/picture.js';
import { itNeeds, processesNaming } from './tools.js';

/** A file of Linux that takes no byte, as a full disk. */
const itFullDisk = it.skipIf(!existsSync('/dev/full'));

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'visavis-frames-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** A slope whose brightness depends on `seed`. */
function picture(seed: number, width = 24, height = 16): Picture {
  const made = createPicture(width, height);
  made.data.forEach((_, at) => {
    made.data[at] = at % 4 === 3 ? 255 : (at / 4 + seed * 40 + (at % 4) * 9) & 255;
  });
  return made;
}

async function writeBoth(count: number, width = 24, height = 16) {
  for (const kind of ['src', 'dec'] as const) {
    const writer = await createFrameWriter(dir, kind);
    for (let i = 0; i < count; i++) await writer.write(i, picture(i, width, height));
    await writer.finish();
  }
  const [source, received] = await Promise.all([
    openFrameFolder(dir, 'src'),
    openFrameFolder(dir, 'dec'),
  ]);
  return { dir, source, received, captions: { source: 'source', received: 'received · 2 kbps' } };
}

describe('frames as PNG', () => {
  it('come back as they were, under the names of the contract', async () => {
    const writer = await createFrameWriter(dir, 'dec');
    for (const index of [25, 26, 1234567]) await writer.write(index, picture(index));
    expect(await writer.finish()).toBe(3);
    expect((await readdir(join(dir, 'frames'))).sort()).toEqual([
      'dec-000025.png',
      'dec-000026.png',
      'dec-1234567.png',
    ]);
    const store = await openFrameFolder(dir, 'dec');
    expect(store.indices).toEqual([25, 26, 1234567]);
    expect(await store.read(26)).toEqual(picture(26));
    expect((await openFrameFolder(dir, 'src')).indices).toEqual([]);
  });

  itFullDisk('keep what is written when the disk fills up, and leave no half file', async () => {
    const writer = await createFrameWriter(dir, 'src');
    await writer.write(0, picture(0));
    // A file that refuses every byte, as a full disk does.
    await symlink('/dev/full', join(dir, 'frames', 'src-000001.png.1.part'));
    await expect(writer.write(1, picture(1)).then(() => writer.finish())).rejects.toThrow(
      /^the disk is full: what was written is kept \(1 frames\); free some space, or give another folder than/,
    );
    await expect(writer.write(2, picture(2))).rejects.toBeInstanceOf(UserError);
    expect(await readdir(join(dir, 'frames'))).toEqual(['src-000000.png']);
  });

  it('cannot go where a file is', async () => {
    const file = join(dir, 'report.html');
    await writeFile(file, '');
    await expect(createFrameWriter(file, 'src')).rejects.toThrow(
      /report.html is not a folder: give/,
    );
  });
});

describe('frames in one raw file', () => {
  it('are whole also where nobody waits between them', async () => {
    const path = join(dir, 'dec.raw');
    const writer = await createRawFrameWriter(path);
    const side = 512;
    const frames = [1, 2, 3, 4, 5, 6].map((index) => ({
      width: side,
      height: side,
      data: new Uint8ClampedArray(side * side * 4).fill(index),
    }));
    await Promise.all(frames.map((frame, index) => writer.write(index, frame)));
    await writer.finish();
    const store = await openRawFrames(path);
    for (const [index, { data }] of frames.entries()) {
      expect((await store.read(index)).data).toEqual(data);
    }
    await store.close();
  });

  it('come back in any order, without one that was cut off', async () => {
    const path = join(dir, 'dec.raw');
    const writer = await createRawFrameWriter(path);
    for (const index of [4, 2, 9]) await writer.write(index, picture(index));
    expect(await writer.finish()).toBe(3);
    const store = await openRawFrames(path);
    expect(store.indices).toEqual([2, 4, 9]);
    expect(await store.read(9)).toEqual(picture(9));
    expect(await store.read(4)).toEqual(picture(4));
    await store.close();

    await truncate(path, 12 + 2 * (4 + 24 * 16 * 4) + 100);
    const cut = await openRawFrames(path);
    expect(cut.indices).toEqual([2, 4]);
    expect(commonIndices(store, cut)).toEqual([2, 4]);
    await cut.close();
  });

  itFullDisk('say that the disk is full', async () => {
    const writer = await createRawFrameWriter('/dev/full');
    await expect(writer.write(0, picture(0)).then(() => writer.finish())).rejects.toThrow(
      /^the disk is full: free some space/,
    );
  });
});

describe('the comparison', () => {
  itNeeds('ffmpeg')('is an mp4 with both halves', async () => {
    const input = await writeBoth(12, 64, 64);
    expect(await writeComparison({ ...input, fps: 25 })).toEqual({
      file: 'comparison.mp4',
      frames: 12,
      everyNth: 1,
    });
    const clip = await openClip(join(dir, 'comparison.mp4'));
    expect(clip).toMatchObject({ width: 136, fps: 25, frameCount: 12 });
    expect([64, 84]).toContain(clip.height);
    await clip.close();
    expect((await readdir(dir)).sort()).toEqual(['comparison.mp4', 'frames']);
  });

  it('is an animated WebP without ffmpeg, in the time of the clip', async () => {
    const input = await writeBoth(310, 24, 16);
    const before = process.env.PATH;
    process.env.PATH = dir;
    try {
      expect(await writeComparison({ ...input, fps: 25 })).toEqual({
        file: 'comparison.webp',
        frames: 155,
        everyNth: 2,
        note: 'one frame in 2 (install ffmpeg for the whole)',
      });
    } finally {
      process.env.PATH = before;
    }
    const { pages, delay, width } = await sharp(join(dir, 'comparison.webp')).metadata();
    expect([pages, width, delay?.reduce((sum, ms) => sum + ms, 0)]).toEqual([155, 56, 12400]);
  });

  it('is not made of nothing', async () => {
    const input = await writeBoth(0);
    expect(await writeComparison({ ...input, fps: 25 })).toBeUndefined();
    expect(await readdir(dir)).toEqual(['frames']);
  });

  itNeeds('ffmpeg')('leaves nothing behind when it is aborted', async () => {
    const input = await writeBoth(30, 64, 64);
    const abort = new AbortController();
    const reading = input.source.read;
    const source = {
      ...input.source,
      read: (index: number) => {
        if (index === 10) abort.abort();
        return reading(index);
      },
    };
    await expect(
      writeComparison({ ...input, source, fps: 25, signal: abort.signal }),
    ).rejects.toThrow(/aborted/);
    expect(await readdir(dir)).toEqual(['frames']);
    expect(processesNaming(dir)).toEqual([]);
  });
});
