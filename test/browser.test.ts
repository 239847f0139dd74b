import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { PHASE_FRAMES, type SelfCallResult } from './support/browser-page.js';
import { type StaticServer, serveFiles } from './support/static-server.js';
import { chromiumPath, describeNeeds, itNeeds } from './tools.js';

const path = (relative: string) => fileURLToPath(new URL(`../${relative}`, import.meta.url));

/** The modules as a bundler gives them, by name. */
async function bundle(entryPoints: Record<string, string>): Promise<[string, Uint8Array][]> {
  const { outputFiles } = await build({
    entryPoints,
    bundle: true,
    platform: 'browser',
    format: 'esm',
    outdir: '/',
    write: false,
  });
  return outputFiles.map(({ path, contents }) => [basename(path), contents]);
}

/** Mean difference of two lists of RGBA bytes. */
function difference(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0) / a.length;
}

describeNeeds('chromium')('in a browser', () => {
  const itInBrowser = itNeeds('chromium');
  let browser: Browser;
  let server: StaticServer;
  let page: Page;
  const problems: string[] = [];

  beforeAll(async () => {
    const pack = await Promise.all(
      (await readdir(path('packs/warp'))).map(
        async (file) => [`packs/warp/${file}`, await readFile(path(`packs/warp/${file}`))] as const,
      ),
    );
    const tests = await bundle({
      tests: path('test/support/browser-page.ts'),
    });
    const files = new Map<string, string | Uint8Array>([
      ['tests.html', '<!doctype html><canvas width=256 height=256></canvas>'],
      ...tests,
      ...pack,
    ]);
    server = await serveFiles(files);
    browser = await chromium.launch({
      executablePath: chromiumPath,
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
    });
    page = await browser.newPage();
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) problems.push(message.text());
    });
  });

  // Nothing throws unseen, or asks for what the page's policy forbids.
  afterEach(() => {
    expect(problems.splice(0)).toEqual([]);
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  itInBrowser('a page calls itself: the mouth opens and closes on the canvas', async () => {
    await page.goto(`${server.url}tests.html`);
    const result: SelfCallResult = await page.evaluate(
      `import('${server.url}tests.js').then((tests) => tests.selfCall())`,
    );
    expect(result.origins).toEqual(Array(3 * PHASE_FRAMES).fill('decoded'));
    expect(result.referenceCount).toBe(2);
    expect(result.tooFew).toBe('TypeError: frames: must be 28 or more, not 27');
    const [rest, open, again] = result.mouths;
    const [before, meanwhile, after] = result.foreheads;
    expect(difference(rest, open)).toBeGreaterThan(10);
    expect(difference(rest, again)).toBeLessThan(1);
    expect(difference(before, meanwhile)).toBeLessThan(1);
    expect(difference(before, after)).toBeLessThan(1);
  });

  itInBrowser('a pack that is not there is an error with its address', async () => {
    await page.goto(`${server.url}tests.html`);
    const message = await page.evaluate(
      `import('${server.url}tests.js').then((tests) => tests.missingPack())`,
    );
    expect(message).toBe(
      `PackError: pack ${server.url}packs/nothing/: manifest.json cannot be read (the server says 404 Not Found)`,
    );
  });
});
