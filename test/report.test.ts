import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { FrameStore } from '../src/cli/media/frame-store.js';
import { createProgress } from '../src/cli/progress.js';
import { buildReport, type ReportInput } from '../src/cli/report/build-report.js';
import { filmStrip } from '../src/cli/report/film-strip.js';
import { renderReport } from '../src/cli/report/html.js';
import { describeMachine } from '../src/cli/report/machine.js';
import { measureQuality } from '../src/cli/report/measure.js';
import { percentiles } from '../src/cli/report/percentiles.js';
import { ticks } from '../src/cli/report/plots.js';
import { summarise } from '../src/cli/summary.js';
import { createPicture } from '../src/geometry/picture.js';
import { RUN, receiverLog, senderLog } from './report-logs.js';

/** Keys of report.json as other tools read them: none may go or change its name. */
const CONTRACT = `
version clip fps seconds pack.name pack.sha256
frames.sent frames.received frames.shown frames.concealed
payload.identity_bytes payload.motion_bytes payload.picture_bytes payload.control_bytes payload.motion_kbps
wire.forward_bytes wire.backward_bytes wire.steady_forward_kbps wire.steady_backward_kbps
${['track', 'encode', 'network', 'jitter_buffer', 'decode', 'capture_to_shown']
  .flatMap((stage) => ['p50', 'p95', 'p99'].map((share) => `stages_ms.${stage}.${share}`))
  .join(' ')}
shown_fps connect_to_first_frame_ms quality.psnr_db quality.ssim`
  .trim()
  .split(/\s+/);

const at = (object: unknown, path: string): unknown =>
  path.split('.').reduce((value, key) => (value as Record<string, unknown>)?.[key], object);

const base = { version: '1.2.3', machine: describeMachine() };

/** Frames of a slope; those received differ the more the higher their number. */
function stores(): [FrameStore, FrameStore] {
  const store = (shift: number): FrameStore => ({
    indices: Array.from({ length: RUN.frames }, (_, index) => RUN.firstIndex + index),
    read: async (index) => {
      const picture = createPicture(32, 32);
      picture.data.forEach((_, byte) => {
        picture.data[byte] = byte % 4 === 3 ? 255 : ((byte >> 2) % 128) + shift * (index % 90);
      });
      return picture;
    },
    close: async () => {},
  });
  return [store(0), store(1)];
}

async function wholeReport(change: Partial<ReportInput> = {}) {
  const [source, received] = stores();
  const quality = await measureQuality(source, received);
  const sender = senderLog();
  const receiver = receiverLog();
  const config = { buffer_ms: 40 };
  const report = buildReport({ ...base, sender, receiver, quality, config, ...change });
  return { report, strip: await filmStrip(source, received, quality) };
}

