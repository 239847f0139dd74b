import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { writeFakeCamera } from './support/fake-camera.js';
import { openSite, type Site, type TestPage } from './support/talking-head-site.js';
import { describeNeeds, itNeeds } from './tools.js';

const SAMPLE = fileURLToPath(new URL('../samples/sample.webp', import.meta.url));
/** Chromium tells of unclosed frames every ten seconds. */
const FRAME_REPORT_MS = 11_000;
/** Bytes that scripts and networks of the page and its workers may grow by. Measured: 1 MB. */
const MOST_GROWTH = 8e6;
/** A frame that nobody closes. */
const LEAK = `{
  const canvas = new OffscreenCanvas(16, 16);
  canvas.getContext('2d');
  new VideoFrame(canvas, { timestamp: 0 });
} 0`;
/** After so many calls all code has been loaded. */
const WARM_UP = 3;

describeNeeds('chromium', 'ffmpeg')('talking heads that come and go', () => {
  const it = itNeeds('chromium', 'ffmpeg');
  let camera: string;
  let site: Site;

  beforeAll(async () => {
    camera = await writeFakeCamera(SAMPLE, { seconds: 2 });
    site = await openSite({
      camera,
      args: [
        '--disable-gpu',
        '--js-flags=--expose-gc',
        // `measureUserAgentSpecificMemory` else waits for the next collection.
        '--enable-blink-features=ForceEagerMeasureMemory',
      ],
    });
  });
  afterEach(async () => expect(await site.closePages()).toEqual([]));
  afterAll(async () => {
    await site?.close();
    if (camera) await rm(camera);
  });

  /** A call that shows pictures for about a second. */
  async function call({ run, collectGarbage }: TestPage, shared: boolean, resume: boolean) {
    await run('startCall', { shared, resume, receiver: { decoder: 'warp' } });
    await run('until', 'streaming', 'showing');
    await run('shown', 10);
    await collectGarbage();
    await run('endCall');
  }

  async function memory({ page, collectGarbage }: TestPage): Promise<number> {
    await collectGarbage();
    return page.evaluate('performance.measureUserAgentSpecificMemory().then(({ bytes }) => bytes)');
  }

  const reports = () => new Promise((resolve) => setTimeout(resolve, FRAME_REPORT_MS));

  it('leave no worker, no frame, no track and no memory, on tracks', async () => {
    // What a leak looks like.
    const leaky = await site.open();
    const [worker] = await Promise.all([
      leaky.page.waitForEvent('worker'),
      leaky.page.evaluate(`worker = new Worker('bare/visavis-worker.js', { type: 'module' }); 0`),
    ]);
    for (const scope of [leaky.page, worker]) await (scope as Page).evaluate(LEAK);
    await leaky.collectGarbage();

    const test = await site.open();
    let before = 0;
    for (let i = 0; i < 26; i++) {
      await call(test, true, i > 0);
      await expect.poll(() => test.page.workers().length).toBe(1);
      if (i === WARM_UP) before = await memory(test);
    }
    for (let i = 0; i < 12; i++) {
      await call(test, false, true);
      await expect.poll(() => test.page.workers().length).toBe(1);
    }
    expect((await memory(test)) - before).toBeLessThan(MOST_GROWTH);
    expect(await test.run('madeTracks')).toEqual({ made: 76, live: 0 });
    await reports();
    expect(test.unclosed).toEqual([]);
    expect(leaky.unclosed.toSorted()).toEqual(['page', 'worker']);
  });

  it('neither do they with a video and a canvas', async () => {
    const test = await site.open({
      script: 'delete window.MediaStreamTrackProcessor; delete window.MediaStreamTrackGenerator;',
    });
    for (let i = 0; i < 12; i++) await call(test, true, i > 0);
    await expect.poll(() => test.page.workers().length).toBe(1);
    expect(await test.run('madeTracks')).toEqual({ made: 24, live: 0 });
    await reports();
    expect(test.unclosed).toEqual([]);
  });
});
