/**
 * What a call costs on the wire, by preset: every datagram between two peers over real UDP sockets, counted and
 * sorted by a relay between them, with IP and UDP headers. Geometry of real clips is sent as tracked beforehand, and
 * nothing is drawn, so that two cores are enough for exact figures.
 *
 *     npx tsx bench/bandwidth.ts [--presets lowest,balanced,lowest-latency] [--peers werift,chromium]
 *         [--clips SUBSTRING,...] [--pack portrait-256-cpu] [--seconds 30] [--json FILE]
 *
 * Figures begin when the identity has arrived, and five seconds have passed. Of the frames, those with a face can be
 * shown: "23.1 of 23.1 fps" of a clip whose tracker finds none in some. Chromium's sender gives 25 frames a
 * second as a page's does, werift's those of the clip as the command line's does.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { type Browser, chromium } from 'playwright-core';
import { type Pack, type RateDecision, type RatePreset, WERIFT_WIRE } from '../src/index.js';
import { openPack } from '../src/node.js';
import type { PeerMessage, Signalling } from '../src/transport/signalling.js';
import { connectWerift } from '../src/transport/werift.js';
import { createSignallingPair } from '../test/support/signalling-pair.js';
import { serveFiles } from '../test/support/static-server.js';
import { chromiumPath } from '../test/tools.js';
import { startReceiver, startSender } from './bandwidth/ends.js';
import type { BandwidthPage } from './bandwidth/page.js';
import { type Datagram, type Kind, type Relay, startRelay } from './bandwidth/relay.js';
import { type CallTrack, callTrack, framesFile } from './bandwidth/tracks.js';

const { values: options } = parseArgs({
  options: {
    presets: { type: 'string', default: 'lowest,balanced,lowest-latency' },
    peers: { type: 'string', default: 'werift,chromium' },
    clips: { type: 'string', default: 'DPE/data_d,driving_d18' },
    pack: { type: 'string', default: 'portrait-256-cpu' },
    seconds: { type: 'string', default: '30' },
    json: { type: 'string' },
  },
});
const SECONDS = Number(options.seconds);
const SETTLING_MS = 5_000;
const PAGE_FPS = 25;

declare const bandwidth: BandwidthPage;

/** What the two ends say of themselves. */
interface EndFigures {
  readonly motionBytes: number;
  readonly backwardBytes: number;
  readonly rate: RateDecision;
  readonly latencies: readonly number[];
}

interface Running {
  read(): Promise<EndFigures>;
  close(): Promise<void>;
}

/** Two werift peers in this process. */
async function weriftCall(relay: Relay, pack: Pack, track: CallTrack, preset: RatePreset) {
  const [left, right] = createSignallingPair();
  const calls = await Promise.all([
    connectWerift({ role: 'sender', signalling: through(left, relay, 'first') }),
    connectWerift({ role: 'receiver', signalling: through(right, relay, 'second') }),
  ]);
  const receiver = startReceiver(calls[1].channels, pack);
  const sender = await startSender(calls[0].channels, {
    ...track,
    pack,
    rate: { preset },
    wire: WERIFT_WIRE,
  });
  const running: Running = {
    read: async () => ({
      motionBytes: sender.stats().motionBytes,
      backwardBytes: receiver.stats().backwardBytes,
      rate: sender.stats().rate,
      latencies: receiver.takeLatencies(),
    }),
    async close() {
      sender.stop();
      await Promise.all(calls.map((call) => call.close()));
    },
  };
  return running;
}

function through(signalling: Signalling, relay: Relay, from: 'first' | 'second'): Signalling {
  return new Proxy(signalling, {
    get(target, key) {
      if (key !== 'send') return Reflect.get(target, key);
      return (message: PeerMessage) => {
        if (message.type !== 'description') return target.send(message);
        const { type, sdp } = message.description;
        target.send({ ...message, description: { type, sdp: relay.relayed(sdp, from) } });
      };
    },
    set: (target, key, value) => Reflect.set(target, key, value),
  });
}

