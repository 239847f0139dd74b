import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClipSource, openClip } from '../src/cli/media/clip-source.js';
import { UserError } from '../src/cli/user-error.js';
import type { Picture } from '../src/geometry/picture.js';
import { itNeeds, processesNaming } from './tools.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'visavis-clip-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const itFfmpeg = itNeeds('ffmpeg');

/** A clip whose picture `i` at 25 fps is grey of level `20 + 3 i`: the level says which moment it shows. */
const GREY_RAMP = "color=black:s=64x48:r=25:d=2,format=gray,geq=lum='20+3*N'";

function makeClip(name: string, source: string, ...output: string[]): string {
  const path = join(folder, name);
  execFileSync('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', source, ...output, path]);
  return path;
}

/** Pages of one grey level each. */
async function makeWebp(name: string, levels: number[], delay: number[], side = 32) {
  const raw = { width: side, height: side * levels.length, channels: 3 as const, pageHeight: side };
  const data = Buffer.concat(levels.map((level) => Buffer.alloc(side * side * 3, level)));
  const path = join(folder, name);
  await sharp(data, { raw }).webp({ lossless: true, effort: 0, delay, loop: 0 }).toFile(path);
  return path;
}

async function readAll(clip: ClipSource): Promise<Picture[]> {
  const pictures: Picture[] = [];
  for await (const picture of clip.frames()) pictures.push(picture);
  await clip.close();
  return pictures;
}

const levelOf = ({ data, width, height }: Picture) =>
  data[(width * (height >> 1) + (width >> 1)) * 4];

async function messageFor(path: string): Promise<string> {
  const error = await openClip(path).then(readAll, (reason) => reason);
  expect(error).toBeInstanceOf(UserError);
  expect(error.message).not.toContain('\n');
  expect(error.exitCode).not.toBe(0);
  return error.message.replaceAll(folder, 'DIR');
}

describe('pictures through sharp', () => {
  it('reads an animated WebP at the rate of its delays', async () => {
    const levels = Array.from({ length: 50 }, (_, index) => index * 5);
    const clip = await openClip(await makeWebp('even.webp', levels, Array(50).fill(40)));
    expect(clip).toMatchObject({ width: 32, height: 32, fps: 25, frameCount: 50 });
    const pictures = await readAll(clip);
    expect(pictures.map(levelOf)).toEqual(levels);
    expect(pictures[7].data.length).toBe(32 * 32 * 4);
    expect(pictures[7].data[3]).toBe(255);
  });

  it('keeps the time of pages with different delays', async () => {
    const clip = await openClip(await makeWebp('uneven.webp', [10, 20, 30, 40], [20, 20, 100, 20]));
    expect(clip.fps).toBe(25);
    expect((await readAll(clip)).map(levelOf)).toEqual([20, 30, 30, 40]);
  });

  it('reads an animation that is larger than one group of pages', async () => {
    const levels = [10, 60, 110, 160, 210];
    const clip = await openClip(await makeWebp('big.webp', levels, Array(5).fill(40), 2100));
    expect(clip).toMatchObject({ width: 1920, height: 1920, frameCount: 5 });
    expect((await readAll(clip)).map(levelOf)).toEqual(levels);
  });

  it('reads a still picture as one frame', async () => {
    const path = join(folder, 'still.png');
    await sharp({ create: { width: 40, height: 20, channels: 3, background: '#ff0000' } })
      .toColourspace('b-w')
      .toFile(path);
    const [picture, ...others] = await readAll(await openClip(path));
    expect(others).toHaveLength(0);
    expect([picture.width, picture.height, picture.data.length]).toEqual([40, 20, 3200]);
    expect(picture.data[0]).toBe(picture.data[1]);
  });

  it('starts anew with every call and stops where the loop ends', async () => {
    const clip = await openClip(await makeWebp('again.webp', [10, 20, 30], [40, 40, 40]));
    for await (const picture of clip.frames()) {
      expect(levelOf(picture)).toBe(10);
      break;
    }
    expect((await readAll(clip)).map(levelOf)).toEqual([10, 20, 30]);
  });
});

