import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { WebSocket } from 'ws';
import { sendFace } from '../examples/minimal/send.js';
import type { EnrolmentFrame } from '../src/node.js';
import {
  connectWerift,
  createNodePictureCodec,
  createSignallingServer,
  joinRoom,
  openPack,
} from '../src/node.js';
import { PHASE_FRAMES, type SelfCallResult } from './support/browser-page.js';
import { MOUTH, openMouth } from './support/drawn-face.js';
import { type StaticServer, serveFiles } from './support/static-server.js';
import { syntheticFace, syntheticPicture } from './synthetic-face.js';
import { chromiumPath, describeNeeds, itNeeds } from './tools.js';

const path = (relative: string) => fileURLToPath(new URL(`../${relative}`, import.meta.url));
const face = syntheticFace();

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
      worker: path('src/worker.ts'),
    });
    // As its README builds it: of the package, not of its sources.
    const example = await bundle({
      main: path('examples/minimal/main.ts'),
      worker: 'visavis/worker',
    });
    const files = new Map<string, string | Uint8Array>([
      ['tests.html', '<!doctype html><canvas width=256 height=256></canvas>'],
      ...tests,
      ...pack,
      ['minimal/index.html', await readFile(path('examples/minimal/index.html'))],
      ...[...example, ...pack].map(([name, content]) => [`minimal/${name}`, content] as const),
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

  itInBrowser('a worker without its script is an error', async () => {
    await page.goto(`${server.url}tests.html`);
    const message = await page.evaluate(
      `import('${server.url}tests.js').then((tests) => tests.missingWorker())`,
    );
    expect(message).toBe("Error: the decoder's worker failed: its script cannot be loaded");
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

  itInBrowser('the minimal example shows a sender in Node', async () => {
    const room = await createSignallingServer({ port: 0, host: '127.0.0.1' });
    await page.goto(`${server.url}minimal/index.html?signal=${room.url}&room=test`);
    const signalling = await joinRoom({ url: room.url, room: 'test', role: 'sender', WebSocket });
    const call = await connectWerift({ role: 'sender', signalling });

    let shape = face;
    let over = false;
    async function* frames(): AsyncGenerator<EnrolmentFrame> {
      while (!over) {
        yield { picture, landmarks: shape };
        await new Promise((resolve) => setTimeout(resolve, 40));
      }
    }
    const picture = syntheticPicture(256);
    const sent = sendFace(
      { channels: call.channels, pack: await openPack('warp'), codec: createNodePictureCodec() },
      [{ picture, landmarks: face }],
      frames(),
    );
    const { x, y, width, height } = MOUTH;
    const mouth = async (): Promise<number[]> =>
      page.evaluate(
        `[...document.querySelector('canvas').getContext('2d').getImageData(${x}, ${y}, ${width}, ${height}).data]`,
      );
    await expect.poll(async () => Math.max(...(await mouth())), { timeout: 20_000 }).toBe(255);
    const closed = await mouth();
    shape = openMouth(face, 12);
    await expect
      .poll(async () => difference(await mouth(), closed), { timeout: 20_000 })
      .toBeGreaterThan(10);
    over = true;
    await sent;
    await call.close();
    await room.close();
    expect(await page.textContent('output')).toBe('The call has ended.');
  });
});
