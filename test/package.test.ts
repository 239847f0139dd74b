/** The packed tarball in applications of its own, made with and without a bundler: examples/. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import webpack from 'webpack';
import { fakeCameraArguments, writeFakeCamera } from './support/fake-camera.js';
import { type FolderServer, serveFolder } from './support/folder-server.js';
import { expectMoving } from './support/moving-video.js';
import { chromiumPath, describeNeeds, itNeeds } from './tools.js';

const repositoryPath = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const VITE = repositoryPath('node_modules/vite/bin/vite.js');

/** No eval, no blob workers, nothing inline, nothing from elsewhere. */
const POLICY = {
  'content-security-policy':
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'",
};
const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

const run = async (command: string, args: readonly string[], cwd: string): Promise<string> => {
  const { stdout, stderr } = await promisify(execFile)(command, args, { cwd });
  return stdout + stderr;
};

describeNeeds('chromium', 'ffmpeg')('the packed package', () => {
  const it = itNeeds('chromium', 'ffmpeg');
  let app: string;
  let camera: string;
  let browser: Browser;
  let page: Page;
  let server: FolderServer | undefined;
  const problems: string[] = [];

  beforeAll(async () => {
    app = await mkdtemp(join(tmpdir(), 'visavis-app-'));
    // `npm test` has just built it.
    await run('npm', ['pack', '--ignore-scripts', '--pack-destination', app], repositoryPath('.'));
    const [tarball] = (await readdir(app)).filter((name) => name.endsWith('.tgz'));
    await writeFile(join(app, 'package.json'), '{ "private": true }');
    const { devDependencies } = JSON.parse(await readFile(repositoryPath('package.json'), 'utf8'));
    const runtime = `onnxruntime-web@${devDependencies['onnxruntime-web']}`;
    await run(
      'npm',
      ['install', '--prefer-offline', '--ignore-scripts', `./${tarball}`, runtime],
      app,
    );

    camera = await writeFakeCamera(repositoryPath('samples/sample.webp'));
    browser = await chromium.launch({
      executablePath: chromiumPath,
      args: ['--no-sandbox', '--disable-gpu', ...fakeCameraArguments(camera)],
    });
    page = await browser.newPage();
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => {
      const { url } = message.location();
      // A browser's own wish, which Vite's server does not fulfil.
      if (url.endsWith('/favicon.ico')) return;
      if (message.type() === 'error') problems.push(`${url}: ${message.text()}`);
    });
  });

  afterEach(async () => {
    await page.goto('about:blank');
    await server?.close();
    server = undefined;
    expect(problems.splice(0)).toEqual([]);
  });

  afterAll(async () => {
    await browser?.close();
    await rm(app, { recursive: true, force: true });
    if (camera) await rm(camera);
  });

  /** A copy of an example, in the application; `assets`: where its README writes the served files. */
  async function copyExample(name: string, assets: string): Promise<string> {
    const folder = join(app, name);
    await cp(repositoryPath(`examples/${name}`), folder, { recursive: true });
    const said = await run('npx', ['--no-install', 'visavis', 'assets', assets], folder);
    expect(said).toContain(`written  ${assets}: `);
    return folder;
  }

  /** Serves a folder as strictly as can be, and opens its page. */
  async function open(folder: string, headers: Record<string, string> = {}): Promise<void> {
    server = await serveFolder(folder, { ...POLICY, ...headers });
    await page.goto(server.url);
  }

  /** A network draws the face, and it moves. */
  async function expectFace(): Promise<void> {
    await expect
      .poll(() => page.textContent('output'), { timeout: 60_000 })
      .toMatch(/^streaming, decoder: wasm /);
    await expectMoving(page);
  }

  it('with Vite, built', async () => {
    const folder = await copyExample('vite', 'public/visavis');
    const said = await run(process.execPath, [VITE, 'build'], folder);
    expect(said).not.toMatch(/externalized|warn/i);
    await expectNoNode(join(folder, 'dist'));
    await open(join(folder, 'dist'), ISOLATED);
    await expectFace();
    expect([...server!.missing]).toEqual([]);
    expect([...server!.served]).toContain('visavis/packs/portrait-256-cpu/generator.onnx');
    expect([...server!.served]).toContain('visavis/onnxruntime/ort-wasm-simd-threaded.wasm');
    expect([...server!.served]).not.toContain('visavis/visavis-worker.js');
  });

  it("with Vite's development server", async () => {
    const folder = await copyExample('vite', 'public/visavis');
    const vite = spawn(process.execPath, [VITE, '--port', '0', '--host', '127.0.0.1'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NO_COLOR: '1' },
    });
    try {
      let said = '';
      for await (const chunk of vite.stdout) {
        said += chunk;
        if (/http:\S+\/\n/.test(said)) break;
      }
      await page.goto(/http:\S+/.exec(said)![0]);
      await expectFace();
    } finally {
      vite.kill();
      await once(vite, 'exit');
    }
  });

  it('with webpack', async () => {
    const folder = await copyExample('webpack', 'public/visavis');
    // `npx webpack ./main.js --mode production --output-path public/build`, as its README says.
    const compiler = webpack({
      context: folder,
      mode: 'production',
      entry: './main.js',
      output: { path: join(folder, 'public/build') },
    })!;
    const stats = await promisify(compiler.run.bind(compiler))();
    await promisify(compiler.close.bind(compiler))();
    const { errors, warnings } = stats!.toJson({ all: false, errors: true, warnings: true });
    expect(errors).toEqual([]);
    // Its hint about the worker's size, of which its README says what to make; `bundle.test.ts` limits that.
    const isHint = (message: string) => /asset size limit.*\n.*\n.*\n.*worker\.js/s.test(message);
    expect(warnings!.filter(({ message }) => !isHint(message))).toEqual([]);
    await expectNoNode(join(folder, 'public/build'));
    await open(join(folder, 'public'), ISOLATED);
    await expectFace();
    expect([...server!.missing]).toEqual([]);
    expect([...server!.served]).not.toContain('visavis/visavis-worker.js');
  });

  it('with no bundler, and without threads', async () => {
    const folder = await copyExample('script', 'visavis');
    await open(folder);
    await expectFace();
    expect([...server!.missing]).toEqual([]);
    expect([...server!.served]).toContain('visavis/visavis-worker.js');
    expect([...server!.served]).toContain('visavis/onnxruntime/ort-wasm-simd-threaded.wasm');
  });
});

/** No script asks for a module of Node's, or for what a bundler puts in its place. */
async function expectNoNode(folder: string): Promise<void> {
  const names = await readdir(folder, { recursive: true });
  const scripts = names.filter((name) => name.endsWith('.js') && !name.includes('visavis/'));
  expect(scripts.length).toBeGreaterThan(0);
  for (const name of scripts) {
    const text = await readFile(join(folder, name), 'utf8');
    expect(text, name).not.toMatch(
      /["'](node:\w+|fs|path|crypto|worker_threads)["']|browser-external/,
    );
  }
}
