/**
 * The whole job on many clips: `visavis loopback` (the built one: `npm run build` first) on the
 * sample and on clips of the data, one line each from its report.json.
 *
 *     npx tsx bench/loopback.ts [--set validation] [--clips SUBSTRING] [--size 256] [--json FILE]
 *
 * Motion is given at the clip's rate and, as `at 25`, for 25 frames a second. `off` is how far the
 * sent rate was from the clip's: 0 is real time.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Report } from '../src/cli/report/schema.js';
import { dataRoot, type Splits, splits } from './data.js';

const { values: options } = parseArgs({
  options: {
    set: { type: 'string', default: 'validation' },
    clips: { type: 'string', default: '' },
    size: { type: 'string', default: '256' },
    json: { type: 'string' },
  },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const main = join(root, 'dist/cli/main.js');

interface Row {
  readonly clip: string;
  readonly 'sent fps': number;
  readonly 'off %': number;
  readonly 'wire fwd': number;
  readonly 'wire back': number;
  readonly motion: number;
  readonly 'at 25': number;
  readonly 'identity kB': number;
  readonly connect: number;
  readonly 'lat p50': number;
  readonly 'lat p95': number;
  readonly decode: number;
  readonly concealed: number;
  readonly psnr: number;
  readonly ssim: number;
}

function measure(path: string, name: string): Row | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'visavis-bench-'));
  try {
    const run = spawnSync(
      process.execPath,
      [main, 'loopback', path, '--out', dir, '--size', options.size],
      { encoding: 'utf8' },
    );
    if (run.status !== 0) {
      console.log(`${name}: ${run.stderr.trim().split('\n').at(-1)}`);
      return undefined;
    }
    const report = JSON.parse(readFileSync(join(dir, 'report.json'), 'utf8')) as Report;
    const { rates } = report.series;
    const seconds = rates.at(-1)?.second ?? 0;
    const { sent, concealed } = report.frames;
    const { fps, payload, wire, stages_ms: stages, quality } = report;
    const sentFps = report.sent_fps ?? 0;
    if (!fps || !sent || seconds === 0) return undefined;
    return {
      clip: name,
      'sent fps': sentFps,
      'off %': 100 * (sentFps / fps - 1),
      'wire fwd': wire.steady_forward_kbps ?? 0,
      'wire back': wire.steady_backward_kbps ?? 0,
      motion: payload.motion_kbps ?? 0,
      'at 25': ((payload.motion_kbps ?? 0) * 25) / fps,
      'identity kB': (payload.identity_bytes ?? 0) / 1000,
      connect: report.connect_to_first_frame_ms ?? 0,
      'lat p50': stages.capture_to_shown.p50 ?? 0,
      'lat p95': stages.capture_to_shown.p95 ?? 0,
      decode: stages.decode.p50 ?? 0,
      concealed: concealed ?? 0,
      psnr: quality.psnr_db ?? 0,
      ssim: quality.ssim ?? 0,
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const DIGITS: Partial<Record<keyof Row, number>> = {
  'off %': 1,
  'sent fps': 1,
  motion: 2,
  'at 25': 2,
  'wire fwd': 2,
  'wire back': 2,
  psnr: 2,
  ssim: 3,
  'identity kB': 1,
  decode: 1,
};
const NUMBERS = [
  ...(['sent fps', 'off %', 'wire fwd', 'wire back', 'motion', 'at 25', 'identity kB'] as const),
  ...(['connect', 'lat p50', 'lat p95', 'decode', 'concealed', 'psnr', 'ssim'] as const),
];
const line = (name: string, cells: readonly string[]) =>
  console.log(name.slice(-34).padEnd(34) + cells.map((cell) => cell.padStart(12)).join(''));
const cells = (row: Omit<Row, 'clip'>) => NUMBERS.map((key) => row[key].toFixed(DIGITS[key] ?? 0));

line(`--size ${options.size}`, NUMBERS);
const sample = { path: join(root, 'samples/sample.webp'), name: 'samples/sample.webp' };
const clips = splits()[options.set as keyof Splits].map(({ file }) => ({
  path: resolve(dataRoot(), file),
  name: file,
}));
const rows: Row[] = [];
for (const { path, name } of [sample, ...clips]) {
  if (!name.includes(options.clips)) continue;
  const row = measure(path, name);
  if (!row) continue;
  rows.push(row);
  line(name, cells(row));
}
const middle = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];
const summary = (of: (values: number[]) => number) =>
  Object.fromEntries(NUMBERS.map((key) => [key, of(rows.map((row) => row[key]))]));
const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
if (rows.length > 0) {
  line('mean', cells(summary(mean) as unknown as Row));
  line('median', cells(summary(middle) as unknown as Row));
  line('largest', cells(summary((values) => Math.max(...values)) as unknown as Row));
}
if (options.json)
  writeFileSync(options.json, JSON.stringify({ size: options.size, rows }, null, 1));
