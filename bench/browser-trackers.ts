/**
 * Times the trackers in a worker of headless Chromium, in milliseconds of a frame:
 *
 *     npx tsx bench/browser-trackers.ts [--frames 100] [--threads 1]
 *
 * The package's tracker and MediaPipe's networks converted by `visavis import-tracker` in
 * onnxruntime-web (wasm), with the time of each network, and MediaPipe itself (tasks-vision, on the
 * processor, WebGL in software), on frames of the sample and on the same at 1280×720. `search`: a frame in
 * which the tracker also looks for a second face (every tenth); the others are `follow`.
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { openClip } from '../src/cli/media/clip-source.js';
import type { Picture } from '../src/geometry/picture.js';
import { convertTask } from '../src/sender/trackers/face-landmarker-task.js';
import {
  openWorkerPage,
  servedFolder,
  servedMediaPipe,
  servedRuntime,
  WEBGL_ARGS,
} from '../test/support/worker-page.js';
import type { Times } from './browser/trackers-worker.js';
import { dataRoot } from './data.js';

const { values: options } = parseArgs({
  options: {
    frames: { type: 'string', default: '100' },
    threads: { type: 'string', default: '1' },
  },
});
const path = (relative: string) => fileURLToPath(new URL(`../${relative}`, import.meta.url));

async function samplePictures(): Promise<Picture[]> {
  const clip = await openClip(path('samples/sample.webp'));
  const pictures: Picture[] = [];
  for await (const picture of clip.frames()) {
    pictures.push(picture);
    if (pictures.length === Number(options.frames)) break;
  }
  await clip.close();
  return pictures;
}

/** The picture in the middle of a grey one of 1280×720, as high as that. */
const large = { width: 1280, height: 720 };
async function enlarge({ data, width, height }: Picture): Promise<Uint8Array> {
  return sharp(data, { raw: { width, height, channels: 4 } })
    .resize({ ...large, fit: 'contain', background: { r: 96, g: 96, b: 96, alpha: 1 } })
    .raw()
    .toBuffer();
}

const pictures = await samplePictures();
const sizes = {
  '256×256': { path: 'small', width: 256, height: 256 },
  '1280×720': { path: 'large', ...large },
};
const task = await readFile(`${dataRoot()}/../models/mediapipe/face_landmarker.task`);
const { detector, landmarks } = convertTask('face_landmarker.task', task);
const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const imported = {
  name: 'imported',
  kind: 'face-landmarker',
  license: '',
  sha256: { 'detector.onnx': hash(detector), 'landmarks.onnx': hash(landmarks) },
};
const embedded = await servedFolder('packs/tracker', 'packs/tracker', /onnx$|manifest/);
const names = new Map([
  ...embedded.map(([name, bytes]) => [bytes.length, name.split('/').at(-1)!] as const),
  [detector.length, 'detector'],
  [landmarks.length, 'landmarks'],
]);

const page = await openWorkerPage({
  worker: 'bench/browser/trackers-worker.ts',
  files: [
    ...(await servedRuntime()),
    ...(await servedMediaPipe()),
    ...embedded,
    ['packs/imported/manifest.json', JSON.stringify(imported)],
    ['packs/imported/detector.onnx', detector],
    ['packs/imported/landmarks.onnx', landmarks],
    ['face_landmarker.task', task],
    ['small', Buffer.concat(pictures.map(({ data }) => new Uint8Array(data.buffer)))],
    ['large', Buffer.concat(await Promise.all(pictures.map(enlarge)))],
  ],
  args: WEBGL_ARGS,
});

const quantile = (values: number[], q: number) =>
  values.toSorted((a, b) => a - b)[Math.floor(q * (values.length - 1))] ?? Number.NaN;
const ms = (values: number[]) =>
  `${quantile(values, 0.5).toFixed(1)} (p95 ${quantile(values, 0.95).toFixed(1)})`;

function print(label: string, times: readonly Times[]): void {
  const keys = [...new Set(times.flatMap(({ networks }) => Object.keys(networks).map(Number)))];
  const detectors = keys.filter((key) => /detector|blazeface/.test(names.get(key)!));
  const searched = (each: Times) => detectors.some((key) => key in each.networks);
  for (const [kind, some] of [
    ['follow', times.filter((each) => !searched(each))],
    ['search', times.filter(searched)],
  ] as const) {
    if (some.length === 0) continue;
    const each = keys
      .filter((key) => some.some(({ networks }) => key in networks))
      .map(
        (key) =>
          `${names.get(key)} ${quantile(
            some.map(({ networks }) => networks[key] ?? 0),
            0.5,
          ).toFixed(1)}`,
      );
    const rest = some.map(({ all, networks }) =>
      Object.values(networks).reduce((left, spent) => left - spent, all),
    );
    const parts =
      keys.length > 0 ? `: ${each.join(', ')}, rest ${quantile(rest, 0.5).toFixed(1)}` : '';
    console.log(`${label} ${kind} ${ms(some.map(({ all }) => all))}${parts}`);
  }
}

try {
  for (const [size, served] of Object.entries(sizes)) {
    for (const pack of ['tracker', 'imported']) {
      const times = await page.call<Times[]>(
        'pack',
        `packs/${pack}`,
        Number(options.threads),
        served,
      );
      print(`${size} ${pack}`, times);
    }
    const { opened, times } = await page.call<{ opened: number; times: Times[] }>(
      'mediaPipe',
      served,
    );
    print(`${size} MediaPipe (opened in ${opened.toFixed(0)} ms)`, times);
  }
} finally {
  await page.close();
}
