import { readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { NETWORK_SIZE } from '../../models/families/portrait-inputs.js';
import type { Pack } from '../../models/pack.js';
import { packFolder } from '../../models/pack-node.js';
import { encodePersonal, personalPack, personalPlaces } from '../../models/personal.js';
import { writePersonalPack } from '../../models/personal-node.js';
import { openFaceTracker } from '../../sender/trackers/open.js';
import { openClip } from '../media/clip-source.js';
import { openBase } from '../open-base.js';
import { needed, onlyPositional, parseCommand } from '../options.js';
import { makeFolder } from '../out-folder.js';
import { createReporter } from '../reporter.js';
import { writePersonalCrops } from '../training/personal-crops.js';
import type { PersonalSamples } from '../training/personal-frames.js';
import { writePersonalSamples } from '../training/personal-samples.js';
import { findPython, runTraining } from '../training/python.js';
import { UserError } from '../user-error.js';

/** Longest side of the pictures over the crop's, as a call reads a clip. */
const PICTURE_PER_CROP = 5;

/** What a training measures of frames that it was not given; decibels, and a share of the source's detail. */
interface Measures {
  readonly psnr: number;
  /** Of the mouth and the eyes; only differences of it mean something. */
  readonly psnr_features: number;
  readonly sharpness: number;
}

/** What writes the samples that `personalise.py` of a family reads. */
const SAMPLES: Readonly<Record<string, typeof writePersonalSamples>> = {
  fsth: writePersonalCrops,
  head2head: writePersonalCrops,
  lsr: writePersonalCrops,
  portrait: writePersonalSamples,
};

/** `visavis personalise CLIP --out FOLDER [--pack BASE] [--minutes M] [--tracker FOLDER]` */
export async function personalise(args: readonly string[], abort: AbortSignal): Promise<void> {
  const command = parseCommand(args, ['pack', 'tracker', 'out', 'minutes']);
  const path = onlyPositional(command, 'one clip, about a minute of one person');
  const out = resolve(needed(command.out, 'out', 'a folder for the personal pack'));
  const { media, minutes } = command;
  const base = await openBase(media.pack);
  const { family } = base.manifest;
  const write = Object.hasOwn(SAMPLES, family) ? SAMPLES[family] : undefined;
  if (personalPlaces(base).length === 0 || !write) {
    throw new UserError(
      `pack ${media.pack} has no network to train: give --pack portrait-256-cpu, or another of the families ${Object.keys(SAMPLES).join(', ')}`,
    );
  }
  const python = await findPython();
  const samples = join(out, '.samples');
  const differences = join(samples, 'differences.bin');
  await makeFolder(samples).catch((cause: Error) => {
    throw new UserError(
      `${out} cannot be written (${cause.message}): give another folder with --out`,
      { cause },
    );
  });
  try {
    const counts = await writeSamples(path, samples, base, write, media.tracker, abort);
    const folder = resolve(await packFolder(media.pack));
    const paths = [folder, samples, differences];
    const measures = await train(python, `${family}.personalise`, paths, minutes, abort);
    const bytes = encodePersonal(base, await readDifferences(differences, base));
    personalPack(base, bytes);
    await writePersonalPack(out, base, bytes);
    process.stdout.write(summary(out, media.pack, bytes.length, counts, measures));
  } finally {
    await rm(samples, { recursive: true, force: true });
  }
}

async function writeSamples(
  path: string,
  folder: string,
  pack: Pack,
  write: typeof writePersonalSamples,
  trackerPack: string | undefined,
  signal: AbortSignal,
): Promise<PersonalSamples> {
  const reporter = createReporter('reading');
  const clip = await openClip(path, { signal, maxSide: PICTURE_PER_CROP * NETWORK_SIZE });
  try {
    const tracker = await openFaceTracker({ packPath: trackerPack });
    try {
      const onFrame = (done: number) => reporter.progress({ done, total: clip.frameCount });
      return await write(clip, tracker, { path, folder, pack, signal, onFrame });
    } finally {
      await tracker.close();
    }
  } finally {
    await clip.close();
    reporter.finish();
  }
}

/** Trains, and gives what was measured before and after. */
async function train(
  python: string,
  module: string,
  paths: readonly string[],
  minutes: number,
  signal: AbortSignal,
): Promise<{ readonly base: Measures; readonly personal: Measures }> {
  const reporter = createReporter('training');
  const total = Math.round(60 * minutes);
  let measures: { readonly base: Measures; readonly personal: Measures } | undefined;
  try {
    await runTraining(python, {
      module,
      args: [...paths, '--minutes', `${minutes}`],
      signal,
      onLine(value) {
        const line = value as { done?: number; steps?: number } & NonNullable<typeof measures>;
        if (line.done === undefined) measures = line;
        else {
          const done = Math.round(line.done * total);
          reporter.progress({ done, total, unit: 's', detail: `${line.steps} steps` });
        }
      },
    });
  } finally {
    reporter.finish();
  }
  if (!measures) throw new UserError('the training gave no result: run it again');
  return measures;
}

/** The file that Python wrote: float32 for each of the base's weights that may differ. */
async function readDifferences(path: string, base: Pack): Promise<Float32Array[]> {
  const bytes = Uint8Array.from(await readFile(path));
  let at = 0;
  return personalPlaces(base).map(({ count }) => {
    const values = new Float32Array(bytes.buffer, at, count);
    at += 4 * count;
    return values;
  });
}

function summary(
  out: string,
  pack: string,
  bytes: number,
  { trained, heldOut }: PersonalSamples,
  { base, personal }: { readonly base: Measures; readonly personal: Measures },
): string {
  const gain = personal.psnr - base.psnr;
  const features = personal.psnr_features - base.psnr_features;
  const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)} dB`;
  const psnr = (of: Measures) => of.psnr.toFixed(2);
  const lines = [
    `trained   on ${trained} frames; measured on ${heldOut} of the clip's last fifth, which were not trained on`,
    `gained    PSNR ${psnr(base)} → ${psnr(personal)} dB (${signed(gain)}; mouth and eyes ${signed(features)}), sharpness ${base.sharpness.toFixed(2)} → ${personal.sharpness.toFixed(2)}`,
    `written   ${out}: ${(bytes / 1000).toFixed(0)} kB that the receiver gets with the identity`,
    `used      by visavis send CLIP --pack ${pack} --personal ${out}`,
  ];
  if (gain < 0) lines.push('It is worse than its base: do not use it; give a longer clip');
  return `${lines.join('\n')}\n`;
}
