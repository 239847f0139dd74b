/** Pictures of the page for the documentation. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import sharp from 'sharp';

const WIDTH = 1200;

/** A video is black until its next frame, and a chart is as wide as before until its next second. */
const SETTLED_MS = 1_500;

/**
 * With `VISAVIS_SCREENSHOTS=1`, writes what the page shows in a window of this height to
 * `docs/images/call-NAME.png`, after `waitMs`.
 */
export async function takeScreenshot(
  page: Page,
  name: string,
  height = 680,
  waitMs = SETTLED_MS,
): Promise<void> {
  if (process.env.VISAVIS_SCREENSHOTS !== '1') return;
  await page.setViewportSize({ width: WIDTH, height });
  await page.waitForTimeout(waitMs);
  const file = fileURLToPath(new URL(`../../docs/images/call-${name}.png`, import.meta.url));
  // Of 256 colours: a fifth of the bytes.
  const png = sharp(await page.screenshot()).png({ palette: true, effort: 10 });
  await writeFile(file, await png.toBuffer());
}
