/**
 * Whom the command line's rule enrols: one line for each clip of the data, as `visavis send` would
 * take it, but those that are shorter than the enrolment. Of talking heads it must take every one, of
 * the negative clip none.
 *
 *   npx tsx bench/enrolment.ts [--set validation] [--enrol-seconds 1]
 *
 * Exit status 1 where a clip is not taken that should be, or the other way round.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { enrolClip } from '../src/cli/enrol-clip.js';
import { openClip } from '../src/cli/media/clip-source.js';
import { UserError } from '../src/cli/user-error.js';
import { openFaceTracker } from '../src/sender/trackers/open.js';
import { dataRoot, splits } from './data.js';

const SETS = ['negative', 'hard', 'validation', 'train'] as const;

async function enrolment(file: string, seconds: number): Promise<{ taken: boolean; text: string }> {
  const path = resolve(dataRoot(), file);
  const clip = await openClip(path);
  const tracker = await openFaceTracker();
  const frames = clip.frames()[Symbol.asyncIterator]();
  try {
    const options = { path: file, size: 256, references: 4, seconds } as const;
    const { nextIndex, referenceCount, identity } = await enrolClip(frames, clip, tracker, options);
    const kilobytes = (identity.length / 1000).toFixed(1);
    const from = `enrolled before frame ${nextIndex} of ${clip.frameCount ?? '?'}`;
    return { taken: true, text: `${from}, ${referenceCount} references, ${kilobytes} kB` };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { taken: false, text: error.message };
  } finally {
    await frames.return?.();
    await tracker.close();
    await clip.close();
  }
}

const { values } = parseArgs({
  options: { set: { type: 'string' }, 'enrol-seconds': { type: 'string', default: '1' } },
});
const seconds = Number(values['enrol-seconds']);
const all = splits();
for (const set of SETS.filter((name) => !values.set || name === values.set)) {
  let taken = 0;
  const clips = all[set].filter(({ frames, fps }) => frames > fps * seconds);
  for (const { file } of clips) {
    const result = await enrolment(file, seconds);
    if (result.taken) taken++;
    if (result.taken === (set === 'negative')) process.exitCode = 1;
    console.log(`${set.padEnd(11)}${file.padEnd(64)} ${result.text}`);
  }
  console.log(`${set}: ${taken} of ${clips.length} enrolled`);
}
