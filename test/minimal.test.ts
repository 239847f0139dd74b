/** examples/minimal, built as its README says: two pages that call each other. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { writeAssets } from '../src/cli/commands/assets.js';
import { createSignallingServer, type SignallingServer } from '../src/node.js';
import { fakeCameraArguments, writeFakeCamera } from './support/fake-camera.js';
import { type FolderServer, serveFolder } from './support/folder-server.js';
import { expectMoving } from './support/moving-video.js';
import { chromiumPath, describeNeeds, itNeeds } from './tools.js';

const repositoryPath = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

describeNeeds('chromium', 'ffmpeg')('the minimal example', () => {
  let folder: string;
  let camera: string;
  let browser: Browser;
  let server: FolderServer;
  let signal: SignallingServer;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'visavis-minimal-'));
    await cp(repositoryPath('examples/minimal/index.html'), join(folder, 'index.html'));
    await writeAssets(join(folder, 'visavis'), { cwd: repositoryPath('.') });
    const entryPoints = [repositoryPath('examples/minimal/main.ts')];
    await build({ entryPoints, bundle: true, format: 'esm', outdir: folder });
    server = await serveFolder(folder, {});
    signal = await createSignallingServer({ port: 0, host: '127.0.0.1' });
    camera = await writeFakeCamera(repositoryPath('samples/sample.webp'));
    browser = await chromium.launch({
      executablePath: chromiumPath,
      args: ['--no-sandbox', '--disable-gpu', ...fakeCameraArguments(camera)],
    });
  });

  afterAll(async () => {
    await browser?.close();
    await signal?.close();
    await server?.close();
    if (camera) await rm(camera);
    await rm(folder, { recursive: true, force: true });
  });

  itNeeds('chromium', 'ffmpeg')('shows each side the other, until one goes', async () => {
    const query = `?signal=${signal.url}&room=test`;
    const [caller, callee] = [await browser.newPage(), await browser.newPage()];
    await caller.goto(`${server.url}${query}`);
    await callee.goto(`${server.url}${query}&role=receiver`);
    await expectMoving(caller);
    await expectMoving(callee);
    await callee.goto('about:blank');
    await expect
      .poll(() => caller.textContent('output'), { timeout: 20_000 })
      .toBe('The other side has left.');
  });
});
