/** Chromium with the library, its worker, packs and onnxruntime-web served as an application would. */
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { VERSION } from '../../src/version.js';
import { chromiumPath } from '../tools.js';
import { fakeCameraArguments } from './fake-camera.js';
import { serveFiles } from './static-server.js';
import { servedFolder, servedMediaPipe, servedRuntime } from './worker-page.js';

/** What `npx visavis assets` tells an application to send. */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";
const ISOLATION = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

const inAssets = async (files: Promise<[string, Uint8Array][]>) =>
  (await files).map(([path, bytes]) => [path.replace('assets/', 'visavis/'), bytes] as const);

type Functions = typeof import('./talking-head-page.js');

/** A page of the site. */
export interface TestPage {
  readonly page: Page;
  /**
   * Where frames were collected that nobody had closed: 'page' or 'worker', as Chromium tells every ten
   * seconds.
   */
  readonly unclosed: readonly string[];
  /** Collects garbage in the page and its workers, where Chromium has `--js-flags=--expose-gc`. */
  collectGarbage(): Promise<void>;
  /** Calls a function of test/support/talking-head-page.ts; arguments and result are JSON. */
  run<Name extends keyof Functions>(
    name: Name,
    ...args: Parameters<Functions[Name]>
  ): Promise<Awaited<ReturnType<Functions[Name]>>>;
}

export interface Site {
  readonly browser: Browser;
  /** Ends in a slash. */
  readonly url: string;
  /** Closes the pages; what none of them caught, and what the policy forbade. */
  closePages(): Promise<string[]>;
  /** A page in a context of its own, with empty storage, or in that of another; `before` it runs `script`. */
  open(options?: {
    readonly context?: BrowserContext;
    readonly script?: string;
  }): Promise<TestPage>;
  close(): Promise<void>;
}

export interface SiteOptions {
  /** The camera: a file of `writeFakeCamera`. */
  readonly camera: string;
  /** More arguments of Chromium's; default: no GPU. */
  readonly args?: readonly string[];
  /** Whether pages are cross-origin isolated; default true. */
  readonly isolated?: boolean;
  /** Served too, by path. */
  readonly files?: Iterable<readonly [string, string | Uint8Array]>;
}

/**
 * Serves `visavis/` as `npx visavis assets` makes it; beside it `bare/`, the worker alone, and `old/`, the
 * worker of another version.
 */
export async function openSite({
  camera,
  args = ['--disable-gpu'],
  isolated = true,
  files = [],
}: SiteOptions): Promise<Site> {
  const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
  const { outputFiles } = await build({
    entryPoints: {
      page: path('test/support/talking-head-page.ts'),
      worker: path('src/worker.ts'),
    },
    bundle: true,
    platform: 'browser',
    format: 'esm',
    outdir: '/',
    write: false,
  });
  const code = Object.fromEntries(outputFiles.map((file) => [basename(file.path), file.text]));
  const worker = code['worker.js'];
  const server = await serveFiles(
    new Map<string, string | Uint8Array>([
      ['index.html', '<!doctype html>'],
      ['page.js', code['page.js']],
      ['visavis/visavis-worker.js', worker],
      ['bare/visavis-worker.js', worker],
      ['old/visavis-worker.js', worker.replaceAll(`"${VERSION}"`, '"0.0.0"')],
      ...(await inAssets(servedRuntime())),
      ...(await inAssets(servedMediaPipe())),
      ...(await servedFolder('visavis/packs/portrait-256-cpu', 'packs/portrait-256-cpu')),
      ...(await servedFolder('visavis/packs/tracker', 'packs/tracker')),
      ...files,
    ]),
    { 'content-security-policy': POLICY, ...(isolated && ISOLATION) },
  );
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    args: [
      '--no-sandbox',
      '--disable-quic',
      '--disable-background-networking',
      ...fakeCameraArguments(camera),
      ...args,
    ],
  });
  const problems: string[] = [];
  return {
    browser,
    url: server.url,
    // Of two pages with the fake camera, one gets no frames.
    async closePages() {
      for (const context of browser.contexts()) await context.close();
      return problems.splice(0);
    },
    async open({ context, script } = {}) {
      const page = await (context ?? (await browser.newContext())).newPage();
      page.on('pageerror', (error) => problems.push(String(error)));
      page.on('console', (message) => {
        if (message.text().includes('Content Security Policy')) problems.push(message.text());
      });
      const unclosed = await watchFrames(page);
      if (script) await page.addInitScript(script);
      await page.goto(`${server.url}index.html`);
      return {
        page,
        unclosed,
        async collectGarbage() {
          await page.evaluate('gc()');
          for (const worker of page.workers()) await worker.evaluate('gc()');
        },
        // Text, as the test runner replaces an `import` by its own.
        run: (name, ...args) =>
          page.evaluate(
            `import('./page.js').then((page) => page.${name}(...${JSON.stringify(args)}))`,
          ),
      };
    },
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

const UNCLOSED = 'A VideoFrame was garbage collected without being closed';

/** Workers' warnings do not reach the page's 'console' event: the inspector's own log has them. */
async function watchFrames(page: Page): Promise<string[]> {
  const unclosed: string[] = [];
  page.on('console', (message) => {
    if (message.text().startsWith(UNCLOSED)) unclosed.push('page');
  });
  const inspector = await page.context().newCDPSession(page);
  inspector.on('Target.attachedToTarget', ({ sessionId }) => {
    const message = JSON.stringify({ id: 1, method: 'Log.enable' });
    // The worker may be gone.
    inspector.send('Target.sendMessageToTarget', { sessionId, message }).catch(() => undefined);
  });
  inspector.on('Target.receivedMessageFromTarget', ({ message }) => {
    const { method, params } = JSON.parse(message);
    if (method === 'Log.entryAdded' && params.entry.text.startsWith(UNCLOSED))
      unclosed.push('worker');
  });
  await inspector.send('Target.setAutoAttach', {
    autoAttach: true,
    waitForDebuggerOnStart: false,
    flatten: false,
  });
  return unclosed;
}
