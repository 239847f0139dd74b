/**
 * The `warp` decoder on real clips: `npx tsx bench/warp.ts [--size 256] [--frames 200] [--set
 * validation] [--clip PART] [--strips DIR]`. K references from the first second, every later frame
 * from its landmarks; quality against the crop, beside `static` (the first reference, held).
 */
import { mkdirSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { meanSquaredError, psnrOf, ssim } from '../src/cli/report/quality.js';
import { POINT_COUNT } from '../src/geometry/landmarks.js';
import type { Picture } from '../src/geometry/picture.js';
import type { DecoderReference } from '../src/models/decoder.js';
import { createWarpDecoder } from '../src/models/families/warp.js';
import { type CroppedFrame, croppedFrames } from './clip-frames.js';
import { type Splits, splits } from './data.js';

const REFERENCES = 4;
const { values: options } = parseArgs({
  options: {
    size: { type: 'string', default: '256' },
    frames: { type: 'string', default: '200' },
    set: { type: 'string', default: 'validation' },
    clip: { type: 'string', default: '' },
    strips: { type: 'string' },
  },
});
const size = Number(options.size);

/** The first frame, then each time the one farthest from those chosen. */
function farthest(frames: readonly CroppedFrame[], count: number): DecoderReference[] {
  const chosen = [frames[0]];
  const distance = (a: CroppedFrame, b: CroppedFrame) => {
    let sum = 0;
    for (let i = 0; i < 3 * POINT_COUNT; i++) sum += (a.landmarks[i] - b.landmarks[i]) ** 2;
    return sum;
  };
  while (chosen.length < Math.min(count, frames.length)) {
    const gaps = frames.map((frame) => Math.min(...chosen.map((other) => distance(frame, other))));
    chosen.push(frames[gaps.indexOf(Math.max(...gaps))]);
  }
  return chosen;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const percentile = (values: readonly number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))];

async function writeStrip(path: string, columns: readonly (readonly Picture[])[]): Promise<void> {
  const rows = columns[0].length;
  await sharp({
    create: { width: size * columns.length, height: size * rows, channels: 3, background: '#000' },
  })
    .composite(
      columns.flatMap((column, x) =>
        column.map((picture, y) => ({
          input: Buffer.from(picture.data.buffer),
          raw: { width: size, height: size, channels: 4 as const },
          left: x * size,
          top: y * size,
        })),
      ),
    )
    .png()
    .toFile(path);
}

console.log('clip'.padEnd(44), 'static dB  SSIM | warp dB  SSIM |   gain | ms p50  p95');
const gains: number[] = [];
const times: number[] = [];
for (const clip of splits()[options.set as keyof Splits]) {
  if (!clip.file.includes(options.clip)) continue;
  const enrolment: CroppedFrame[] = [];
  let held: Picture | undefined;
  const decoder = createWarpDecoder();
  const scores = { still: [] as number[], stillSsim: [] as number[] };
  const warp = { psnr: [] as number[], ssim: [] as number[], ms: [] as number[] };
  const columns: Picture[][] = [];
  const limit = Math.round(Number(options.frames) + clip.fps);
  for await (const frame of croppedFrames(clip, size, limit)) {
    if (frame.index < clip.fps) {
      enrolment.push(frame);
      continue;
    }
    if (held === undefined) {
      if (enrolment.length === 0) break;
      const references = farthest(enrolment, REFERENCES);
      await decoder.setIdentity({ size, references });
      held = references[0].picture;
      if (options.strips) columns.push(references.slice(0, 3).map(({ picture }) => picture));
    }
    const started = performance.now();
    const shown = await decoder.decode(frame.landmarks);
    warp.ms.push(performance.now() - started);
    scores.still.push(psnrOf(meanSquaredError(held, frame.picture)));
    scores.stillSsim.push(ssim(held, frame.picture));
    warp.psnr.push(psnrOf(meanSquaredError(shown, frame.picture)));
    warp.ssim.push(ssim(shown, frame.picture));
    if (options.strips && warp.psnr.length % Math.ceil(Number(options.frames) / 7) === 1)
      columns.push([frame.picture, shown, held]);
  }
  if (held === undefined) {
    console.log(clip.file, 'no face in the first second');
    continue;
  }
  await decoder.close();
  const gain = mean(warp.psnr) - mean(scores.still);
  gains.push(gain);
  times.push(...warp.ms);
  console.log(
    clip.file.replace('video/', '').slice(-44).padEnd(44),
    mean(scores.still).toFixed(2).padStart(9),
    mean(scores.stillSsim).toFixed(3),
    '|',
    mean(warp.psnr).toFixed(2).padStart(7),
    mean(warp.ssim).toFixed(3),
    '|',
    gain.toFixed(2).padStart(6),
    '|',
    percentile(warp.ms, 0.5).toFixed(1).padStart(6),
    percentile(warp.ms, 0.95).toFixed(1),
  );
  if (options.strips) {
    mkdirSync(options.strips, { recursive: true });
    await writeStrip(resolve(options.strips, `${basename(clip.file)}.png`), columns);
  }
}
console.log(
  `mean gain ${mean(gains).toFixed(2)} dB, least ${Math.min(...gains).toFixed(2)} dB;`,
  `${percentile(times, 0.5).toFixed(1)} ms p50, ${percentile(times, 0.95).toFixed(1)} ms p95`,
  `at ${size}×${size}`,
);
