/** What everybody needs of a page: names, a keyboard's way, letters that can be told from what is behind. */
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** Roles that are nothing to who is not told their name. */
const NAMED = [
  'button',
  'switch',
  'textbox',
  'link',
  'progressbar',
  'img',
  'image',
  'Video',
  'region',
];
/** WCAG 2.2, 1.4.3. */
const LEAST_CONTRAST = 4.5;

/** Expects that controls and pictures have names, that Tab reaches all controls, and that text can be read. */
export async function expectAccessible(page: Page): Promise<void> {
  expect(await nameless(page)).toEqual([]);
  expect(await tabbed(page)).toEqual(await controls(page));
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    expect(await page.evaluate(faintTexts, LEAST_CONTRAST), colorScheme).toEqual([]);
  }
}

/** Roles without a name, of what a screen reader finds. */
async function nameless(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send('Accessibility.getFullAXTree');
  await session.detach();
  return nodes
    .filter(({ ignored, role, name }) => !ignored && NAMED.includes(role?.value) && !name?.value)
    .map(({ role }) => role?.value);
}

/** Ids of the controls that are to be seen. */
const controls = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    [...document.querySelectorAll('button, input, a[href]')]
      .filter((element) => element.checkVisibility())
      .map(({ id }) => id)
      .sort(),
  );

/** Ids of what Tab reaches, from the page's beginning to its end. */
async function tabbed(page: Page): Promise<string[]> {
  await page.evaluate(() => {
    // Where Tab starts from.
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute('tabindex');
  });
  const reached = new Set<string>();
  for (;;) {
    await page.keyboard.press('Tab');
    const id = await page.evaluate(() => document.activeElement?.id ?? '');
    if (id === '' || reached.has(id)) return [...reached].sort();
    reached.add(id);
  }
}

/** Texts of less contrast with what is painted behind them. Run in the page. */
function faintTexts(leastContrast: number): string[] {
  const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })!;
  const luminance = (colours: readonly string[]) => {
    for (const colour of colours) {
      context.fillStyle = colour;
      context.fillRect(0, 0, 1, 1);
    }
    const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((level) => {
      const share = level / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint: string[] = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.textContent!.trim();
    const parent = texts.currentNode.parentElement!;
    if (text === '' || !parent.checkVisibility({ visibilityProperty: true })) continue;
    const backgrounds: string[] = [];
    for (let behind: Element | null = parent; behind; behind = behind.parentElement) {
      backgrounds.unshift(getComputedStyle(behind).backgroundColor);
    }
    const levels = [
      luminance(backgrounds),
      luminance([...backgrounds, getComputedStyle(parent).color]),
    ];
    const contrast = (Math.max(...levels) + 0.05) / (Math.min(...levels) + 0.05);
    if (contrast < leastContrast) faint.push(`${text}: ${contrast.toFixed(1)}`);
  }
  return faint;
}