describe('report.json', () => {
  it('has every key of the contract with a figure', async () => {
    const json = JSON.parse(JSON.stringify((await wholeReport()).report));
    const empty = CONTRACT.filter((path) => at(json, path) == null);
    expect(empty).toEqual([]);
  });

  it('has every key of the contract on either machine alone, null where unknown', () => {
    for (const logs of [{ sender: senderLog() }, { receiver: receiverLog() }, {}]) {
      const json = JSON.parse(JSON.stringify(buildReport({ ...base, ...logs })));
      expect(CONTRACT.filter((path) => at(json, path) === undefined)).toEqual([]);
      expect(json.stages_ms.network.p50).toBeNull();
      expect(json.stages_ms.capture_to_shown.p99).toBeNull();
    }
    const { wire, frames, payload } = buildReport({ ...base, sender: senderLog() });
    expect(wire).toMatchObject({ forward_bytes: 81_250, backward_bytes: 2_500 });
    expect(wire.steady_backward_kbps).toBe(2);
    expect([frames.sent, frames.shown, payload.backward_bytes]).toEqual([200, null, null]);
    const received = buildReport({ ...base, receiver: receiverLog() });
    expect(received.wire).toMatchObject({ forward_bytes: 12_500, backward_bytes: 5_250 });
    expect(received.wire.steady_forward_kbps).toBe(10);
    expect([received.seconds, received.shown_fps]).toEqual([null, expect.any(Number)]);
  });

  it('has the figures that the logs amount to', async () => {
    const { report } = await wholeReport();
    expect(report).toMatchObject({
      version: '1.2.3',
      clip: 'samples/sample.webp',
      fps: 25,
      seconds: 8,
      pack: { name: 'warp', sha256: 'ab'.repeat(32) },
      frames: { sent: 200, received: 194, shown: 200, concealed: 6, skipped: 2, no_face: 3 },
      payload: {
        identity_bytes: 61_440,
        motion_bytes: 1_900,
        picture_bytes: 0,
        control_bytes: 512,
        motion_kbps: 1.9,
      },
      // 70 000 bytes with the identity, then 9 s of 1250 bytes: 10 kbps.
      wire: {
        forward_bytes: 81_250,
        backward_bytes: 5_250,
        steady_forward_kbps: 10,
        steady_backward_kbps: 2,
      },
      connect_to_first_frame_ms: 1200,
      connect_ms: 300,
      config: { bundle: 2, preset: 'balanced', rate_reason: 'preset', buffer_ms: 40 },
      drops: { 'too-old': 2 },
    });
    expect(report.stages_ms.track).toEqual({ p50: 16.5, p95: 21, p99: 21 });
    expect(report.stages_ms.bundle).toEqual({ p50: 20, p95: 40, p99: 40 });
    expect(report.stages_ms.jitter_buffer).toEqual({ p50: 30, p95: 30, p99: 30 });
    // Frame 0: track 12, encode 0.5, bundle 40, network 2, buffer 30, decode 5, present 1.
    expect(report.series.frames[0].capture_to_shown_ms).toBe(90.5);
    expect(report.series.frames[0].psnr_db).toBeCloseTo(20 * Math.log10(255 / 25), 2);
    expect(report.series.frames[20]).toMatchObject({
      state: 'interpolated',
      capture_to_shown_ms: null,
    });
    expect(report.series.rates).toHaveLength(10);
    expect(report.series.rates.map((rate) => rate.wire_forward_kbps)).toEqual([
      560,
      ...Array(9).fill(10),
    ]);
    expect(report.series.rates[4]).toEqual({
      second: 5,
      wire_forward_kbps: 10,
      wire_backward_kbps: 2,
      payload_forward_kbps: 2.5,
      payload_backward_kbps: 0.5,
    });
    expect(report.bounds).toBe(
      "the clip's own rate of 25 fps: tracking takes 16.5 ms of the 40.0 ms that a frame has",
    );
  });

  it('says what simulated networks lost', async () => {
    const counts = { sent: 100, delivered: 88, lost: 9, duplicated: 0, overtaken: 0 };
    const link = { ...counts, lostToOutage: 2, droppedByQueue: 1, options: { seed: 1, loss: 0.1 } };
    const { report } = await wholeReport({ sender: { ...senderLog(), link } });
    const same = { ...counts, lost_to_outage: 2, dropped_by_queue: 1, options: link.options };
    expect(report.link).toEqual({ forward: same, backward: null });
    expect(summarise(report, undefined, '')).toContain('12 of 100 datagrams lost forward\n');
    const html = renderReport({ report, strip: [] });
    expect(html).toContain('12 of 100 datagrams lost forward: seed 1, loss 0.1');
    expect(html).not.toContain('lost backward');
  });

  it('counts repeated pictures out of the shown rate, and names a stage that is too slow', () => {
    const sender = senderLog();
    const slow = sender.frames.map((frame, at) => {
      const captureMs = RUN.start + 100 * at;
      return { ...frame, captureMs, trackMs: captureMs + 80 };
    });
    const frames = Array.from({ length: 11 }, (_, index) => ({
      index,
      receivedMs: null,
      bufferMs: null,
      decodeMs: null,
      shownMs: RUN.start + index * 40,
      state: index % 2 === 0 ? ('extrapolated' as const) : ('held' as const),
    }));
    const receiver = { ...receiverLog(), frames };
    const report = buildReport({ ...base, sender: { ...sender, frames: slow }, receiver });
    expect(report.sent_fps).toBe(10);
    expect(report.shown_fps).toBe(12.5);
    expect(report.bounds).toBe(
      'the sender, at 10 fps: tracking takes 80.0 ms of the 100.0 ms that a frame took, the rest is reading, cropping and keeping the picture',
    );
  });

  it('says that the decoder skipped frames, or was waited for', () => {
    const [sender, receiver] = [senderLog(), receiverLog()];
    const late = receiver.frames.map((frame) => ({
      ...frame,
      decodeMs: frame.bufferMs && frame.bufferMs + 60,
    }));
    const log = { ...receiver, frames: late, framesSkipped: 70 };
    expect(buildReport({ ...base, sender, receiver: log }).bounds).toBe(
      'the decoder: it takes 60.0 ms of the 40.0 ms that a frame has, and skipped 70 of 200 frames',
    );
    const unpaced = { ...base, sender, config: { fast: true } };
    expect(buildReport({ ...unpaced, receiver: { ...log, framesSkipped: 0 } }).bounds).toBe(
      'the decoder, at 25 fps: it takes 60.0 ms of the 40.0 ms that a frame took',
    );
    expect(buildReport({ ...unpaced, receiver }).bounds).toContain("the clip's own rate");
  });

  it('takes percentiles between the values', () => {
    expect(percentiles([4, 1, 3, 2, 5])).toEqual({ p50: 3, p95: 4.8, p99: 4.96 });
    expect(percentiles([])).toEqual({ p50: null, p95: null, p99: null });
  });
});

