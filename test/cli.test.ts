import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SenderLog } from '../src/cli/report/logs.js';
import type { Report } from '../src/cli/report/schema.js';
import {
  runCli,
  runTogether,
  SAMPLE,
  startCli,
  startSignal,
  temporaryFolder,
  writeClip,
} from './support/cli.js';
import { itNeeds } from './tools.js';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => rm(folder, { recursive: true }));

const readReport = async (dir: string) =>
  JSON.parse(await readFile(join(dir, 'report.json'), 'utf8')) as Report;

/** PATH without ffmpeg; Node itself is started by its full path. */
const withoutFfmpeg = { ...process.env, PATH: '/nonexistent' };

/** The sample has 200 frames at 25 fps; a second of them is the enrolment. */
const SAMPLE_FRAMES = 200;
const ENROLMENT_FRAMES = 25;
const SENT = SAMPLE_FRAMES - ENROLMENT_FRAMES;

describe('demo', () => {
  it('sends the sample as fast as it goes, with every frame kept on both sides', async () => {
    const out = join(folder, 'fast');
    const { status, stdout } = await runCli(['demo', '--fast', '--save-frames', '--out', out], {
      env: withoutFfmpeg,
    });
    expect(stdout).toMatch(/frames +175 shown/);
    expect(status).toBe(0);

    const names = await readdir(join(out, 'frames'));
    const numbers = Array.from({ length: SENT }, (_, i) => `${i + ENROLMENT_FRAMES}`);
    const files = ['dec', 'src'].flatMap((kind) =>
      numbers.map((number) => `${kind}-${number.padStart(6, '0')}.png`),
    );
    expect(names.sort()).toEqual(files);
    const sizes = await Promise.all(
      files.map(async (name) => {
        const { width, height, channels } = await sharp(join(out, 'frames', name)).metadata();
        return `${width}×${height}×${channels}`;
      }),
    );
    expect(new Set(sizes)).toEqual(new Set(['256×256×3']));

    expect(await readdir(out)).toEqual(
      expect.arrayContaining(['comparison.webp', 'report.html', 'report.json']),
    );
    expect((await readdir(out)).filter((name) => name.startsWith('.'))).toEqual([]);
    const comparison = await sharp(join(out, 'comparison.webp')).metadata();
    expect(comparison.pages).toBe(SENT);
    expect(comparison.width).toBe(520);
  });

  it('writes the figures of the contract, which agree with each other', async () => {
    const out = join(folder, 'real-time');
    const { status } = await runCli(['demo', '--out', out]);
    expect(status).toBe(0);
    const report = await readReport(out);
    const { frames, payload, wire, stages_ms: stages, quality } = report;
    expect(report.clip).toBe(SAMPLE);
    expect(report.fps).toBe(25);
    expect(report.seconds).toBe(SENT / 25);
    expect(report.pack.name).toBe('portrait-256-cpu');
    expect(report.pack.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(frames).toMatchObject({ sent: SENT, shown: SENT, no_face: 0 });
    expect(frames.received).toBeLessThanOrEqual(SENT);
    expect(payload.motion_kbps).toBeCloseTo((payload.motion_bytes! * 8) / (SENT * 40), 2);
    expect(payload.motion_kbps).toBeLessThanOrEqual(2);
    expect(payload.identity_bytes).toBeGreaterThan(5_000);
    const { motion_bytes, identity_bytes, control_bytes, backward_bytes } = payload;
    expect(wire.forward_bytes).toBeGreaterThan(motion_bytes! + identity_bytes! + control_bytes!);
    expect(wire.backward_bytes).toBeGreaterThan(backward_bytes!);
    expect(wire.steady_forward_kbps).toBeGreaterThan(payload.motion_kbps!);
    expect(wire.steady_forward_kbps).toBeLessThan(30);
    expect(Object.keys(stages)).toEqual(
      expect.arrayContaining([
        ...['track', 'encode', 'network', 'jitter_buffer', 'decode', 'capture_to_shown'],
      ]),
    );
    for (const { p50, p95, p99 } of Object.values(stages)) {
      expect(p50).toBeGreaterThanOrEqual(0);
      expect(p95).toBeGreaterThanOrEqual(p50!);
      expect(p99).toBeGreaterThanOrEqual(p95!);
    }
    expect(report.shown_fps).toBeGreaterThan(0);
    expect(report.connect_to_first_frame_ms).toBeGreaterThan(report.connect_ms!);
    expect(quality.psnr_db).toBeGreaterThan(28);
    expect(quality.ssim).toBeGreaterThan(0.9);
    expect((await stat(join(out, 'report.html'))).size).toBeGreaterThan(10_000);
  });
});

describe('loopback', () => {
  it('loses datagrams of both directions in a simulated network, and says how many', async () => {
    const clip = await writeClip(join(folder, 'lossy.webp'), 75);
    const out = join(folder, 'lossy');
    const network = ['--loss', '0.15', '--jitter-ms', '30', '--seed', '3'];
    const options = ['--pack', 'warp', '--enrol-seconds', '0.4', '--bundle', '1'];
    const run = await runCli(['loopback', clip, '--out', out, ...options, ...network]);
    expect(run.stdout).toMatch(
      /network +\d+ of \d+ datagrams lost forward, \d+ of \d+ .* backward/,
    );
    expect(run.status).toBe(0);
    const { link, frames } = await readReport(out);
    for (const [direction, seed] of [
      [link.forward!, 3],
      [link.backward!, 4],
    ] as const) {
      expect(direction.options).toEqual({ seed, loss: 0.15, jitterMs: 30 });
      expect(direction.lost).toBeGreaterThan(0);
      expect(direction.delivered).toBeLessThanOrEqual(direction.sent - direction.lost);
    }
    expect(frames.sent).toBe(65);
    expect(frames.received).toBeLessThan(65);
    expect(frames.concealed).toBeGreaterThan(0);
  });
});

describe('signal, send and receive', () => {
  it.each([['receiver'], ['sender']])('work as three processes, the %s first', async (first) => {
    const out = join(folder, `${first} first – ü`);
    const clip = await writeClip(join(folder, `-short ${first} é.webp`), 50);
    const { url, cli: signal } = await startSignal();
    const place = ['--room', 'r', '--signal', url];
    const starts = [
      () => startCli(['receive', ...place, '--out', out]),
      () => startCli(['send', ...place, '--enrol-seconds', '0.4', '--', clip]),
    ];
    if (first === 'sender') starts.reverse();
    const one = starts[0]();
    await one.said('waiting for a ');
    const other = starts[1]();
    const ends = await Promise.all([one.ended, other.ended]);
    expect(ends.map(({ status, lines }) => (status === 0 ? '' : lines.join('\n')))).toEqual([
      '',
      '',
    ]);
    signal.process.kill('SIGINT');
    expect((await signal.ended).status).toBe(0);

    const video = (await readdir(out)).filter((name) => name.startsWith('received.'));
    expect(video).toHaveLength(1);
    const report = await readReport(out);
    expect(report.frames).toMatchObject({ shown: 40, sent: null });
    expect(report.quality.psnr_db).toBeNull();
  });
});

describe('a slow link', () => {
  it('shows a stranger from a coarse identity, and the references follow', async () => {
    const out = join(folder, 'slow');
    const clip = await writeClip(join(folder, 'slow.webp'), 175);
    const { url, cli: signal } = await startSignal();
    const place = ['--room', 'r', '--signal', url, '--pack', 'warp'];
    const bandwidth = { bitsPerSecond: 100_000, queueBytes: 100_000 };
    const link = JSON.stringify({ seed: 1, delayMs: 20, bandwidth });
    const failures = await runTogether([
      ['receive', ...place, '--out', join(out, 'shown')],
      [
        ...['send', ...place, '--enrol-seconds', '0.4', '--out', join(out, 'sent')],
        ...['--link', link, '--', clip],
      ],
    ]);
    expect(failures).toEqual([]);
    signal.process.kill('SIGINT');
    const log: SenderLog = JSON.parse(await readFile(join(out, 'sent/sender.json'), 'utf8'));
    expect(log.identityBytes).toBeLessThan(5_000);
    expect(log.pictureBytes).toBeGreaterThan(log.identityBytes);
    expect(log.referencesDeliveredMs).toBeGreaterThan(log.identityDeliveredMs!);
    expect((await readReport(join(out, 'shown'))).frames.shown).toBe(165);
  });
});

describe('the results’ folder', () => {
  it('keeps what visavis did not write, and loses what an earlier run did', async () => {
    const out = join(folder, 'real-time');
    await writeClip(join(folder, '-tiny.webp'), 12);
    await mkdir(join(out, 'frames'), { recursive: true });
    for (const name of ['notes.txt', 'frames/mine.png', 'frames/src-000001.png']) {
      await writeFile(join(out, name), 'x');
    }
    const { status } = await runCli(
      ['loopback', '--out', 'real-time', '--enrol-seconds', '0.1', '--fast', '--', '-tiny.webp'],
      { cwd: folder },
    );
    expect(status).toBe(0);
    expect(await readdir(join(out, 'frames'))).toEqual(['mine.png']);
    expect(await readdir(out)).toContain('notes.txt');
    expect((await readReport(out)).frames.sent).toBe(9);
  });

  itNeeds('ffmpeg')('gets an mp4 where ffmpeg is installed', async () => {
    expect(await readdir(join(folder, 'real-time'))).toContain('comparison.mp4');
  });
});
