import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** Expects that the page's first `<video>` shows something, and something else a little later. */
export async function expectMoving(page: Page): Promise<void> {
  const luminances = () => page.evaluate(videoLuminances);
  const picture = async () => {
    const values = await luminances();
    return spread(values) > 20 ? values : undefined;
  };
  const options = { timeout: 60_000 };
  await expect.poll(picture, options).toBeDefined();
  const first = await luminances();
  await expect
    .poll(async () => difference(first, await luminances()), options)
    .toBeGreaterThan(0.5);
}

/** Standard deviation. */
function spread(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.hypot(...values.map((value) => value - mean)) / Math.sqrt(values.length);
}

/** Mean absolute difference. */
const difference = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0) / a.length;

/** Luminances of the video's picture, 16×16, 0–255. Run in the page. */
function videoLuminances(): number[] {
  const canvas = Object.assign(document.createElement('canvas'), { width: 16, height: 16 });
  const context = canvas.getContext('2d')!;
  context.drawImage(document.querySelector('video')!, 0, 0, 16, 16);
  const { data } = context.getImageData(0, 0, 16, 16);
  return Array.from(
    { length: 256 },
    (_, i) => 0.2126 * data[4 * i] + 0.7152 * data[4 * i + 1] + 0.0722 * data[4 * i + 2],
  );
}
