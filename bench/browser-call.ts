/**
 * A call between two pages of a headless Chromium, without a GPU: `npx tsx bench/browser-call.ts [--clip PATH]
 * [--seconds 20] [--decoder auto] [--size 256] [--fps 25] [--preset NAME] [--chromium FLAG]... [--json FILE]`.
 * The clip (default: the sample) is each page's camera. Four runs: one way and both ways, with the clip, for
 * frames shown a second, bytes on the wire and long tasks; and with two stills of it that take turns at random,
 * for the latency from picture to picture. Both pages, the capture and all work share this machine's cores: only
 * an idle one counts. Needs a build (`npm run build`), ffmpeg and Chromium.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { chromium, type Page } from 'playwright-core';
import { writeAssets } from '../src/cli/commands/assets.js';
import type { RatePreset } from '../src/sender/rate-presets.js';
import { fakeCameraArguments, writeFakeCamera } from '../test/support/fake-camera.js';
import { serveFiles } from '../test/support/static-server.js';
import { chromiumPath } from '../test/tools.js';
import { latencies } from './browser-call/latency.js';
import type { BenchPage, PageOptions } from './browser-call/page.js';
import { pickStills } from './browser-call/stills.js';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const { values: options } = parseArgs({
  options: {
    clip: { type: 'string', default: path('../samples/sample.webp') },
    seconds: { type: 'string', default: '20' },
    decoder: { type: 'string', default: 'auto' },
    size: { type: 'string', default: '256' },
    fps: { type: 'string', default: '25' },
    preset: { type: 'string' },
    runs: { type: 'string', default: 'one-way,both-ways,one-way-latency,both-ways-latency' },
    chromium: { type: 'string', multiple: true, default: [] },
    json: { type: 'string' },
  },
});
const SECONDS = Number(options.seconds);
/** Enrolment, connection, and until networks and jitter buffer have settled. */
const WARM_UP_MS = 12_000;
const FIRST_SECONDS = 15;
/** IPv4 and UDP headers of a packet. */
const HEADER_BYTES = 28;

/** What a careful application answers with, and what threads need. */
const ISOLATED = {
  'content-security-policy':
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

declare const bench: BenchPage;
type BenchRead = Awaited<ReturnType<BenchPage['read']>>;

const pageScript = async () => {
  const { outputFiles } = await build({
    entryPoints: [path('browser-call/page.ts')],
    bundle: true,
    format: 'esm',
    write: false,
  });
  return outputFiles[0].contents;
};

async function files(): Promise<Map<string, string | Uint8Array>> {
  const folder = await mkdtemp(join(tmpdir(), 'visavis-bench-'));
  await writeAssets(folder, { cwd: path('..') });
  const assets = await readdir(folder, { recursive: true, withFileTypes: true });
  const all = new Map<string, string | Uint8Array>([
    ['index.html', '<!doctype html><script type="module" src="page.js"></script>'],
    ['page.js', await pageScript()],
  ]);
  for (const entry of assets.filter((entry) => entry.isFile())) {
    const file = join(entry.parentPath, entry.name);
    all.set(`visavis${file.slice(folder.length)}`, await readFile(file));
  }
  const stills = await pickStills(options.clip);
  for (const [n, still] of stills.entries()) all.set(`still-${n}.png`, still);
  await rm(folder, { recursive: true });
  return all;
}

const camera = await writeFakeCamera(options.clip);
const server = await serveFiles(await files(), ISOLATED);
const browser = await chromium.launch({
  executablePath: chromiumPath,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--disable-background-networking',
    '--autoplay-policy=no-user-gesture-required',
    ...fakeCameraArguments(camera),
    ...options.chromium,
  ],
});

/** Frames shown in each of the first seconds after the first frame, and the receiver's own latency at its end. */
function firstSeconds(shownAt: readonly number[], sampled: BenchRead['sampled']) {
  const [firstMs] = shownAt;
  return Array.from({ length: FIRST_SECONDS }, (_, second) => {
    const fromMs = firstMs + 1000 * second;
    const within = (atMs: number) => atMs >= fromMs && atMs < fromMs + 1000;
    return {
      frames: shownAt.filter(within).length,
      latencyMs: sampled.find(({ atMs }) => within(atMs))?.latencyMs?.toFixed(0),
    };
  });
}

