import { COLUMNS, printed } from '../quality/figures.js';
import { PUBLISHED } from './papers.js';
import {
  type FamiliesReport,
  type PackOnClip,
  type PackReport,
  type PackTime,
  QUALITY_KEYS,
} from './report.js';

/** A table for people: a heading and a unit for each column, then rows of texts; the first is a name. */
export interface Table {
  readonly head: readonly string[];
  readonly units: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const NONE = '–';
const fixed = (value: number | undefined, digits: number): string => value?.toFixed(digits) ?? NONE;

const UNTRAINED = ', untrained';
/** A pack as the tables call it. */
export const labelOf = ({ name, untrained }: PackReport): string =>
  untrained ? `${name}${UNTRAINED}` : name;

const COSTS: readonly (readonly [head: string, unit: string])[] = [
  ['pack', ''],
  ['family', ''],
  ['pictures', 'px'],
  ['files', 'MB'],
  ['parameters', 'million'],
  ['frame', 'GFLOP'],
  ['enrolment', 'GFLOP'],
  ['sender', 'GFLOP'],
  ['identity', 'kB'],
  ['motion', 'kbps'],
  ['wire', 'kbps'],
  ['pace', '%'],
  ['shown', '%'],
  ['first frame', 'ms'],
  ['enrolment', 'ms'],
  ['sender', 'ms'],
  ['decode, CPU', 'ms'],
  ['CPU time', 'ms'],
  ['decode, CPU', 'fps'],
  ['decode, CUDA', 'ms'],
  ['decode, CUDA', 'fps'],
];

const timeCells = (time: PackTime | undefined): string[] => [
  fixed(time?.cpu.enrolmentMs, 0),
  fixed(time?.senderMs, 1),
  fixed(time?.cpu.decodeMs, 1),
  fixed(time?.cpu.cpuMs, 1),
  fixed(time?.cpu.fps, 1),
  fixed(time?.cuda?.decodeMs, 1),
  fixed(time?.cuda?.fps, 1),
];

/** What each pack costs: networks, bytes, time. */
export function costTable({ packs, means }: Pick<FamiliesReport, 'packs' | 'means'>): Table {
  const rows = packs.map((pack) => {
    const { family, pixels, cost } = pack;
    const measured = means.find(({ name }) => name === pack.name);
    const call = measured?.call;
    const time = pack.untrained ?? measured?.time;
    return [
      labelOf(pack),
      family,
      `${pixels}`,
      fixed(cost.packBytes / 1e6, 2),
      fixed(cost.parameters / 1e6, 2),
      fixed(cost.frameGflop, 2),
      fixed(cost.enrolmentGflop, 2),
      fixed(cost.senderGflop, 2),
      fixed(call && call.identityBytes / 1000, 1),
      fixed(call?.motionKbps, 2),
      fixed(call?.wireKbps, 1),
      fixed(call?.pacePercent, 0),
      fixed(call?.shownPercent, 0),
      fixed(call?.firstFrameMs, 0),
      ...timeCells(time),
    ];
  });
  return { head: COSTS.map(([head]) => head), units: COSTS.map(([, unit]) => unit), rows };
}

/** What each pack's pictures are like, at the stream's size. */
export function qualityTable(packs: readonly PackOnClip[]): Table {
  return {
    head: ['pack', ...QUALITY_KEYS.map((key) => COLUMNS[key].heading)],
    units: ['', ...QUALITY_KEYS.map((key) => COLUMNS[key].unit)],
    rows: packs.map(({ name, quality }) => [
      name,
      ...QUALITY_KEYS.map((key) => printed(key, quality[key])),
    ]),
  };
}

/** The same at smaller sizes, everything reduced to them: one row a pack, three columns a size. */
export function sizeTable(packs: readonly PackOnClip[]): Table {
  const sizes = packs[0]?.sizes.map(({ size }) => size) ?? [];
  const cells = (text: (size: number) => readonly string[]) => sizes.flatMap(text);
  return {
    head: ['pack', ...cells((size) => [`PSNR at ${size}`, `SSIM at ${size}`, `L1 at ${size}`])],
    units: ['', ...cells(() => ['dB', '', '0–255'])],
    rows: packs.map(({ name, sizes: own }) => [
      name,
      ...own.flatMap(({ psnr, ssim, l1 }) => [fixed(psnr, 2), fixed(ssim, 3), fixed(l1, 2)]),
    ]),
  };
}

/** What the papers say of their own systems, and ours of the same family under them. */
export function paperTable({ packs, means }: Pick<FamiliesReport, 'packs' | 'means'>): Table {
  const published = PUBLISHED.flatMap(({ family, paper, training, figures }) => [
    ...figures.map((each) => [
      `paper: ${family}, ${each.setting}`,
      fixed(each.psnr, 2),
      fixed(each.ssim, 4),
      fixed(each.l1, 4),
      fixed(each.akd, 2),
      fixed(each.identity, 3),
      each.more ?? '',
      `${paper}, ${each.where}`,
      training,
    ]),
    ...packs
      .filter((pack) => pack.family === family && !pack.untrained)
      .map(({ name, pixels, trainingData }) => {
        const { quality, time } = means.find((each) => each.name === name)!;
        const { psnr, ssim, l1, akd, identity } = quality;
        return [
          `ours: ${name}`,
          fixed(psnr, 2),
          fixed(ssim, 4),
          fixed(l1 === undefined ? undefined : l1 / 255, 4),
          fixed(akd, 2),
          fixed(identity, 3),
          `a frame ${fixed(time.cpu.decodeMs, 1)} ms on the CPU`,
          'measured here',
          `${pixels}×${pixels}; ${trainingData}`,
        ];
      }),
  ]);
  return {
    head: ['', 'PSNR', 'SSIM', 'L1', 'AKD', 'identity', 'more', 'where', 'trained on'],
    units: ['', 'dB', '', '0–1', 'px', 'cos', '', '', ''],
    rows: published,
  };
}

/** Lines of a table for a terminal. */
export function tableLines({ head, units, rows }: Table): string[] {
  const all = [head, units, ...rows];
  const widths = head.map((_, at) => Math.max(...all.map((row) => row[at].length)));
  return all.map((row) =>
    row
      .map((text, at) => (at === 0 ? text.padEnd(widths[at]) : text.padStart(widths[at])))
      .join('  ')
      .trimEnd(),
  );
}