describe('video through ffmpeg', () => {
  itFfmpeg('gives every frame of an mp4, in order', async () => {
    const clip = await openClip(makeClip('ramp.mp4', GREY_RAMP, '-crf', '1'));
    expect(clip).toMatchObject({ width: 64, height: 48, fps: 25, frameCount: 50 });
    const levels = (await readAll(clip)).map(levelOf);
    expect(levels).toHaveLength(50);
    expect([...levels].sort((a, b) => a - b)).toEqual(levels);
    expect(new Set(levels).size).toBeGreaterThan(45);
  });

  itFfmpeg('holds the time of a variable-rate webm', async () => {
    const dropped = `${GREY_RAMP},select='lt(mod(n,5),3)'`;
    const clip = await openClip(
      makeClip('vfr.webm', dropped, '-vsync', 'vfr', '-c:v', 'libvpx', '-crf', '4', '-b:v', '2M'),
    );
    const level = (await readAll(clip)).map(levelOf);
    const full = (await readAll(await openClip(makeClip('cfr.mp4', GREY_RAMP, '-crf', '1')))).map(
      levelOf,
    );
    expect(level.length).toBeGreaterThan(20);
    // Where frames were left out, one at most three frames (3 × 3.5 levels) older is on show; a clip
    // that runs at the wrong speed is off by up to 70.
    level.forEach((value, index) => {
      const now = full[Math.min(full.length - 1, Math.round((index * 25) / clip.fps))];
      expect(Math.abs(value - now)).toBeLessThan(18);
    });
  });

  itFfmpeg('measures the rate where the container has none', async () => {
    const path = makeClip('live.webm', GREY_RAMP, '-c:v', 'libvpx', '-live', '1');
    const clip = await openClip(path);
    expect(clip.fps).toBeCloseTo(25, 0);
    expect((await readAll(clip)).length).toBe(50);
  });

  itFfmpeg('turns a rotated clip and squares its pixels', async () => {
    const flat = makeClip('flat.mp4', GREY_RAMP);
    const turned = join(folder, 'turned.mp4');
    const rotate = ['-c', 'copy', '-metadata:s:v', 'rotate=90', turned];
    execFileSync('ffmpeg', ['-v', 'error', '-y', '-i', flat, ...rotate]);
    const wide = makeClip('wide.mp4', `${GREY_RAMP},setsar=2/1`);
    for (const [path, width, height] of [
      [turned, 48, 64],
      [wide, 128, 48],
    ] as const) {
      const clip = await openClip(path);
      expect([clip.width, clip.height]).toEqual([width, height]);
      const pictures = await readAll(clip);
      expect(pictures).toHaveLength(50);
      expect(pictures[0].data.length).toBe(width * height * 4);
    }
  });

  itFfmpeg('reads raw H.264, MPEG-1, 100 fps and 29.97 fps', async () => {
    for (const [name, source, count, ...output] of [
      ['raw.264', GREY_RAMP, 50, '-bf', '2'],
      ['old.mpg', GREY_RAMP, 50],
      ['fast.mp4', 'testsrc2=s=64x64:r=100:d=1', 100],
      ['ntsc.mkv', 'testsrc2=s=64x64:r=30000/1001:d=5', 150],
    ] as const) {
      const clip = await openClip(makeClip(name, source, ...output));
      expect([name, (await readAll(clip)).length]).toEqual([name, count]);
    }
  });

  itFfmpeg('scales a large clip down', async () => {
    const path = makeClip('large.mp4', 'testsrc2=s=2880x1440:r=5:d=1', '-preset', 'ultrafast');
    const clip = await openClip(path);
    expect([clip.width, clip.height]).toEqual([1920, 960]);
    expect(await readAll(clip)).toHaveLength(5);
  });

  itFfmpeg('leaves no process behind when the caller stops, closes or aborts', async () => {
    const path = makeClip('long.mp4', 'testsrc2=s=640x480:r=25:d=8', '-preset', 'ultrafast');
    const abort = new AbortController();
    const reason = new Error('enough');
    const aborted = await openClip(path, { signal: abort.signal });
    const run = async () => {
      for await (const _ of aborted.frames()) abort.abort(reason);
    };
    await expect(run()).rejects.toBe(reason);
    await expect(openClip(path, { signal: abort.signal })).rejects.toBe(reason);

    const stopped = await openClip(path);
    for await (const _ of stopped.frames()) break;
    expect(processesNaming(path)).toEqual([]);

    const closed = await openClip(path);
    let count = 0;
    for await (const _ of closed.frames()) if (count++ === 0) await closed.close();
    expect(count).toBe(1);
    expect(processesNaming(path)).toEqual([]);
  });

  itFfmpeg('waits for a slow caller', async () => {
    const path = makeClip('slow.mp4', 'testsrc2=s=640x480:r=25:d=8', '-preset', 'ultrafast');
    const clip = await openClip(path);
    const frames = clip.frames()[Symbol.asyncIterator]();
    await frames.next();
    await new Promise((resolve) => setTimeout(resolve, 400));
    // It has not run through all 200 frames: 240 MB that nobody asked for.
    if (existsSync('/proc')) expect(processesNaming(path)).toHaveLength(1);
    await frames.return?.();
    expect(processesNaming(path)).toEqual([]);
  });
});