const percentiles = (values: readonly number[]) => {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor(share * (sorted.length - 1))]);
  return { p50: at(0.5), p95: at(0.95), count: sorted.length };
};

async function measure(name: string) {
  const both = name.startsWith('both');
  const source = name.endsWith('latency') ? 'stills' : 'camera';
  const contexts = await Promise.all([browser.newContext(), browser.newContext()]);
  const pages = await Promise.all(contexts.map((context) => context.newPage()));
  const problems: string[] = [];
  for (const page of pages) page.on('pageerror', (error) => problems.push(String(error)));
  await Promise.all(pages.map((page) => page.goto(`${server.url}index.html`)));
  const settings = (side: PageOptions['side']) => ({
    side,
    sends: both || side === 'caller',
    receives: both || side === 'callee',
    source,
    sender: {
      size: Number(options.size),
      fps: Number(options.fps),
      ...(options.preset && { preset: options.preset as RatePreset }),
    },
    receiver: { decoder: options.decoder, size: Number(options.size) },
  });
  const [caller, callee] = pages;
  const started = Promise.all([
    caller.evaluate((given) => bench.start(given as never), settings('caller')),
    callee.evaluate((given) => bench.start(given as never), settings('callee')),
  ]);
  const offer = await caller.evaluate(() => bench.describe());
  const answer = await callee.evaluate((given) => bench.describe(given), offer);
  await caller.evaluate((given) => bench.describe(given), answer);
  await started;
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  const read = (page: Page) => page.evaluate(() => bench.read());
  const before = await Promise.all(pages.map(read));
  await Promise.all(pages.map((page) => page.evaluate(() => bench.reset())));
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  const after = await Promise.all(pages.map(read));
  const states = await Promise.all(pages.map((page) => page.evaluate(() => bench.states())));
  if (process.env.SHOTS) await callee.screenshot({ path: join(process.env.SHOTS, `${name}.png`) });
  await Promise.all(pages.map((page) => page.evaluate(() => bench.close())));
  await Promise.all(contexts.map((context) => context.close()));
  const kbps = (i: number) => {
    const { bytes, packets } = after[i].sent;
    const sent = bytes - before[i].sent.bytes;
    const headers = HEADER_BYTES * (packets - before[i].sent.packets);
    return Number((((sent + headers) * 8) / 1000 / SECONDS).toFixed(1));
  };
  const directions = (both ? [0, 1] : [0]).map((from) => {
    const [sender, receiver] = [after[from], after[1 - from]];
    return {
      fpsShown: Number((receiver.shownFrames / SECONDS).toFixed(1)),
      ...(source === 'stills' && {
        latencyMs: percentiles(latencies(sender.drawn, receiver.seen)),
        // The caller's alone is sent.
        ...(from === 0 && {
          voiceLatencyMs: percentiles(latencies(sender.drawn, receiver.heard)),
        }),
      }),
      tracker: sender.sender?.tracker.reason,
      trackMs: sender.sender?.trackMs?.toFixed(1),
      analyseMs: sender.sender?.analyseMs?.toFixed(1),
      fpsSent: sender.sender?.fps,
      rate: sender.sender?.rate,
      firstSeconds: firstSeconds(receiver.shownAt, receiver.sampled),
      decoder: receiver.receiver?.decoder,
      decodeMs: receiver.receiver?.decodeMs?.toFixed(1),
      ownLatencyMs: receiver.receiver?.latencyMs?.toFixed(0),
      playoutDelayMs: receiver.receiver?.playoutDelayMs.toFixed(0),
      capture: sender.sender?.capture,
      output: receiver.receiver?.output,
      drops: receiver.receiver?.drops,
    };
  });
  return {
    name,
    states,
    problems,
    directions,
    wireKbps: { callerSends: kbps(0), calleeSends: kbps(1) },
    longTasksMs: after.map(({ longTasks }) => longTasks.map(Math.round)),
  };
}

const results = [];
for (const name of options.runs.split(',')) {
  const result = await measure(name);
  results.push(result);
  console.log(JSON.stringify(result, null, 1));
}
const machine = `${cpus().length} × ${cpus()[0].model}, Chromium ${browser.version()}`;
if (options.json) {
  await writeFile(options.json, JSON.stringify({ machine, options, results }, null, 1));
}
console.log(machine);
await browser.close();
await server.close();
await rm(camera);
