import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { Picture } from '../src/geometry/picture.js';
import { writeFakeCamera } from './support/fake-camera.js';
import { bestCorrelation, decodeJpeg, trackMouth } from './support/mouth-track.js';
import type { Logged } from './support/talking-head-page.js';
import { openSite, type Site, type TestPage } from './support/talking-head-site.js';
import { dataFolder, describeNeeds, itNeeds } from './tools.js';

const SAMPLE = fileURLToPath(new URL('../samples/sample.webp', import.meta.url));
/** One who opens the mouth wide. */
const CLIP = join(dataFolder, 'data/video/LivePortrait/driving_d18.mp4');

/** What events of a kind said. */
const said = (log: readonly Logged[], who: Logged[0], type: string) =>
  log.filter((event) => event[0] === who && event[1] === type).map(([, , detail]) => detail);

/** The correlation of the mouth on show with the camera's. */
async function likeness({ run }: TestPage): Promise<number> {
  // Networks are slower at first.
  await run('shown', 30);
  const shots = await run('film', 8, 12, 256);
  const source = await trackMouth(shots.map(({ ms, source }) => ({ ms, jpeg: source })));
  const shown = await trackMouth(shots.map(({ ms, shown }) => ({ ms, jpeg: shown })));
  return bestCorrelation(source, shown);
}

/** Mean difference of two pictures in a corner of 70 × 20 pixels, in levels of 255. */
function difference(a: Picture, b: Picture, corner: string): number {
  const [width, height, gap] = [70, 20, 7];
  const left = corner.endsWith('left') ? gap : a.width - gap - width;
  const top = corner.startsWith('top') ? gap : a.height - gap - height;
  let sum = 0;
  for (let y = top; y < top + height; y++) {
    for (let x = left; x < left + width; x++) {
      const at = 4 * (y * a.width + x);
      for (let c = 0; c < 3; c++) sum += Math.abs(a.data[at + c] - b.data[at + c]);
    }
  }
  return sum / (3 * width * height);
}

