import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, vi } from 'vitest';
import { openClip } from '../src/cli/media/clip-source.js';
import type { Landmarks } from '../src/geometry/landmarks.js';
import type { Picture } from '../src/geometry/picture.js';
import { createDecoder } from '../src/models/decoder-node.js';
import { openPack } from '../src/models/pack-node.js';
import { openFaceTracker } from '../src/sender/trackers/open.js';
import type { Decoded } from './support/decoder-worker.js';
import { writeFakeCamera } from './support/fake-camera.js';
import { decodeJpeg } from './support/mouth-track.js';
import type { CallSettings } from './support/talking-head-page.js';
import {
  openSite,
  type Site,
  type SiteOptions,
  type TestPage,
} from './support/talking-head-site.js';
import {
  openWorkerPage,
  servedFolder,
  servedRuntime,
  WEBGL_ARGS,
  WEBGPU_ARGS,
  type WorkerPage,
} from './support/worker-page.js';
import { dataFolder, describeNeeds, hasTool, itNeeds } from './tools.js';

const SAMPLE = fileURLToPath(new URL('../samples/sample.webp', import.meta.url));
const TASK = join(dataFolder, 'models/mediapipe/face_landmarker.task');
/** The picture is warped, which is quick. */
const WARP: CallSettings = { receiver: { decoder: 'warp' } };
const MODEL = 'visavis/packs/portrait-256-cpu';
/** Levels of 255: networks add up in another order, and a picture's values are rounded. */
const TOLERANCE = 1;

/** The sample's first pictures and their faces, which fill them as a crop does. */
async function sampleFaces(count: number) {
  const tracker = await openFaceTracker({ smooth: false });
  const clip = await openClip(SAMPLE);
  const faces: { readonly picture: Picture; readonly landmarks: Landmarks }[] = [];
  for await (const picture of clip.frames()) {
    const [{ landmarks }] = await tracker.track(picture);
    faces.push({
      picture: { ...picture, data: picture.data.slice() },
      landmarks: landmarks.slice(),
    });
    if (faces.length === count) break;
  }
  await Promise.all([clip.close(), tracker.close()]);
  return faces;
}