describe('what is not a clip gives one line', () => {
  it('without ffmpeg', async () => {
    await mkdir(join(folder, 'sub'));
    await writeFile(join(folder, 'empty.mp4'), '');
    const webp = await makeWebp('whole.webp', [10, 200], [40, 40]);
    const bytes = await sharp(webp, { animated: true }).webp({ lossless: true }).toBuffer();
    await writeFile(join(folder, 'cut.webp'), bytes.subarray(0, 40));
    await sharp({ create: { width: 1, height: 1, channels: 3, background: '#fff' } }).toFile(
      join(folder, 'pixel.png'),
    );
    expect(await messageFor(join(folder, 'none.mp4'))).toBe(
      'DIR/none.mp4 does not exist: check the path of the clip',
    );
    expect(await messageFor(join(folder, 'sub'))).toBe('DIR/sub is a folder: give a clip in it');
    expect(await messageFor(join(folder, 'empty.mp4'))).toBe(
      'DIR/empty.mp4 is empty: give a video file',
    );
    expect(await messageFor(join(folder, 'pixel.png'))).toBe(
      'DIR/pixel.png is 1×1 pixels: too small to show a face; give a clip of at least 16×16',
    );
    expect(await messageFor(join(folder, 'cut.webp'))).toMatch(
      /^DIR\/cut.webp is a damaged picture/,
    );
  });

  it('where ffmpeg is not installed', async () => {
    const path = join(folder, 'some.mp4');
    await writeFile(path, 'x'.repeat(100));
    const before = process.env.PATH;
    process.env.PATH = folder;
    try {
      expect(await messageFor(path)).toBe(
        'DIR/some.mp4 needs ffmpeg, which is not installed (no ffprobe found): apt-get install ffmpeg (Debian, Ubuntu) or brew install ffmpeg (macOS)',
      );
    } finally {
      process.env.PATH = before;
    }
  });

  itFfmpeg('with ffmpeg', async () => {
    const whole = makeClip('whole.mp4', GREY_RAMP);
    const text = join(folder, 'notes.txt');
    await writeFile(text, 'These are my notes.\nNothing moves here.\n');
    const noise = join(folder, 'noise.webm');
    await writeFile(noise, Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * 7919) % 251)));
    const cut = join(folder, 'cut.mp4');
    await writeFile(cut, execFileSync('head', ['-c', '1500', whole]));
    expect(await messageFor(text)).toMatch(
      /^DIR\/notes.txt is not a video ffmpeg can read: .+; give/,
    );
    expect(await messageFor(noise)).toMatch(
      /^DIR\/noise.webm is not a video ffmpeg can read: .+; give/,
    );
    expect(await messageFor(cut)).toBe(
      'DIR/cut.mp4 is not a video ffmpeg can read: moov atom not found; give another clip',
    );
    expect(await messageFor(makeClip('tone.mp3', 'sine=d=1'))).toBe(
      'DIR/tone.mp3 holds sound but no video: give a clip that shows a face',
    );
  });
});
