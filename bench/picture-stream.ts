/**
 * Stills or video where no reference can help (nobody, two people, hands): `npx tsx bench/picture-stream.ts [--set
 * validation] [--clip PART,…] [--splice NAME] [--kbps 10,15] [--seconds 8]`. What is on show, moment by moment, beside the
 * camera: WebP stills of so many seconds' bytes, each sent when the one before has left, and ffmpeg's VP9 and AV1 in
 * real-time settings at few frames a second, key frame first. All are paced at the same bits of wire, 93 bytes around
 * each chunk and 64 of signature for each picture counted. PSNR, wrong cells (bench/watch/right.ts) and, where it is
 * installed, Butteraugli's 3-norm, means from 1.5 s on.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Picture } from '../src/geometry/picture.js';
import { resampleSquare, whole } from '../src/geometry/resample.js';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import { codeWithin } from '../src/sender/coded-picture.js';
import { availableCodecs, VIDEO_CODECS, type VideoCodec } from './codecs/encoders.js';
import { decoded, encode, frameSizes, toYuv } from './codecs/ffmpeg.js';
import { type Splits, splits } from './data.js';
import { openButteraugli } from './quality/butteraugli.js';
import { cameraFrames } from './watch/camera.js';
import { judge } from './watch/right.js';
import { SPLICES } from './watch/splices.js';

const { values: options } = parseArgs({
  options: {
    set: { type: 'string', default: 'validation' },
    clip: { type: 'string', default: 'driving_d10,driving_d6,driving_d13' },
    splice: { type: 'string', default: 'quiet' },
    kbps: { type: 'string', default: '10,15' },
    seconds: { type: 'string', default: '8' },
  },
});
const SIZE = 256;
const STILL_SECONDS = [0.4, 0.6, 1.3];
const VIDEO_FPS = [2, 4];
const VIDEO_SIDES = [128, 192];
/** A chunk is a quarter of a second of the rate (src/sender/picture-pacer.ts). */
const CHUNK_SECONDS = 0.25;
const CHUNK_OVERHEAD_BYTES = 93 + 6;
const SIGNATURE_BYTES = 64;
/** One way, and coding and decoding. */
const DELAY_MS = 60;
const FROM_MS = 1500;
/** Of so many camera frames one is judged. */
const JUDGED = 5;

interface Sent {
  readonly shownMs: number;
  readonly picture: Picture;
}

const codec = createNodePictureCodec();
const butteraugli = await openButteraugli();
const videos = availableCodecs(VIDEO_CODECS, (line) => console.error(line)).filter(({ name }) =>
  ['vp9', 'aom-av1'].includes(name),
);
const folder = await mkdtemp(join(tmpdir(), 'visavis-picture-stream-'));

function wireMs(bytes: number, kbps: number): number {
  const chunk = (1000 * kbps * CHUNK_SECONDS) / 8;
  const chunks = Math.ceil((bytes + SIGNATURE_BYTES) / chunk);
  return (8 * (bytes + SIGNATURE_BYTES + chunks * CHUNK_OVERHEAD_BYTES)) / kbps;
}

const scaled = (picture: Picture) =>
  picture.width === SIZE ? picture : resampleSquare(picture, whole(picture), SIZE);

/** Each still is of the newest frame when the one before has left. */
async function stills(frames: readonly Picture[], fps: number, kbps: number, each: number) {
  const seconds = frames.length / fps;
  const sent: Sent[] = [];
  // What a second has besides headers of whole chunks and the signature.
  const chunk = (1000 * kbps * CHUNK_SECONDS) / 8;
  const wire = (1000 * kbps * each) / 8 - SIGNATURE_BYTES;
  const budget = (wire * chunk) / (chunk + CHUNK_OVERHEAD_BYTES);
  for (let ms = 0; ms < seconds * 1000; ) {
    const bytes = await codeWithin(codec, frames[Math.floor((ms * fps) / 1000)], budget);
    ms += wireMs(bytes.length, kbps);
    sent.push({ shownMs: ms + DELAY_MS, picture: scaled(await codec.decode(bytes, 1024)) });
  }
  return sent;
}