describe('report.html', () => {
  it('needs nothing from elsewhere and shows plots, frames and the comparison', async () => {
    const comparison = {
      file: 'comparison.webp',
      frames: 100,
      everyNth: 2,
      note: 'a < b',
    } as const;
    const html = renderReport({ ...(await wholeReport()), comparison });
    expect(html).not.toMatch(/https?:|<script|<link|url\(|@import/);
    expect(html).not.toMatch(/NaN|undefined|Infinity|null/);
    expect(html).toContain('src="comparison.webp"');
    expect(html).toContain('a &#60; b');
    expect(html.match(/data:image\/webp;base64,/g)).toHaveLength(16);
    expect(html).toMatch(/class="worst">\d/);
    for (const title of ['Bitrate over time', 'Histogram of the time', 'PSNR of each frame']) {
      expect(html).toContain(`aria-label="${title}`);
    }
    expect(html.match(/<polyline class="line c1"/g)!.length).toBeGreaterThanOrEqual(2);
    expect(html).toMatch(/<rect class="interpolated"/);
    expect(html).toContain('↑ 560');
  });

  it('has SVG that an XML parser reads', async () => {
    const html = renderReport(await wholeReport());
    const drawings = html.match(/<svg[\s\S]*?<\/svg>/g)!;
    expect(drawings.length).toBeGreaterThan(10);
    for (const svg of drawings) {
      const alone = svg.replace('<svg', '<svg xmlns="http://www.w3.org/2000/svg"');
      const { format } = await sharp(Buffer.from(alone)).metadata();
      expect(format).toBe('svg');
    }
  });

  it('is a page also with one log or none, and with hostile names', async () => {
    const sender = { ...senderLog(), clip: '<script>alert(1)</script>&.mp4' };
    for (const logs of [{ sender }, { receiver: receiverLog() }, {}]) {
      const html = renderReport({ report: buildReport({ ...base, ...logs }), strip: [] });
      expect(html).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
      expect(html).not.toMatch(/NaN|undefined|Infinity|null|<script/);
    }
  });

  it('puts round numbers on its axes', () => {
    expect(ticks(0, 13.2, 4)).toEqual([0, 5, 10, 15]);
    expect(ticks(25, 224, 8, 'inside')).toEqual([50, 100, 150, 200]);
    expect(ticks(7, 7, 4)[0]).toBeLessThanOrEqual(7);
    expect(ticks(7, 7, 4).at(-1)).toBeGreaterThan(7);
  });
});

describe('progress', () => {
  function run(isTTY: boolean, stepMs: number, columns = 80) {
    let now = 0;
    let text = '';
    const write = (part: string) => {
      text += part;
    };
    const progress = createProgress('sending', { isTTY, columns, write }, () => now);
    for (let done = 1; done <= 200; done++) {
      now += stepMs;
      progress.update({ done, total: 200, detail: '25.0 fps' });
    }
    progress.finish();
    progress.finish();
    return text;
  }

  it('redraws one line at most ten times a second on a terminal', () => {
    const text = run(true, 40);
    expect(text.split('\n')).toHaveLength(2);
    const draws = text.trimEnd().split('\r').slice(1);
    expect(draws.length).toBeLessThanOrEqual(81);
    expect(draws.length).toBeGreaterThan(50);
    expect(draws.at(-1)).toBe('sending ████████████████████ 200/200 frames  25.0 fps\x1b[K');
    expect(draws[30]).toMatch(/^sending █+[▏▎▍▌▋▊▉]?░+ \d+\/200 frames {2}25.0 fps/);
    const narrow = run(true, 40, 30).split('\r').slice(1);
    expect(narrow.every((draw) => draw.split('\x1b')[0].length <= 29)).toBe(true);
  });

  it('writes a plain line now and then elsewhere', () => {
    expect(run(false, 40)).toBe(
      'sending 125/200 frames  25.0 fps\nsending 200/200 frames  25.0 fps\n',
    );
  });
});