/** Two pages of one Chromium. */
async function chromiumCall(
  relay: Relay,
  { browser, url }: { browser: Browser; url: string },
  track: CallTrack,
  preset: RatePreset,
) {
  const pages = await Promise.all([0, 1].map(() => browser.newPage()));
  for (const page of pages) page.on('pageerror', (error) => console.error(String(error)));
  await Promise.all(pages.map((page) => page.goto(`${url}index.html`)));
  const [first, second] = pages;
  const offer = await first.evaluate(() => bandwidth.describe());
  const toSecond = { ...offer, sdp: relay.relayed(offer.sdp!, 'first') };
  const answer = await second.evaluate((given) => bandwidth.describe(given), toSecond);
  const toFirst = { ...answer, sdp: relay.relayed(answer.sdp!, 'second') };
  await first.evaluate((given) => bandwidth.describe(given), toFirst);
  await second.evaluate(() => bandwidth.receive('pack'));
  await first.evaluate(
    ([name, fps, chosen]) => bandwidth.send('pack', name, fps, { preset: chosen }),
    [encodeURIComponent(track.clip), track.fps, preset] as const,
  );
  const running: Running = {
    async read() {
      const sent = await first.evaluate(() => bandwidth.read());
      const received = await second.evaluate(() => bandwidth.read());
      return {
        motionBytes: sent.sent!.motionBytes,
        backwardBytes: received.received!.backwardBytes,
        rate: sent.sent!.rate,
        latencies: received.latencies,
      };
    },
    async close() {
      await Promise.all(pages.map((page) => page.evaluate(() => bandwidth.close())));
      await Promise.all(pages.map((page) => page.close()));
    },
  };
  return running;
}

async function openChromium(tracks: readonly CallTrack[]) {
  const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
  const { outputFiles } = await build({
    entryPoints: [path('bandwidth/page.ts')],
    bundle: true,
    format: 'esm',
    write: false,
  });
  const folder = path(`../packs/${options.pack}`);
  const files = new Map<string, string | Uint8Array>([
    ['index.html', '<!doctype html><script type="module" src="page.js"></script>'],
    ['page.js', outputFiles[0].contents],
  ]);
  for (const name of readdirSync(folder))
    files.set(`pack/${name}`, readFileSync(join(folder, name)));
  for (const { clip, identity, frames } of tracks) {
    // A server decodes what the page encodes once more.
    files.set(`${encodeURIComponent(clip)}.identity`, identity);
    files.set(`${encodeURIComponent(clip)}.frames`, framesFile(frames));
  }
  const server = await serveFiles(files, { 'content-security-policy': "default-src 'self'" });
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-timer-throttling'],
  });
  return {
    browser,
    url: server.url,
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

const percentile = (values: readonly number[], share: number) => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
};

/** Kilobits a second of one direction, and what they are for. */
function direction(datagrams: readonly Datagram[], payloadBytes: number) {
  const kbps = (bytes: number) => Number(((8 * bytes) / 1000 / SECONDS).toFixed(3));
  const of = (kind: Kind) =>
    datagrams.filter((each) => each.kind === kind).reduce((sum, { bytes }) => sum + bytes, 0);
  const seconds = Array.from({ length: SECONDS }, () => 0);
  const [{ atMs: startMs } = { atMs: 0 }] = datagrams;
  for (const { atMs, bytes } of datagrams) {
    const second = Math.floor((atMs - startMs) / 1000);
    if (second < SECONDS) seconds[second] += (8 * bytes) / 1000;
  }
  return {
    kbps: kbps(datagrams.reduce((sum, { bytes }) => sum + bytes, 0)),
    p50: Number(percentile(seconds, 0.5).toFixed(2)),
    p95: Number(percentile(seconds, 0.95).toFixed(2)),
    payload: kbps(payloadBytes),
    headers: kbps(of('data') - payloadBytes),
    acknowledgements: kbps(of('acknowledgement')),
    consent: kbps(of('consent')),
    datagrams: datagrams.length,
  };
}

