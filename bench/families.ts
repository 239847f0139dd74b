/**
 * All decoder families on the same clips: quality, what goes over the wire, time, operations, parameters. docs/families.md
 * says what came out.
 *
 *     npx tsx bench/families.ts [--packs NAME,PATH,...] [--clips PART,...] [--seconds 4] [--stride 5]
 *       [--untrained PATH,...] [--minutes N] [--out FOLDER]
 *
 * `--packs`: by default every pack in packs/ that holds a decoder. `--clips`: of the validation people, whose names contain
 * one of the parts; by default all. `--seconds`: of each clip, after the enrolment. Of `--untrained` packs, networks at
 * full width with random weights, operations and time are measured alone. `--minutes`: no clip is begun after so long; the
 * same command with the same `--out` goes on. `--out` (default: a new temporary folder) takes families.json
 * (bench/compare.ts compares two) and index.html with strips of frames, which show people and are not to be published.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from '../src/cli/report/machine.js';
import { UserError } from '../src/cli/user-error.js';
import { openFaceTracker } from '../src/sender/trackers/open.js';
import { VERSION } from '../src/version.js';
import { dataRoot, splits } from './data.js';
import {
  type ClipOptions,
  describePack,
  describeUntrained,
  measureClip,
  STREAM_SIZE,
} from './families/clip-run.js';
import { whyNoCuda } from './families/cuda.js';
import { renderFamilies } from './families/html.js';
import { decoderPacks, ownSize } from './families/packs.js';
import {
  type ClipReport,
  type FamiliesReport,
  meansOf,
  type PackReport,
} from './families/report.js';
import { costTable, qualityTable, sizeTable, tableLines } from './families/tables.js';
import { openCandidates } from './quality/candidates.js';
import { openInstruments } from './quality/instruments.js';
import { drawStrip } from './quality/strip.js';

function parse() {
  const { values } = parseArgs({
    options: {
      packs: { type: 'string' },
      clips: { type: 'string', default: '' },
      seconds: { type: 'string', default: '4' },
      stride: { type: 'string', default: '5' },
      untrained: { type: 'string', default: '' },
      minutes: { type: 'string', default: 'Infinity' },
      out: { type: 'string' },
    },
  });
  const list = (text: string) => text.split(',').filter((part) => part !== '');
  const [seconds, stride, minutes] = [values.seconds, values.stride, values.minutes].map(Number);
  if (!(seconds > 0)) throw new UserError('--seconds: must be above 0');
  if (!(Number.isInteger(stride) && stride >= 1))
    throw new UserError('--stride: must be 1 or more');
  if (!(minutes >= 0)) throw new UserError('--minutes: must be 0 or more');
  if (!existsSync(join(dataRoot(), 'splits.json'))) {
    throw new UserError('the clips are not there: VISAVIS_DATA must name the folder of the data');
  }
  const parts = list(values.clips);
  const clips = splits().validation.filter(
    ({ file }) => parts.length === 0 || parts.some((part) => file.includes(part)),
  );
  if (clips.length === 0) throw new UserError('--clips: no validation clip has that name');
  return {
    packs: values.packs === undefined ? undefined : list(values.packs),
    untrained: list(values.untrained),
    clips,
    seconds,
    stride,
    until: performance.now() + minutes * 60_000,
    out: values.out ? resolve(values.out) : mkdtempSync(join(tmpdir(), 'visavis-families-')),
  };
}

/** An earlier run of the same: packs, seconds and stride. */
function earlierRun(path: string, options: FamiliesReport['options'], hashes: readonly string[]) {
  if (!existsSync(path)) return undefined;
  const before = JSON.parse(readFileSync(path, 'utf8')) as FamiliesReport;
  const same =
    JSON.stringify(before.options) === JSON.stringify(options) &&
    JSON.stringify(before.packs.map(({ sha256 }) => sha256)) === JSON.stringify(hashes);
  return same ? before : undefined;
}

const stripOf = (file: string) => `strips/${file.replaceAll('/', '_')}.jpg`;

