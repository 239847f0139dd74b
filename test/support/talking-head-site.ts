/** Chromium with the library, its worker, packs and onnxruntime-web served as an application would. */
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { VERSION } from '../../src/version.js';
import { chromiumPath } from '../tools.js';
import { fakeCameraArguments } from './fake-camera.js';
import { serveFiles } from './static-server.js';
import { servedFolder } from './worker-page.js';

/** What `npx visavis assets` tells an application to send. */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";
const ISOLATION = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

type Functions = typeof import('./talking-head-page.js');

/** A page of the site. */
export interface TestPage {
  readonly page: Page;
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
  /** Closes the pages; what none of them caught, what the policy forbade, and frames that nobody closed. */
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
  /** More arguments of Chromium's. */
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
  args = [],
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
  const runtime =
    /^ort\.(wasm|webgpu)\.min\.mjs$|^ort-wasm-simd-threaded(\.asyncify)?\.(mjs|wasm)$/;
  const server = await serveFiles(
    new Map<string, string | Uint8Array>([
      ['index.html', '<!doctype html>'],
      ['page.js', code['page.js']],
      ['visavis/visavis-worker.js', worker],
      ['bare/visavis-worker.js', worker],
      ['old/visavis-worker.js', worker.replaceAll(`"${VERSION}"`, '"0.0.0"')],
      ...(await servedFolder('visavis/onnxruntime', 'node_modules/onnxruntime-web/dist', runtime)),
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
      '--disable-gpu',
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
        if (/Content Security Policy|garbage collected/.test(message.text()))
          problems.push(message.text());
      });
      if (script) await page.addInitScript(script);
      await page.goto(`${server.url}index.html`);
      return {
        page,
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