async function video(
  frames: readonly Picture[],
  fps: number,
  kbps: number,
  { codec, fps: rate, side }: { codec: VideoCodec; fps: number; side: number },
) {
  const seconds = frames.length / fps;
  const step = fps / rate;
  const taken = Array.from(
    { length: Math.floor(seconds * rate) },
    (_, i) => frames[Math.floor(i * step)],
  );
  const raw = { path: join(folder, 'raw'), side: SIZE, fps: rate };
  await writeFile(
    raw.path,
    taken.map(({ data }) => Buffer.from(data.buffer)),
  );
  const yuv = await toYuv(raw, side, join(folder, 'yuv'));
  // What is left of the wire beside the headers.
  const payload = kbps - (8 * rate * (SIGNATURE_BYTES + CHUNK_OVERHEAD_BYTES)) / 1000;
  const path = join(folder, 'video.mkv');
  await encode(yuv, codec.encoder, codec.options(Math.max(1, payload)), path);
  const [sizes, pictures] = [await frameSizes(path), await decoded(path, SIZE, '')];
  let free = 0;
  return sizes.map((bytes, i): Sent => {
    free = Math.max(free, (1000 * i) / rate) + wireMs(bytes, kbps);
    return { shownMs: free + DELAY_MS, picture: pictures[i] };
  });
}

async function judged(frames: readonly Picture[], fps: number, sent: readonly Sent[]) {
  const seconds = frames.length / fps;
  const all: { psnr: number; wrongCells: number; difference: number }[] = [];
  for (let i = Math.ceil((FROM_MS * fps) / 1000); i < frames.length; i += JUDGED) {
    const shown = sent.findLast(({ shownMs }) => shownMs <= (1000 * i) / fps);
    if (!shown) continue;
    const difference = (await butteraugli?.compare(frames[i], shown.picture)) ?? Number.NaN;
    all.push({ ...judge(frames[i], shown.picture), difference });
  }
  const mean = (of: (one: (typeof all)[number]) => number) =>
    all.reduce((sum, one) => sum + of(one), 0) / all.length;
  return [
    `first after ${sent[0].shownMs.toFixed(0)} ms`,
    `${mean(({ psnr }) => psnr).toFixed(1)} dB`,
    `${mean(({ wrongCells }) => wrongCells).toFixed(1)} wrong cells`,
    `butteraugli ${mean(({ difference }) => difference).toFixed(1)}`,
    `${(sent.length / seconds).toFixed(1)} pictures a second`,
    `the last ${((sent.at(-1)?.shownMs ?? 0) / 1000 - seconds).toFixed(1)} s behind`,
  ].join(', ');
}

for (const part of options.clip.split(',')) {
  const clip = splits()[options.set as keyof Splits].find(({ file }) => file.includes(part))!;
  const frames: Picture[] = [];
  for await (const picture of cameraFrames(clip)) {
    if (frames.length >= Number(options.seconds) * clip.fps) break;
    const ms = (frames.length * 1000) / clip.fps;
    frames.push(scaled(SPLICES[options.splice](picture, ms, picture)));
  }
  for (const kbps of options.kbps.split(',').map(Number)) {
    const print = async (name: string, sent: readonly Sent[]) =>
      console.log(`${part} ${kbps} kbps ${name}: ${await judged(frames, clip.fps, sent)}`);
    for (const each of STILL_SECONDS) {
      await print(`stills of ${each} s`, await stills(frames, clip.fps, kbps, each));
    }
    for (const codec of videos) {
      for (const fps of VIDEO_FPS) {
        for (const side of VIDEO_SIDES) {
          const sent = await video(frames, clip.fps, kbps, { codec, fps, side });
          await print(`${codec.name} ${fps} fps ${side}`, sent);
        }
      }
    }
  }
}
await butteraugli?.close();
await rm(folder, { recursive: true });
process.exit(0);