async function measure(relay: Relay, call: Running) {
  const identity = relay.datagrams.reduce((sum, { bytes }) => sum + bytes, 0);
  await sleep(SETTLING_MS);
  const before = await call.read();
  const startMs = performance.now();
  await sleep(1000 * SECONDS);
  const after = await call.read();
  const datagrams = relay.datagrams.filter(
    ({ atMs }) => atMs >= startMs && atMs < startMs + 1000 * SECONDS,
  );
  await call.close();
  const of = (from: Datagram['from']) => datagrams.filter((each) => each.from === from);
  const forward = direction(of('first'), after.motionBytes - before.motionBytes);
  const backward = direction(of('second'), after.backwardBytes - before.backwardBytes);
  const { latencies, rate } = after;
  return {
    forward,
    backward,
    total: Number((forward.kbps + backward.kbps).toFixed(3)),
    connectingAndIdentityBytes: identity,
    shownFps: Number((latencies.length / SECONDS).toFixed(2)),
    captureToPlayoutMs: { p50: percentile(latencies, 0.5), p95: percentile(latencies, 0.95) },
    rate,
  };
}

const facesPerSecond = ({ fps, frames }: CallTrack) =>
  Number(((fps * frames.filter((frame) => frame !== undefined).length) / frames.length).toFixed(2));

const pack = await openPack(options.pack);
const peers = options.peers.split(',');
const named = options.clips.split(',');
const tracksOf = (maxFps: number) =>
  Promise.all(named.map((name) => callTrack(name, pack, maxFps)));
const own = peers.includes('werift') ? await tracksOf(Infinity) : [];
const paged = peers.includes('chromium') ? await tracksOf(PAGE_FPS) : [];
const page = paged.length > 0 ? await openChromium(paged) : undefined;
const results = [];
console.log('kbps, headers of IP, UDP, DTLS and SCTP counted');
for (const preset of options.presets.split(',') as RatePreset[]) {
  for (const peer of peers) {
    for (const track of peer === 'werift' ? own : paged) {
      const relay = await startRelay();
      const call =
        page && peer === 'chromium'
          ? await chromiumCall(relay, page, track, preset)
          : await weriftCall(relay, pack, track, preset);
      const result = {
        preset,
        peer,
        clip: track.clip,
        fps: track.fps,
        facesPerSecond: facesPerSecond(track),
        ...(await measure(relay, call)),
      };
      relay.close();
      results.push(result);
      const { forward, backward, total, shownFps, rate, captureToPlayoutMs } = result;
      console.log(
        `${preset} ${peer} ${track.clip.slice(-28)} ${track.fps} fps: total ${total} = ` +
          `forward ${forward.kbps} (payload ${forward.payload}, headers ${forward.headers}, acknowledgements ${forward.acknowledgements}, consent ${forward.consent}; p95 ${forward.p95}) + ` +
          `backward ${backward.kbps} (payload ${backward.payload}, headers ${backward.headers}, acknowledgements ${backward.acknowledgements}, consent ${backward.consent}; p95 ${backward.p95}); ` +
          `${shownFps} of ${result.facesPerSecond} fps shown, ${captureToPlayoutMs.p50.toFixed(0)} ms; ` +
          `${rate.framesPerPacket} frames a message, stride ${rate.stride}, quantiser ${rate.quantiser}, ${rate.reason}`,
      );
    }
  }
}
await page?.close();
if (options.json) {
  const machine = `${cpus().length} × ${cpus()[0].model}`;
  writeFileSync(options.json, JSON.stringify({ machine, seconds: SECONDS, results }, null, 1));
}
process.exit(0);
