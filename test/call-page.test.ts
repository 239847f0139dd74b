/** examples/browser-call as two people use it, each in a browser with a camera of their own. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { expectAccessible } from './support/accessibility.js';
import {
  costs,
  film,
  historyOf,
  labelContrast,
  openBrowser,
  openPage,
  press,
  reads,
  seesOther,
  seesStill,
  skipPrompts,
  waitForCosts,
  waitForPictures,
  waitForState,
} from './support/call-page.js';
import { takeScreenshot } from './support/call-screenshots.js';
import {
  type CallServer,
  type Network,
  openNetwork,
  openRelay,
  type Relay,
  startCallServer,
} from './support/call-server.js';
import { fakeCameraArguments, writeFakeCamera, writeGreyCamera } from './support/fake-camera.js';
import { bestCorrelation, trackMouth } from './support/mouth-track.js';
import { dataFolder, describeNeeds, itNeeds } from './tools.js';

const SAMPLE = fileURLToPath(new URL('../samples/sample.webp', import.meta.url));
/** Two people of the validation clips, one of whom opens the mouth wide. */
const clip = (name: string) => join(dataFolder, 'data/video/LivePortrait', name);

const PROMPTS = [
  'Look at the camera and hold still',
  'Turn your head a little to your left',
  'Turn your head a little to your right',
  'Smile, and show your teeth',
  'Open your mouth',
  'Close your eyes for a moment',
];
const LOST = 'The connection is lost. Reconnecting…';

const problems: string[] = [];
const browsers: Browser[] = [];
const cameras: string[] = [];
let server: CallServer;

/** A person's own storage, in a browser of their own. */
async function arrive(args: string[], permissions?: string[]): Promise<BrowserContext> {
  const browser = await openBrowser(...args);
  browsers.push(browser);
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 } });
  if (permissions) await context.grantPermissions(permissions);
  return context;
}

async function withCamera(file: string): Promise<BrowserContext> {
  cameras.push(file);
  return arrive(fakeCameraArguments(file));
}

/** Starts a call, quickly; the link to it. */
async function startCall(page: Page): Promise<string> {
  await page.goto(server.url);
  await press(page, 'Start a call');
  await skipPrompts(page);
  await waitForState(page, 'calling');
  return page.inputValue('#room-link');
}

async function inCall(...pages: Page[]): Promise<void> {
  for (const page of pages) {
    await waitForState(page, 'in-call');
    await reads(page, 'Connected.');
  }
  await Promise.all(pages.map(seesOther));
}

/** The correlation of the mouth that `shown` shows with that of `source`'s own picture. */
async function likeness(source: Page, shown: Page): Promise<number> {
  await waitForPictures(shown, 150);
  const films = await Promise.all([film(source, '#self', 8), film(shown, '#remote', 9)]);
  return bestCorrelation(await trackMouth(films[0]), await trackMouth(films[1]));
}

const shared = describeNeeds('chromium', 'ffmpeg');
const it = itNeeds('chromium', 'ffmpeg');
const itWithData = itNeeds('chromium', 'ffmpeg', 'data');