async function main(): Promise<void> {
  const { clips, seconds, stride, until, out, ...chosen } = parse();
  mkdirSync(join(out, 'strips'), { recursive: true });
  const leftOut: string[] = [];
  const skip = (line: string) => {
    leftOut.push(line);
    console.log(line);
  };
  const noCuda = await whyNoCuda();
  const open = async (names: readonly string[]) =>
    (await openCandidates(names, skip)).map((each) => ({ ...each, name: basename(each.name) }));
  const candidates = await open(chosen.packs ?? (await decoderPacks()));
  if (candidates.length === 0) throw new UserError('--packs: there is no decoder to measure');
  const untrained = await open(chosen.untrained);
  const sizes = [...new Set(candidates.flatMap(({ pack }) => ownSize(pack) ?? []))]
    .filter((size) => size < STREAM_SIZE)
    .sort((a, b) => a - b);
  const options = { seconds, stride, size: STREAM_SIZE };
  const hashes = [...candidates, ...untrained].map(({ pack }) => pack.identity.sha256);
  const path = join(out, 'families.json');
  const before = earlierRun(path, options, hashes);
  const tracker = await openFaceTracker();
  await tracker.close();
  const instruments = await openInstruments(resolve(dataRoot(), '../models'), skip);
  const reports = new Map<string, ClipReport>(before?.clips.map((clip) => [clip.file, clip]));
  let packs: readonly PackReport[] = before?.packs ?? [];
  const write = (): FamiliesReport => {
    const done = [...reports.values()];
    const report: FamiliesReport = {
      ...{ bench: 'families', version: VERSION, date: new Date().toISOString().slice(0, 10) },
      ...{ machine: describeMachine(), options, tracker: tracker.name, leftOut, packs },
      ...(noCuda && { noCuda }),
      ...{ clips: done, means: meansOf(done) },
    };
    writeFileSync(path, `${JSON.stringify(report, null, 1)}\n`);
    const command = ['npx tsx bench/families.ts', ...process.argv.slice(2)].join(' ');
    const strips = Object.fromEntries(done.map(({ file }) => [file, stripOf(file)]));
    writeFileSync(join(out, 'index.html'), renderFamilies(report, command, strips));
    return report;
  };
  try {
    for (const clip of clips) {
      if (reports.has(clip.file) || performance.now() >= until) continue;
      const cuda = noCuda === undefined;
      const clipOptions: ClipOptions = {
        ...{ clip, seconds, stride, candidates, sizes, instruments, cuda },
      };
      const measured = await measureClip(clipOptions).catch((error) => {
        if (!(error instanceof UserError)) throw error;
        skip(`${clip.file} is left out: ${error.message}`);
        return undefined;
      });
      if (!measured) continue;
      const { report, moments, person } = measured;
      if (packs.length === 0) {
        const described: PackReport[] = [];
        for (const each of candidates) described.push(await describePack(each, person));
        for (const each of untrained) described.push(await describeUntrained(each, person, cuda));
        packs = described;
      }
      const names = candidates.map(({ name }) => name);
      writeFileSync(join(out, stripOf(clip.file)), await drawStrip(moments, names, STREAM_SIZE));
      reports.set(clip.file, report);
      write();
      console.log(`\n${clip.file}`);
      console.log(tableLines(qualityTable(report.packs)).join('\n'));
    }
  } finally {
    await instruments.close();
  }
  if (reports.size === 0) throw new UserError('no clip could be measured');
  const report = write();
  console.log(`\nmeans of ${report.clips.length} clips of ${seconds} s`);
  const tables = [costTable(report), qualityTable(report.means)];
  if (sizes.length > 0) tables.push(sizeTable(report.means));
  for (const table of tables) console.log(`\n${tableLines(table).join('\n')}`);
  if (noCuda) console.log(`\nwithout CUDA: ${noCuda}`);
  console.log(`\n${out}/index.html`);
}

main().catch((error) => {
  if (!(error instanceof UserError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
});