describeNeeds('chromium', 'ffmpeg')('a talking head', () => {
  const it = itNeeds('chromium', 'ffmpeg');
  const itWithData = itNeeds('chromium', 'ffmpeg', 'data');
  let camera: string;
  let site: Site;

  beforeAll(async () => {
    camera = await writeFakeCamera(SAMPLE);
    site = await openSite({ camera });
  });
  afterEach(async () => expect(await site.closePages()).toEqual([]));
  afterAll(async () => {
    await site?.close();
    if (camera) await rm(camera);
  });

  it('moves as the person does, and says what it does', async () => {
    const test = await site.open();
    const { run } = test;
    await run('startCall');
    await run('until', 'streaming', 'showing');
    // Measured: 0.92. It speaks, with small lips.
    expect(await likeness(test)).toBeGreaterThan(0.8);

    const [[sender, receiver]] = await run('stats');
    const number = expect.any(Number);
    expect(sender).toEqual({
      state: 'streaming',
      capture: { path: 'track-processor', frames: number, dropped: number },
      tracker: {
        name: 'tracker',
        runtime: 'wasm',
        reason:
          'the application gives no face_landmarker.task (wasm is preferred: wasm, one thread)',
      },
      fps: number,
      framesSent: number,
      framesWithoutFace: 0,
      trackMs: number,
      analyseMs: number,
      identityBytes: number,
      motionBytes: number,
      pictureBytes: number,
      controlBytes: number,
      lossFraction: 0,
      rate: expect.objectContaining({ limitBps: 20_000, stride: 1, reason: expect.any(String) }),
    });
    expect(receiver).toEqual({
      state: 'showing',
      decoder: {
        runtime: 'wasm',
        threads: number,
        reason: expect.stringMatching(/^no WebGPU adapter: wasm, (one thread|\d threads)$/),
        networkShare: number,
      },
      output: 'track-generator',
      fps: number,
      framesShown: number,
      framesHeld: number,
      framesByOrigin: expect.objectContaining({ decoded: number, held: number }),
      concealment: expect.any(String),
      decodeMs: number,
      latencyMs: number,
      roundTripMs: number,
      playoutDelayMs: number,
      backwardBytes: number,
      pictures: { used: number, refused: {} },
      drops: {},
    });
    // Frames that were made up are shown as well, and were never sent.
    expect(sender.framesSent).toBeGreaterThanOrEqual(receiver.framesByOrigin.decoded);
    // The identity goes coarse first, and the references follow.
    expect(sender.identityBytes).toBeLessThan(6_000);
    expect(sender.pictureBytes).toBeGreaterThan(sender.identityBytes);
    expect(receiver.pictures.used).toBeGreaterThan(0);

    await run('endCall');
    const first = await run('events');
    expect(said(first, 'sender', 'statechange')).toEqual(
      ['connecting', 'streaming', 'ended'].map((state) => ({ state })),
    );
    expect(said(first, 'receiver', 'statechange')).toEqual(
      ['showing', 'ended'].map((state) => ({ state })),
    );
    expect(said(first, 'sender', 'enrolled')).toEqual([
      ['identity', 'key', 'signature', 'size', 'version'],
    ]);
    const prompts = said(first, 'sender', 'enrolment') as { prompt: string; progress: number }[];
    expect(prompts.at(-1)).toEqual({ prompt: 'done', progress: 1, face: 'one' });
    expect(prompts.slice(0, -1).every(({ prompt }) => prompt === 'hold-still')).toBe(true);
    const progress = prompts.map((prompt) => prompt.progress);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(said(first, 'receiver', 'refused')).toEqual([]);

    // The next call needs no enrolment, and knows the key.
    await run('startCall', { resume: true });
    await run('until', 'streaming', 'showing');
    await run('shown', 3);
    await run('endCall');
    const second = await run('events');
    expect(said(second, 'sender', 'enrolment')).toEqual([]);
    const [before] = said(first, 'receiver', 'identity') as { key: string; firstSeen: Date }[];
    expect(said(first, 'receiver', 'identity')).toEqual([
      { key: expect.stringMatching(/^[0-9a-f]{64}$/), known: false, firstSeen: expect.any(Date) },
    ]);
    expect(said(second, 'receiver', 'identity')).toEqual([{ ...before, known: true }]);
  });

  it('says in a corner that it is synthesised, and in another one if told to', async () => {
    const { run } = await site.open();
    await run('startCall', {
      shared: true,
      receiver: { decoder: 'warp' },
      backward: { decoder: 'warp', label: { text: 'Synthetisch', position: 'top-right' } },
    });
    await run('until', 'streaming', 'showing');
    await run('shown', 5);
    const [a, b] = await Promise.all((await run('stills')).map(decodeJpeg));
    expect([a.width, b.width]).toEqual([256, 256]);
    for (const labelled of ['bottom-left', 'top-right']) {
      expect(difference(a, b, labelled), labelled).toBeGreaterThan(40);
    }
    for (const free of ['top-left', 'bottom-right']) {
      expect(difference(a, b, free), free).toBeLessThan(15);
    }
    await run('endCall');
  });

  it('goes on with another track, and says that the face has gone and come', async () => {
    const { run } = await site.open();
    await run('startCall', { receiver: { decoder: 'warp' } });
    await run('until', 'streaming', 'showing');
    await run('replaceTrack', 'grey');
    await run('untilEvent', 'face', { present: false });
    await run('replaceTrack', 'camera');
    await run('untilEvent', 'face', { present: true });
    await run('shown', 5);
    const [[{ framesWithoutFace }]] = await run('stats');
    expect(framesWithoutFace).toBeGreaterThan(0);
    await run('endCall');
    // Only clones were stopped.
    expect(await run('openTracks')).toEqual({ camera: 'live', grey: 'live' });
  });

  itWithData('opens its mouth as wide and as long as a real person', async () => {
    const clip = await writeFakeCamera(CLIP);
    const other = await openSite({ camera: clip });
    const test = await other.open();
    await test.run('startCall');
    await test.run('until', 'streaming', 'showing');
    const correlation = await likeness(test);
    expect(await other.closePages()).toEqual([]);
    await other.close();
    await rm(clip);
    expect(correlation).toBeGreaterThan(0.9);
  });
});
