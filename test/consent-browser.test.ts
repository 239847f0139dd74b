import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { type StaticServer, serveFiles } from './support/static-server.js';
import { chromiumPath, describeNeeds, itNeeds } from './tools.js';

type ConsentPage = typeof import('./support/consent-page.js');

describeNeeds('chromium')('consent in a browser', () => {
  const itInBrowser = itNeeds('chromium');
  let browser: Browser;
  let context: BrowserContext;
  let server: StaticServer;

  beforeAll(async () => {
    const page = fileURLToPath(new URL('support/consent-page.ts', import.meta.url));
    const { outputFiles } = await build({
      entryPoints: { tests: page, worker: page },
      bundle: true,
      platform: 'browser',
      format: 'esm',
      outdir: '/',
      write: false,
    });
    server = await serveFiles(
      new Map<string, string | Uint8Array>([
        ['tests.html', '<!doctype html>'],
        ...outputFiles.map(({ path, contents }) => [basename(path), contents] as const),
      ]),
    );
    browser = await chromium.launch({
      executablePath: chromiumPath,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
    context = await browser.newContext();
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  async function open(where = context): Promise<Page> {
    const page = await where.newPage();
    await page.goto(`${server.url}tests.html`);
    return page;
  }

  /** Calls a function of the page's module. */
  function run<Name extends keyof ConsentPage>(
    page: Page,
    name: Name,
    ...args: Parameters<ConsentPage[Name]>
  ) {
    // Text, as the test runner replaces an `import` by its own.
    const call = `import('./tests.js').then((tests) => tests.${name}(...${JSON.stringify(args)}))`;
    return page.evaluate(call) as ReturnType<ConsentPage[Name]>;
  }

  itInBrowser('the key stays: after a reload, in a worker, and in no other browser', async () => {
    const page = await open();
    const [first, ...others] = await run(page, 'atOnce', 4);
    expect(new Set(others)).toEqual(new Set([first]));
    const key = await run(page, 'device');
    expect(key).toMatchObject({ algorithm: 'ed25519', fingerprint: first, extractable: false });
    expect(await run(page, 'proofLengths')).toEqual([32, 64]);
    await page.reload();
    expect(await run(page, 'device')).toEqual(key);
    expect(await run(page, 'deviceInWorker')).toEqual(key);
    const elsewhere = await browser.newContext();
    expect((await run(await open(elsewhere), 'device')).fingerprint).not.toBe(first);
    await elsewhere.close();
  });

  itInBrowser('known keys stay, and pages of one origin share them', async () => {
    const [one, other] = [await open(), await open()];
    const [key, stranger, picture] = ['a', 'b', 'c'].map((digit) => digit.repeat(64));
    const met = await run(one, 'meet', key, [picture]);
    expect(met).toMatchObject({ known: false });
    expect(await run(other, 'meet', key, [])).toEqual({ ...met, known: true });
    expect(await run(other, 'meet', stranger, [picture])).toEqual({ owner: key });
    await one.reload();
    expect(await run(one, 'knownKeys')).toEqual([key]);
  });

  itInBrowser('fingerprints are those of both ends, and a third one is told', async () => {
    const { before, withAlice, mirrored, withMallory, ...told } = await run(
      await open(),
      'handover',
    );
    expect(before).toBeUndefined();
    expect(withAlice.local).toMatch(/^[0-9a-f]{64}$/);
    expect(mirrored).toEqual({ local: withAlice.remote, remote: withAlice.local });
    expect(withMallory).toMatchObject({ local: withAlice.local });
    expect(withMallory?.remote).not.toBe(withAlice.remote);
    expect(told).toEqual({ afterRestart: 0, told: 1 });
  });
});
