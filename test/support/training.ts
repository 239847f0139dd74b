/** The trainings of training/ as the tests run them, each in a folder of the test's own. */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { personalise } from '../../src/cli/commands/personalise.js';
import { pythonPath } from '../tools.js';
import { writeClip } from './cli.js';
import { type Ended, python, runInTraining, script } from './python.js';

/** What a set-up may take before it is said to hang. */
export const HOOK_MS = 120_000;

/** So little that a run stops after one step. */
export const NO_TIME = '1e-9';

/** Makes `folder/cache`, crops of two people of the sample, anna and bob; `most` of a clip of 30 frames. */
export async function prepareCrops(folder: string, size: number, most: number): Promise<Ended> {
  const videos = join(folder, 'videos');
  await mkdir(videos, { recursive: true });
  await writeClip(join(videos, 'anna.webp'), 30);
  await writeClip(join(videos, 'bob.webp'), 30, { first: 100 });
  return cropCache(join(folder, 'cache'), videos, size, most);
}

/** Runs common/prepare.ts to its good end. */
export async function cropCache(
  cache: string,
  videos: string,
  size: number,
  most: number,
): Promise<Ended> {
  const options = ['--size', `${size}`, '--clips', videos, '--most', `${most}`];
  const made = await script('training/common/prepare.ts', cache, ...options);
  expect(made, made.stderr).toMatchObject({ status: 0 });
  return made;
}

/** The one line that Python in training/ says when it refuses. */
export async function refusal(...args: readonly string[]): Promise<string> {
  const { status, stderr } = await runInTraining(pythonPath, args);
  expect(status).toBe(1);
  const lines = stderr.trim().split('\n');
  expect(lines, stderr).toHaveLength(1);
  return lines[0];
}

/** The first row of a run's log by column, checked to hold a number in each of `numbers`. */
export async function loggedRow(
  run: string,
  numbers?: readonly string[],
): Promise<Record<string, string>> {
  const [names, values] = (await readFile(join(run, 'log.csv'), 'utf8'))
    .trim()
    .split(/\r?\n/)
    .map((line) => line.split(','));
  const row = Object.fromEntries(names.map((name, i) => [name, values[i]]));
  for (const name of numbers ?? names)
    expect(Number.isFinite(Number.parseFloat(row[name])), name).toBe(true);
  return row;
}

/** SHA-256 of a run's weights. */
export const weightsHash = async (run: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(join(run, 'weights.pt')))
    .digest('hex');

/** Trains `resumed` in two parts; it must end in the weights of `whole`, which was trained at once. */
export async function expectResumed(
  train: (...more: readonly string[]) => Promise<unknown>,
  resumed: string,
  whole: string,
): Promise<void> {
  await train('--minutes', NO_TIME);
  expect(await weightsHash(resumed)).not.toBe(await weightsHash(whole));
  await train();
  expect(await weightsHash(resumed)).toBe(await weightsHash(whole));
}

/** Runs a module of training/ in two processes that train together, to its good end; they log to `logs`. */
export const trainByTwo = (
  logs: string,
  module: string,
  ...args: readonly string[]
): Promise<Ended> =>
  python(
    ...['-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', '2'],
    // Debian's torchrun cannot leave the outputs where they are: training/README.md.
    ...['-r', '1', '-t', '1', '--log_dir', logs, '-m', module, ...args],
  );

/** Runs tools/seal-pack.ts to its good end. */
export async function seal(pack: string): Promise<void> {
  const sealed = await script('tools/seal-pack.ts', pack);
  expect(sealed, sealed.stderr).toMatchObject({ status: 0 });
}

/** `visavis personalise` of a clip of the sample, `minutes` long, into the folder `out`; what it says. */
export async function personaliseFrom(
  clip: string,
  pack: string,
  out: string,
  minutes: string,
): Promise<string> {
  await writeClip(clip, 85);
  const said = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    const args = [clip, '--pack', pack, '--out', out, '--minutes', minutes];
    await personalise(args, new AbortController().signal);
    return said.mock.calls.map(([text]) => String(text)).join('');
  } finally {
    said.mockRestore();
  }
}
