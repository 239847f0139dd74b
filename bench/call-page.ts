/**
 * What the call of examples/browser-call is made of on the wire: every datagram between its two pages, counted and
 * sorted by a relay between them, IP and UDP headers included, beside what the page says of itself.
 *
 *     npx tsx bench/call-page.ts [--seconds 30] [--json FILE]
 *
 * Both have the sample as their camera and Chromium's beeps as their microphone; both skip the prompts of the enrolment.
 * Needs a build, ffmpeg and Chromium. Counting begins fifteen seconds after the call.
 */
import { rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium, type Page } from 'playwright-core';
import { startCallServer } from '../test/support/call-server.js';
import { fakeCameraArguments, writeFakeCamera } from '../test/support/fake-camera.js';
import { chromiumPath } from '../test/tools.js';
import { type Kind, startRelay } from './bandwidth/relay.js';

const { values: options } = parseArgs({
  options: { seconds: { type: 'string', default: '30' }, json: { type: 'string' } },
});
const SECONDS = Number(options.seconds);
const SETTLING_MS = 15_000;
const KINDS: readonly Kind[] = ['data', 'acknowledgement', 'rtp', 'rtcp', 'consent', 'dtls'];
const PATIENCE_MS = 90_000;

/** The peer is at this address alone. */
const through = (candidate: string) => `{
  const { setRemoteDescription, addIceCandidate } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.addIceCandidate = async () => {};
  RTCPeerConnection.prototype.setRemoteDescription = async function (description) {
    const sdp = description.sdp.replace(/a=candidate:.*\\r\\n/g, '');
    await setRemoteDescription.call(this, { type: description.type, sdp });
    await addIceCandidate.call(this, { candidate: ${JSON.stringify(candidate)}, sdpMLineIndex: 0 });
  };
}`;

async function enrol(page: Page): Promise<void> {
  await page.waitForSelector('body[data-state=enrolling]');
  while (await page.evaluate(() => document.body.dataset.state === 'enrolling')) {
    await page
      .locator('#enrol-skip')
      .click({ timeout: 1_000 })
      .catch(() => undefined);
    await sleep(500);
  }
}

const press = (page: Page, name: string) =>
  page.locator('button:visible', { hasText: name }).click();

/** What the page measured last. */
const said = (page: Page): Promise<Record<string, number>> =>
  page.evaluate(() =>
    JSON.parse(document.querySelector<HTMLElement>('#stats')!.dataset.stats ?? '{}'),
  );

const relay = await startRelay();
const server = await startCallServer();
const camera = await writeFakeCamera(
  fileURLToPath(new URL('../samples/sample.webp', import.meta.url)),
);
const browser = await chromium.launch({
  executablePath: chromiumPath,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    ...fakeCameraArguments(camera),
  ],
});
const [caller, callee] = await Promise.all(
  (['second', 'first'] as const).map(async (peer) => {
    const page = await (
      await browser.newContext({ viewport: { width: 1200, height: 900 } })
    ).newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('pageerror', (error) => console.error(String(error)));
    await page.addInitScript(through(relay.candidate(peer)));
    return page;
  }),
);
await caller.goto(server.url);
await press(caller, 'Start a call');
await enrol(caller);
await caller.waitForSelector('body[data-state=calling]');
await callee.goto(await caller.inputValue('#room-link'));
await press(callee, 'Join the call');
await enrol(callee);
for (const page of [caller, callee]) await page.waitForSelector('body[data-state=in-call]');
await sleep(SETTLING_MS);
const fromMs = performance.now();
const shown: Record<string, number>[][] = [[], []];
while (performance.now() < fromMs + 1000 * SECONDS) {
  await sleep(1000);
  for (const [i, page] of [caller, callee].entries()) {
    const { sentKbps, messagesSentKbps, audioSentKbps } = await said(page);
    shown[i].push({ sentKbps, messagesSentKbps, audioSentKbps });
  }
}
const seconds = (performance.now() - fromMs) / 1000;
const counted = relay.datagrams.filter(({ atMs }) => atMs >= fromMs);
const figures = (['first', 'second'] as const).map((from, i) => {
  const own = counted.filter((datagram) => datagram.from === from);
  const wire = KINDS.map((kind) => {
    const of = own.filter((datagram) => datagram.kind === kind);
    const bytes = of.reduce((sum, datagram) => sum + datagram.bytes, 0);
    return [
      kind,
      { kbps: round((8 * bytes) / 1000 / seconds), aSecond: round(of.length / seconds) },
    ];
  });
  const means = Object.keys(shown[i][0]).map((name) => [
    name,
    round(shown[i].reduce((sum, sample) => sum + sample[name], 0) / shown[i].length),
  ]);
  return { from, wire: Object.fromEntries(wire), pageSays: Object.fromEntries(means) };
});
function round(value: number): number {
  return Math.round(10 * value) / 10;
}
console.log(JSON.stringify(figures, null, 1));
if (options.json) await writeFile(options.json, JSON.stringify(figures, null, 1));
await browser.close();
await server.close();
relay.close();
await rm(camera);
