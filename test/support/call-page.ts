/** The page of examples/browser-call as a person uses it, and what that person sees. */
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { chromiumPath } from '../tools.js';
import type { FilmFrame } from './mouth-track.js';

/** For what two pages on two slow cores do: models are loaded, pictures taken, networks started. */
const PATIENCE = { timeout: 90_000 };

/** What the page has been through, noted by `HISTORY_SCRIPT`. */
interface History {
  readonly states: string[];
  readonly prompts: string[];
}

/** Notes each `data-state` of the body and each prompt of the enrolment. */
const HISTORY_SCRIPT = `
  const seen = (window.seen = { states: [], prompts: [] });
  const note = (list, value) => value && list.at(-1) !== value && list.push(value);
  new MutationObserver(() => {
    const state = document.body?.dataset.state;
    note(seen.states, state);
    if (state === 'enrolling') note(seen.prompts, document.querySelector('#prompt').textContent);
  }).observe(document, { subtree: true, attributeFilter: ['data-state'], childList: true });
`;

/** Starts Chromium with these arguments. */
export const openBrowser = (...args: string[]): Promise<Browser> =>
  chromium.launch({
    executablePath: chromiumPath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', ...args],
  });

/** A page that is not anywhere yet; `problems` gets what no page caught and what its policy forbade. */
export async function openPage(context: BrowserContext, problems: string[]): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE.timeout);
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) problems.push(message.text());
  });
  await page.addInitScript(HISTORY_SCRIPT);
  return page;
}

/** Since the page was loaded. */
export const historyOf = (page: Page): Promise<History> =>
  page.evaluate(() => (window as unknown as { seen: History }).seen);

/** Presses a button or switch that is called so. */
export const press = (page: Page, name: string): Promise<void> =>
  page.locator('button:visible', { hasText: name }).click();

/** Waits for a text that can be seen. */
export const reads = (page: Page, text: string | RegExp): Promise<void> =>
  page.getByText(text).filter({ visible: true }).first().waitFor();

export const waitForState = async (page: Page, state: string): Promise<void> =>
  void (await page.waitForSelector(`body[data-state=${state}]`));

/** Presses "Skip this one" until the pictures are taken. */
export async function skipPrompts(page: Page): Promise<void> {
  await reads(page, 'Look at the camera and hold still');
  const asks = () => page.evaluate(() => document.body.dataset.state === 'enrolling');
  while (await asks()) {
    await page
      .locator('#enrol-skip')
      .click({ timeout: 1_000 })
      .catch(() => undefined);
    await page.waitForTimeout(500);
  }
}

/** Pixels of the remote picture: 32×32 luminances, 0–255, row by row. */
export const remotePixels = (page: Page): Promise<number[]> =>
  page.evaluate(() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 32, height: 32 });
    const context = canvas.getContext('2d')!;
    context.drawImage(document.querySelector<HTMLVideoElement>('#remote')!, 0, 0, 32, 32);
    const { data } = context.getImageData(0, 0, 32, 32);
    return Array.from(
      { length: 1024 },
      (_, i) => 0.2126 * data[4 * i] + 0.7152 * data[4 * i + 1] + 0.0722 * data[4 * i + 2],
    );
  });

/** Expects that the other side is to be seen, and moves. */
export async function seesOther(page: Page): Promise<void> {
  await expect.poll(() => spread(page), PATIENCE).toBeGreaterThan(20);
  await expect.poll(() => movement(page), PATIENCE).toBeGreaterThan(0.2);
}

/** Expects that the other side's picture stands still. */
export async function seesStill(page: Page): Promise<void> {
  await expect.poll(() => movement(page), PATIENCE).toBe(0);
}

/** Standard deviation of the remote picture. */
async function spread(page: Page): Promise<number> {
  const pixels = await remotePixels(page);
  const mean = pixels.reduce((sum, pixel) => sum + pixel, 0) / pixels.length;
  return Math.hypot(...pixels.map((pixel) => pixel - mean)) / Math.sqrt(pixels.length);
}

/** Mean change of the remote picture within a second. */
async function movement(page: Page): Promise<number> {
  const before = await remotePixels(page);
  await page.waitForTimeout(1_000);
  const after = await remotePixels(page);
  return after.reduce((sum, pixel, i) => sum + Math.abs(pixel - before[i]), 0) / after.length;
}

/**
 * How much darker the remote picture is in its lower left corner, where the label is, than in its lower right
 * one: levels of 255.
 */
export async function labelContrast(page: Page): Promise<number> {
  const pixels = await remotePixels(page);
  // The label is 15 to 25 of 256 pixels from the lower edge, and at least 70 wide.
  const mean = (columns: number[]) =>
    columns.reduce((sum, x) => sum + pixels[29 * 32 + x], 0) / columns.length;
  return mean([24, 25, 26, 27, 28, 29, 30]) - mean([1, 2, 3, 4, 5, 6, 7]);
}

/** Films a `<video>` for `seconds`, by the clock of all pages of this machine. */
export const film = (page: Page, selector: string, seconds: number): Promise<FilmFrame[]> =>
  page.evaluate(
    async ({ selector, seconds }) => {
      const video = document.querySelector<HTMLVideoElement>(selector)!;
      const taken: { ms: number; picture: ImageBitmap }[] = [];
      const endMs = performance.now() + 1000 * seconds;
      while (performance.now() < endMs) {
        const ms = performance.timeOrigin + performance.now();
        taken.push({ ms, picture: await createImageBitmap(video, { resizeHeight: 256 }) });
        await new Promise((resolve) => setTimeout(resolve, 70));
      }
      const frames: { ms: number; jpeg: string }[] = [];
      for (const { ms, picture } of taken) {
        const canvas = new OffscreenCanvas(picture.width, picture.height);
        canvas.getContext('2d')!.drawImage(picture, 0, 0);
        picture.close();
        const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.9 });
        const bytes = new Uint8Array(await blob.arrayBuffer());
        const jpeg = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
        frames.push({ ms, jpeg });
      }
      return frames;
    },
    { selector, seconds },
  );

/** A row of the table "What it costs": sent and received kbps, frames a second, latency; NaN where there is none yet. */
export const costs = async (page: Page, mode: 'talking-head' | 'ordinary'): Promise<number[]> =>
  (await page.locator(`#row-${mode} td`).allTextContents()).map(Number);

/** Resolves when the row has its numbers. */
export const waitForCosts = (page: Page, mode: 'talking-head' | 'ordinary'): Promise<void> =>
  expect.poll(async () => (await costs(page, mode)).some(Number.isNaN), PATIENCE).toBe(false);

/** Resolves when so many pictures have been drawn of the other side: the first ones are late. */
export const waitForPictures = async (page: Page, count: number): Promise<void> =>
  void (await page.waitForFunction((least) => {
    const { stats = '{}' } = document.querySelector<HTMLElement>('#stats')!.dataset;
    return JSON.parse(stats).receiver?.framesShown >= least;
  }, count));