describeNeeds('chromium', 'ffmpeg')('a talking head, whatever the browser has', () => {
  const it = itNeeds('chromium', 'ffmpeg');
  const itWithData = itNeeds('chromium', 'ffmpeg', 'data');
  let camera: string;
  let site: Site;

  beforeAll(async () => {
    camera = await writeFakeCamera(SAMPLE);
  });
  afterAll(async () => {
    if (camera) await rm(camera);
  });

  const use = (options: Omit<SiteOptions, 'camera'>) => {
    beforeAll(async () => {
      site = await openSite({ camera, ...options });
    });
    // MediaPipe wants to tell its maker of its use; the page's policy does not let it.
    const expected = /odml\.pa\.googleapis\.com/;
    afterEach(async () =>
      expect((await site.closePages()).filter((problem) => !expected.test(problem))).toEqual([]),
    );
    afterAll(() => site?.close());
  };

  /** Starts a call whose picture is a face, and gives its statistics. */
  async function callWith({ run }: TestPage, settings: CallSettings) {
    await run('startCall', settings);
    await run('until', 'streaming', 'showing');
    await run('shown', 5);
    const [still] = await run('stills');
    const tracker = await openFaceTracker();
    expect(await tracker.track(await decodeJpeg(still))).toHaveLength(1);
    await tracker.close();
    const [[sender, receiver]] = await run('stats');
    await run('endCall');
    return { sender, receiver };
  }

  describe('of an isolated page without a GPU', () => {
    use({});

    it('takes the frames of a video, and draws on a canvas', async () => {
      const test = await site.open({
        script: 'delete window.MediaStreamTrackProcessor; delete window.MediaStreamTrackGenerator;',
      });
      const { sender, receiver } = await callWith(test, WARP);
      expect([sender.capture.path, receiver.output]).toEqual([
        'video-frame-callback',
        'canvas-capture',
      ]);
      expect(receiver.decoder).toEqual({
        runtime: 'warp',
        threads: 0,
        reason: 'the application asks for warp',
        networkShare: 0,
      });
    });

    it('warps the references where onnxruntime-web is not served', async () => {
      const test = await site.open();
      const { receiver } = await callWith(test, { receiver: { assets: 'bare', model: MODEL } });
      const missing = `onnxruntime-web is not at ${site.url}bare/onnxruntime/ort.wasm.min.mjs (404): run npx visavis assets`;
      expect(receiver.decoder).toEqual({
        runtime: 'warp',
        threads: 0,
        reason: `no network can be run: ${missing}`,
        networkShare: 0,
      });
      for (const [which, options] of [
        ['receiver', { decoder: 'wasm' }],
        ['sender', { tracker: 'visavis/packs/tracker' }],
      ] as const) {
        const bare = { assets: 'bare', model: MODEL, ...options };
        expect(await test.run('refusal', which, bare)).toBe(`WorkerError: ${missing}`);
      }
    });

    it('has no WebGPU without an adapter', async () => {
      const { run } = await site.open();
      expect(await run('refusal', 'receiver', { decoder: 'webgpu' })).toMatch(
        /^WorkerError: WebGPU cannot be had: no WebGPU adapter/,
      );
    });
  });

  describe('of a page that is not isolated', () => {
    use({ isolated: false });

    it('decodes on one thread', async () => {
      const { receiver } = await callWith(await site.open(), {});
      expect(receiver.decoder).toMatchObject({
        runtime: 'wasm',
        threads: 1,
        reason: 'no WebGPU adapter: wasm, one thread, as the page is not cross-origin isolated',
      });
    });
  });

  describe('with MediaPipe', () => {
    const files: [string, Uint8Array][] = [];
    beforeAll(async () => {
      if (hasTool('data')) files.push(['face_landmarker.task', await readFile(TASK)]);
    });
    use({ args: WEBGL_ARGS, files });

    itWithData('follows the face with the task file of the application', async () => {
      const sender = { tracker: { faceLandmarker: 'face_landmarker.task' } };
      const stats = await callWith(await site.open(), { ...WARP, sender });
      expect(stats.sender.tracker).toEqual({
        name: 'face_landmarker.task',
        runtime: 'mediapipe',
        reason: 'the application gives face_landmarker.task',
      });
    });
  });

  describe('with WebGPU in software', () => {
    use({ args: WEBGPU_ARGS });

    it('leaves it for wasm, and says so', async () => {
      const { receiver } = await callWith(await site.open(), {});
      expect(receiver.decoder).toMatchObject({
        runtime: 'wasm',
        reason: expect.stringMatching(/^WebGPU adapter in software google swiftshader: wasm, /),
      });
    });

    it('takes it where the application wants it, and shows pictures while the network runs', async () => {
      const { receiver } = await callWith(await site.open(), { receiver: { decoder: 'webgpu' } });
      expect(receiver.decoder).toEqual({
        runtime: 'webgpu',
        threads: 1,
        reason: 'WebGPU adapter in software google swiftshader',
        networkShare: expect.any(Number),
      });
    });

    it('goes on in wasm when the device is lost', async () => {
      const { run } = await site.open();
      await run('startCall', { receiver: { decoder: 'webgpu' } });
      await run('until', 'streaming', 'showing');
      await run('shown', 5);
      const browser = await site.browser.newBrowserCDPSession();
      // Chromium starts its GPU process anew, without the page's device.
      await browser.send('Browser.crashGpuProcess');
      const decoder = async () => (await run('stats'))[0][1].decoder;
      await vi.waitFor(async () => expect((await decoder()).runtime).toBe('wasm'), {
        timeout: 60_000,
        interval: 500,
      });
      expect(await decoder()).toMatchObject({
        runtime: 'wasm',
        reason: expect.stringMatching(
          /^the network failed on webgpu \(the graphics device is lost: /,
        ),
      });
      await run('shown', 5);
      expect((await run('events')).filter(([, , state]) => state === 'failed')).toEqual([]);
      await run('endCall');
    });
  });
});

describeNeeds('chromium')('the picture of a geometry', () => {
  const it = itNeeds('chromium');
  let page: WorkerPage;
  afterAll(() => page?.close());

  it('is the same with WebGPU, in wasm and in Node', async () => {
    const faces = await sampleFaces(50);
    const [references, { landmarks: geometry }] = [[faces[0], faces[25]], faces[49]];
    const size = 256;
    const decoder = createDecoder(await openPack('portrait-256-cpu'));
    await decoder.setIdentity({ size, references: structuredClone(references) });
    const theirs = await decoder.decode(geometry);
    await decoder.close();
    expect(theirs.data.some((value, i) => value !== faces[0].picture.data[i])).toBe(true);
    page = await openWorkerPage({
      worker: 'test/support/decoder-worker.ts',
      files: [
        ...(await servedRuntime()),
        ...(await servedFolder('packs/portrait-256-cpu', 'packs/portrait-256-cpu')),
        ...references.map(({ picture }, i) => [`${i}.rgba`, new Uint8Array(picture.data)] as const),
      ],
      args: WEBGPU_ARGS,
    });
    const served = references.map(({ landmarks }, i) => ({
      path: `${i}.rgba`,
      size,
      landmarks: [...landmarks],
    }));
    for (const runtime of ['wasm', 'webgpu']) {
      // Measured on SwiftShader and two cores: 13 s for the first picture, 9 s for another.
      const ours = await page.call<Decoded>('decode', runtime, size, served, [...geometry]);
      expect(ours.runtime).toBe(runtime);
      const apart = ours.data.map((value, i) => Math.abs(value - theirs.data[i]));
      expect(apart.reduce((a, b) => Math.max(a, b))).toBeLessThanOrEqual(TOLERANCE);
    }
  });
});
