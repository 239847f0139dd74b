/**
 * Two JSON runs of a bench (`--json`; `report.json` of a call too), side by side:
 *
 *     npx tsx bench/compare.ts BEFORE.json AFTER.json [--worse 0.05] [--only SUBSTRING] [--changed]
 *
 * A figure is `worse` or `better` where it differs by more than the share `--worse` of what it was; what is better is
 * known by its name (milliseconds, kbps and errors lower; PSNR, fps and decoded frames higher), else it is `changed`.
 * `--changed` prints those alone. Lists of raw measurements are not compared. Status 1 where a figure is worse, 2 where the
 * runs cannot be compared. One run of a real-time bench is a sample: between two on a shared machine 5 % is noise.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { compareRuns } from './compare/figures.js';

function readRun(path: string): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    console.error(`${path} is no run of a bench: ${(error as Error).message}`);
    process.exit(2);
  }
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    worse: { type: 'string', default: '0.05' },
    only: { type: 'string', default: '' },
    changed: { type: 'boolean', default: false },
  },
});
const share = Number(options.worse);
if (positionals.length !== 2 || !(share >= 0)) {
  console.error('give two JSON files, and as --worse a share such as 0.05');
  process.exit(2);
}
const [before, after] = positionals.map(readRun);
for (const key of ['bench', 'version', 'machine', 'options', 'config']) {
  const [was, is] = [before, after].map((run) => JSON.stringify(run[key]));
  if (was !== is) console.log(`${key} differs: ${was ?? '-'} and ${is ?? '-'}`);
}
const { changes, onlyBefore, onlyAfter } = compareRuns(before, after, share);
if (changes.length === 0) {
  console.error('the runs have no figure in common');
  process.exit(2);
}
const figure = (value: number) => `${Number(value.toPrecision(4))}`;
const shown = changes.filter(
  ({ path, verdict }) => path.includes(options.only) && !(options.changed && verdict === 'same'),
);
const width = Math.max(6, ...shown.map(({ path }) => path.length));
const row = (path: string, cells: readonly string[], flag = '') =>
  console.log(`${path.padEnd(width)}${cells.map((cell) => cell.padStart(11)).join('')}  ${flag}`);
if (shown.length > 0) row('figure', ['before', 'after', 'ratio']);
for (const { path, verdict, ratio, ...values } of shown) {
  const cells = [figure(values.before), figure(values.after), ratio?.toFixed(3) ?? '-'];
  row(path, cells, verdict === 'same' ? '' : verdict);
}
const count = (verdict: string) => changes.filter((change) => change.verdict === verdict).length;
console.log(
  `\n${changes.length} figures, by more than ${100 * share} %: ${count('worse')} worse, ` +
    `${count('better')} better, ${count('changed')} changed`,
);
for (const [name, paths] of [
  ['before', onlyBefore],
  ['after', onlyAfter],
] as const) {
  if (paths.length > 0) console.log(`${paths.length} only ${name}, the first ${paths[0]}`);
}
if (count('worse') > 0) process.exitCode = 1;
