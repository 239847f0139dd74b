/**
 * Makes samples/sample.webp: `VISAVIS_DATA=... npx tsx tools/make-sample.ts [FRAMES_DIR]`. See
 * samples/README.md for what it is made from. With FRAMES_DIR it also writes every frame as PNG.
 */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { createWarpDecoder } from '../src/models/families/warp.js';
import { makeAveragePerson } from './sample/average-person.js';
import { sampleMotion } from './sample/motion.js';

/** Rendered at twice the size and brought down: crisper than rendering at the size. */
const RENDER_SIZE = 512;
const SIZE = 256;
const FRAME_MS = 40;
const QUALITY = 95;

const [framesDir] = process.argv.slice(2);
const person = await makeAveragePerson(RENDER_SIZE);
const decoder = createWarpDecoder();
await decoder.setIdentity({ size: RENDER_SIZE, references: [person.neutral, person.smiling] });
const frames: Buffer[] = [];
for (const geometry of sampleMotion(person.neutral.landmarks, person.smiling.landmarks)) {
  const { data, width, height } = await decoder.decode(geometry);
  const frame = await sharp(Buffer.from(data.buffer), { raw: { width, height, channels: 4 } })
    .removeAlpha()
    .resize(SIZE, SIZE, { kernel: 'lanczos3' })
    .sharpen({ sigma: 1, m1: 0.5, m2: 0.8 })
    .raw()
    .toBuffer();
  frames.push(frame);
}
await decoder.close();

const path = fileURLToPath(new URL('../samples/sample.webp', import.meta.url));
const raw = { width: SIZE, height: SIZE * frames.length, channels: 3 as const, pageHeight: SIZE };
const { size } = await sharp(Buffer.concat(frames), { raw, limitInputPixels: false })
  .webp({
    quality: QUALITY,
    delay: frames.map(() => FRAME_MS),
    loop: 0,
    effort: 4,
    smartSubsample: true,
  })
  .toFile(path);
console.log(`${path}: ${frames.length} frames, ${size} bytes`);

if (framesDir !== undefined) {
  mkdirSync(framesDir, { recursive: true });
  for (const [n, frame] of frames.entries()) {
    await sharp(frame, { raw: { width: SIZE, height: SIZE, channels: 3 } })
      .png()
      .toFile(resolve(framesDir, `${String(n).padStart(3, '0')}.png`));
  }
}
