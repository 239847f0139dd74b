/**
 * Judges decoders: clips through the whole codec but the network, what each decoder shows against
 * the source. docs/quality.md defines the columns.
 *
 *     npx tsx bench/quality.ts [--set validation] [--clip PART] [--size 256|512] [--frames N]
 *       [--decoders static,warp,PACK...] [--stride 5] [--out FOLDER] [--json FILE]
 *       [--tracker FOLDER|tracks] [--last SHARE] [--references 4]
 *
 * PACK is the name of an embedded pack or the path of a folder. `--frames`: of each clip, after the
 * enrolment. `--out` (default: a new temporary folder) takes index.html with the strips of frames; it
 * shows people and is not to be published. `--last 0.2` measures the last fifth of each clip alone: what
 * `visavis personalise` keeps for measuring. `--tracker tracks`: the data's FaceLandmarker tracks.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { UserError } from '../src/cli/user-error.js';
import { PackError } from '../src/models/pack.js';
import { MAX_REFERENCES, STREAM_SIZES } from '../src/protocol/limits.js';
import { type Clip, type Splits, splits } from './data.js';
import { type BenchOptions, runBench } from './quality/bench.js';
import { renderQuality } from './quality/html.js';
import { drawStrip } from './quality/strip.js';
import { comparisonLines, tableHead, tableLine } from './quality/table.js';

function parse() {
  const { values } = parseArgs({
    options: {
      set: { type: 'string', default: 'validation' },
      clip: { type: 'string', default: '' },
      size: { type: 'string', default: '256' },
      frames: { type: 'string', default: 'Infinity' },
      decoders: { type: 'string', default: 'static,warp,portrait-256-cpu,portrait-256' },
      stride: { type: 'string', default: '5' },
      out: { type: 'string' },
      json: { type: 'string' },
      tracker: { type: 'string' },
      last: { type: 'string', default: '1' },
      references: { type: 'string', default: '4' },
    },
  });
  const size = STREAM_SIZES.find((known) => String(known) === values.size);
  if (!size) throw new UserError(`--size: must be one of ${STREAM_SIZES.join(', ')}`);
  const [frames, stride] = [Number(values.frames), Number(values.stride)];
  if (!(frames >= 1)) throw new UserError('--frames: must be 1 or more');
  if (!Number.isInteger(stride) || stride < 1) throw new UserError('--stride: must be 1 or more');
  const last = Number(values.last);
  if (!(last > 0 && last <= 1)) throw new UserError('--last: must be above 0 and at most 1');
  const references = Number(values.references);
  if (!(Number.isInteger(references) && references >= 1 && references <= MAX_REFERENCES)) {
    throw new UserError(`--references: must be 1 to ${MAX_REFERENCES}`);
  }
  const clips = clipsOf(values.set).filter(({ file }) => file.includes(values.clip));
  if (clips.length === 0) throw new UserError(`--clip: no clip of ${values.set} has that name`);
  const options: BenchOptions = {
    clips,
    size,
    frames,
    stride,
    last,
    references,
    decoders: values.decoders.split(',').filter((name) => name !== ''),
    tracker: values.tracker,
  };
  return { options, out: values.out, json: values.json };
}

function clipsOf(set: string): readonly Clip[] {
  let sets: Splits;
  try {
    sets = splits();
  } catch {
    throw new UserError('the clips are not there: VISAVIS_DATA must name the folder of the data');
  }
  if (!Object.hasOwn(sets, set)) {
    throw new UserError(`--set: must be one of ${Object.keys(sets).join(', ')}`);
  }
  return sets[set as keyof Splits];
}

async function main(): Promise<void> {
  const { options, json, ...parsed } = parse();
  const out = parsed.out ? resolve(parsed.out) : mkdtempSync(join(tmpdir(), 'visavis-quality-'));
  mkdirSync(join(out, 'strips'), { recursive: true });
  const strips: Record<string, string> = {};
  let begun = false;
  const report = await runBench(options, {
    skip: (line) => console.log(line),
    async clip({ file, decoders }, moments) {
      if (!begun) console.log(tableHead().join('\n'));
      begun = true;
      for (const [name, figures] of Object.entries(decoders)) {
        console.log(tableLine(basename(file), name, figures));
      }
      strips[file] = `strips/${file.replaceAll('/', '_')}.jpg`;
      const strip = await drawStrip(moments, Object.keys(decoders), options.size);
      writeFileSync(join(out, strips[file]), strip);
    },
  });
  if (report.clips.length === 0) throw new UserError('no clip could be measured');
  for (const [name, figures] of Object.entries(report.means)) {
    console.log(tableLine(`mean of ${report.clips.length} clips`, name, figures));
  }
  for (const comparison of report.comparisons) {
    console.log(`\n${comparisonLines(comparison).join('\n')}`);
  }
  if (json) writeFileSync(json, `${JSON.stringify(report, null, 1)}\n`);
  const command = ['npx tsx bench/quality.ts', ...process.argv.slice(2)].join(' ');
  writeFileSync(join(out, 'index.html'), renderQuality(report, command, strips));
  console.log(`\n${options.size}×${options.size}, tracker ${report.tracker}: ${out}/index.html`);
}

main().catch((error) => {
  if (!(error instanceof UserError || error instanceof PackError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
});