shared('the page of a call', () => {
  beforeAll(async () => {
    server = await startCallServer();
  });
  afterEach(() => expect(problems.splice(0)).toEqual([]));
  afterAll(async () => {
    for (const browser of browsers) await browser.close();
    await server?.close();
    for (const camera of cameras) await rm(camera);
  });

  shared('of two people', () => {
    let anna: Page;
    let ben: Page;
    let relay: Relay;
    let network: Network;
    let link: string;

    beforeAll(async () => {
      anna = await openPage(await withCamera(await writeFakeCamera(SAMPLE)), problems);
      // On two slow cores, each side draws a dozen pictures a second: too few for lips of full speed.
      const mirrored = await writeFakeCamera(SAMPLE, { mirrored: true, speed: 0.5 });
      ben = await openPage(await withCamera(mirrored), problems);
      relay = await openRelay(server.url);
      network = await openNetwork(ben, relay);
    });
    afterAll(async () => relay?.close());

    it('begins with a link, takes the pictures of both, and shows each the other', async () => {
      await anna.goto(server.url);
      await takeScreenshot(anna, 'lobby');
      await expectAccessible(anna);
      await press(anna, 'Start a call');
      await reads(anna, PROMPTS[1]);
      await takeScreenshot(anna, 'enrolment');
      await expectAccessible(anna);
      await reads(anna, PROMPTS[4]);
      const progress = Number(await anna.getAttribute('#ring', 'aria-valuenow'));
      expect(progress).toBeGreaterThan(50);
      await reads(anna, 'Send this link to one person');
      await reads(anna, 'Waiting for the other side.');
      expect((await historyOf(anna)).prompts).toEqual(expect.arrayContaining(PROMPTS));
      await takeScreenshot(anna, 'link');
      await expectAccessible(anna);
      link = await anna.inputValue('#room-link');
      expect(link).toMatch(/^http:\/\/localhost:\d+\/#room=[\w-]{22}$/);

      await ben.goto(link.replace(server.url, relay.url));
      await reads(ben, 'You are invited to a call.');
      await press(ben, 'Join the call');
      await skipPrompts(ben);
      await inCall(anna, ben);
      for (const page of [anna, ben]) {
        expect(await labelContrast(page)).toBeGreaterThan(40);
        await reads(
          page,
          'First call with this key: read your number to them, and compare theirs.',
        );
      }
      expect(await anna.textContent('#peer-number')).toBe(await ben.textContent('#own-number'));
      expect(await ben.textContent('#peer-number')).toBe(await anna.textContent('#own-number'));
      await reads(anna, /The processor draws the picture \(no WebGPU adapter: wasm/);
    });

    it('can be used by everybody, and looks well in the dark', async () => {
      await waitForCosts(anna, 'talking-head');
      await reads(anna, /are the talking head’s messages with their headers/);
      await expectAccessible(anna);
      // So that the charts show a while.
      await takeScreenshot(anna, 'in-call', 1020, 20_000);
      await anna.emulateMedia({ colorScheme: 'dark' });
      await takeScreenshot(anna, 'in-call-dark', 1020);
      await anna.emulateMedia({ colorScheme: 'light' });
    });

    it('moves the mouth on one side as the person on the other does', async () => {
      // Measured: 0.87 to 0.97. It speaks, with small lips.
      expect(await likeness(ben, anna)).toBeGreaterThan(0.8);
    });

    it('goes over to ordinary video and back, and says what either costs', async () => {
      await press(anna, 'Ordinary video');
      await reads(ben, 'The other side sends ordinary video now, to compare: switch yours below');
      await press(ben, 'Ordinary video');
      await Promise.all([anna, ben].map((page) => waitForCosts(page, 'ordinary')));
      await Promise.all([anna, ben].map(seesOther));
      await takeScreenshot(anna, 'ordinary', 1380);
      for (const page of [anna, ben]) {
        expect(await labelContrast(page)).toBeLessThan(20);
        const head = await costs(page, 'talking-head');
        const ordinary = await costs(page, 'ordinary');
        for (const direction of [0, 1]) {
          expect(ordinary[direction]).toBeGreaterThan(4 * head[direction]);
        }
      }
      for (const page of [anna, ben]) await press(page, 'Ordinary video');
      await Promise.all([anna, ben].map(seesOther));
      for (const page of [anna, ben]) {
        await expect.poll(() => labelContrast(page)).toBeGreaterThan(40);
      }
    });

    it('goes on after one side reloads, without new pictures', async () => {
      await ben.reload();
      await inCall(ben, anna);
      expect((await historyOf(ben)).states).not.toContain('enrolling');
      await reads(anna, /^You have met before/);
      await reads(ben, /^You have met before/);
    });

    it("goes on after one side's network was gone for five seconds, without new pictures", async () => {
      await network.cut(true);
      const patience = new Promise((resolve) => setTimeout(resolve, 5_000));
      await Promise.all([anna, ben].map(seesStill));
      await patience;
      await network.cut(false);
      await inCall(anna, ben);
    });

    it('says that the connection is lost while it is, and goes on', async () => {
      await network.cut(true);
      await Promise.all([reads(anna, LOST), reads(ben, LOST)]);
      await network.cut(false);
      await inCall(anna, ben);
      for (const page of [anna, ben]) {
        expect((await historyOf(page)).states.slice(-2)).toEqual(['calling', 'in-call']);
      }
    });

    it('tells a third person that two are there', async () => {
      const third = await openPage(anna.context(), problems);
      await third.goto(link);
      await reads(third, /^Your pictures of .* are ready\.$/);
      await press(third, 'Join the call');
      await reads(
        third,
        'Two people are in this call already: ask for another link, or start a call',
      );
      await third.close();
      await seesOther(anna);
    });

    it('ends for both when one hangs up', async () => {
      await press(anna, 'Hang up');
      await reads(anna, 'You hung up.');
      await reads(ben, 'The other side hung up.');
      await expectAccessible(ben);
      for (const page of [anna, ben]) await waitForState(page, 'ended');
    });

    it('tells both when one has a later version, and ordinary video works all the same', async () => {
      const later = await openPage(ben.context(), problems);
      await later.route('**/visavis-worker.js', async (route) => {
        const response = await route.fetch();
        const script = await response.text();
        expect(script).toContain('{major:1,');
        await route.fulfill({ response, body: script.replaceAll('{major:1,', '{major:2,') });
      });
      await later.route('**/manifest.json', async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, json: { ...(await response.json()), protocol: 2 } });
      });
      await ben.close();
      await press(anna, 'Call again');
      await later.goto(link.replace(server.url, relay.url));
      await press(later, 'Join the call');
      for (const page of [anna, later]) {
        await reads(
          page,
          'The other side has another version of this page: reload it on both sides',
        );
      }
      await reads(anna, 'No picture.');
      await takeScreenshot(anna, 'message', 820);
      await expectAccessible(anna);
      for (const page of [anna, later]) await press(page, 'Ordinary video');
      for (const page of [anna, later]) await seesOther(page);
      await later.close();
      await reads(anna, LOST);
    });
  });

  shared('of somebody without', () => {
    it('a camera', async () => {
      const context = await arrive(
        ['--use-fake-device-for-media-stream=device-count=0'],
        ['camera', 'microphone'],
      );
      const page = await openPage(context, problems);
      await page.goto(server.url);
      await press(page, 'Start a call');
      await reads(page, 'No camera was found: plug one in, then try again.');
      await waitForState(page, 'error');
    });

    it('permission, a microphone or a face', async () => {
      const camera = writeGreyCamera();
      cameras.push(camera);
      const context = await arrive([
        '--use-fake-device-for-media-stream',
        `--use-file-for-fake-video-capture=${camera}`,
        '--deny-permission-prompts',
      ]);
      const page = await openPage(context, problems);
      await page.goto(server.url);
      await press(page, 'Start a call');
      await reads(page, 'The browser may not use the camera: allow it with the camera symbol');
      await waitForState(page, 'error');
      await expectAccessible(page);

      await context.grantPermissions(['camera']);
      await press(page, 'Try again');
      await reads(page, 'The microphone cannot be used, so you are not heard');
      await reads(page, 'No face is in the picture: sit in front of the camera');
      expect(await page.getAttribute('#alert', 'role')).toBe('alert');
      await press(page, 'Cancel');
      await waitForState(page, 'lobby');
    });
  });

  shared('of two real people', () => {
    itWithData('moves the mouth as the person does', async () => {
      const pages: Page[] = [];
      for (const name of ['driving_d18.mp4', 'driving_d10.mp4']) {
        const camera = await writeFakeCamera(clip(name));
        pages.push(await openPage(await withCamera(camera), problems));
      }
      const [source, shown] = pages;
      await shown.goto(await startCall(source));
      await press(shown, 'Join the call');
      await skipPrompts(shown);
      await inCall(source, shown);
      // Measured: 0.96 to 0.99.
      expect(await likeness(source, shown)).toBeGreaterThan(0.9);
    });
  });
});
