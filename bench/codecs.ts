/**
 * visavis beside H.264, VP9 and AV1 with the settings of a call: quality over rate, what each needs for our
 * quality, speed. docs/codecs.md says how, and what came out.
 *
 *     npx tsx bench/codecs.ts [--clip PART,PART] [--size 256,512] [--frames 150] [--stride 10]
 *       [--codecs x264,vp9,svt-av1,aom-av1] [--targets 5,10,20,40,80,160] [--half-targets 5,10,20]
 *       [--decoders portrait-256-cpu,warp] [--tracker FOLDER] [--minutes N] [--out FOLDER]
 *
 * Validation people only. `--frames`: of each clip, after the enrolment; from the second second
 * on, one in `--stride` is measured.
 * `--half-targets`: the video codecs at half the size, shown enlarged. `--minutes`: no stream is begun after
 * so long; the same command with the same `--out` goes on. `--out` (default: a new temporary folder) takes
 * codecs.json, the plots and index.html with strips of frames, which show people and are not to be published.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { UserError } from '../src/cli/user-error.js';
import { STREAM_SIZES, type StreamSize } from '../src/protocol/limits.js';
import { openFaceTracker } from '../src/sender/trackers/open.js';
import { measureClip } from './codecs/clip.js';
import { availableCodecs, VIDEO_CODECS } from './codecs/encoders.js';
import { renderCodecs, sizePlots } from './codecs/html.js';
import type { ClipReport, CodecsReport } from './codecs/report.js';
import { atEqualKeypoints, atEqualRate, codecStrip } from './codecs/strips.js';
import {
  bdRateRows,
  namesOf,
  neededRows,
  RATE_HEAD,
  rateRows,
  SPEED_HEAD,
  speedRows,
} from './codecs/tables.js';
import { dataRoot, splits } from './data.js';
import { openCandidates } from './quality/candidates.js';
import { COLUMNS, printed } from './quality/figures.js';
import { openInstruments } from './quality/instruments.js';

/** Three of the five validation clips whose head has 500 pixels and more: the other two move least. */
const CLIPS = 'driving_d10,assets_demo1_video,assets_driving_video_3';
const REFERENCES = 4;

function parse() {
  const { values } = parseArgs({
    options: {
      clip: { type: 'string', default: CLIPS },
      size: { type: 'string', default: '256,512' },
      frames: { type: 'string', default: '150' },
      stride: { type: 'string', default: '10' },
      codecs: { type: 'string', default: VIDEO_CODECS.map(({ name }) => name).join(',') },
      targets: { type: 'string', default: '5,10,20,40,80,160' },
      'half-targets': { type: 'string', default: '5,10,20' },
      decoders: { type: 'string', default: 'portrait-256-cpu,warp' },
      tracker: { type: 'string' },
      minutes: { type: 'string', default: 'Infinity' },
      out: { type: 'string' },
    },
  });
  const list = (text: string) => text.split(',').filter((part) => part !== '');
  const numbers = (name: string, text: string) =>
    list(text).map((part) => {
      if (Number(part) > 0) return Number(part);
      throw new UserError(`--${name}: must be numbers above 0 with commas between`);
    });
  const whole = (name: string, text: string) => {
    if (Number.isInteger(Number(text)) && Number(text) >= 1) return Number(text);
    throw new UserError(`--${name}: must be a whole number of 1 or more`);
  };
  const sizes = list(values.size).map((text) => {
    const size = STREAM_SIZES.find((known) => String(known) === text);
    if (!size) throw new UserError(`--size: must be of ${STREAM_SIZES.join(', ')}`);
    return size;
  });
  const codecs = list(values.codecs).map((name) => {
    const codec = VIDEO_CODECS.find((known) => known.name === name);
    if (codec) return codec;
    throw new UserError(`--codecs: must be of ${VIDEO_CODECS.map((c) => c.name).join(', ')}`);
  });
  if (!existsSync(join(dataRoot(), 'splits.json'))) {
    throw new UserError('the clips are not there: VISAVIS_DATA must name the folder of the data');
  }
  const parts = list(values.clip);
  const clips = splits().validation.filter(({ file }) => parts.some((part) => file.includes(part)));
  if (clips.length === 0) throw new UserError('--clip: no validation clip has that name');
  return {
    clips,
    sizes,
    codecs,
    frames: whole('frames', values.frames),
    stride: whole('stride', values.stride),
    targets: numbers('targets', values.targets),
    halfTargets: numbers('half-targets', values['half-targets']),
    decoders: list(values.decoders),
    tracker: values.tracker,
    until: performance.now() + Number(values.minutes) * 60_000,
    out: values.out ? resolve(values.out) : mkdtempSync(join(tmpdir(), 'visavis-codecs-')),
  };
}

/** First line of what a program says of its version. */
const versionOf = (program: string) =>
  spawnSync(program, ['-version'], { encoding: 'utf8' }).stdout?.split('\n')[0] ?? '';

const folderOf = (out: string, { file, size }: Pick<ClipReport, 'file' | 'size'>) =>
  join(out, 'work', `${file.replaceAll('/', '_')}-${size}`);

function printTable(title: string, head: readonly string[], rows: readonly string[][]): void {
  const lines = [head, ...rows];
  const widths = head.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  console.log(`\n${title}`);
  for (const line of lines) {
    console.log(
      line
        .map((text, at) => text.padEnd(widths[at]))
        .join('  ')
        .trimEnd(),
    );
  }
}

function printSize(clips: readonly ClipReport[], size: number): void {
  const codecs = namesOf(clips, false);
  const own = namesOf(clips, true);
  const title = `${size}×${size}, ${clips.length} clips`;
  printTable(`${title}: rates`, RATE_HEAD, rateRows(clips));
  for (const name of own) {
    printTable(
      `${title}: needed for ${name}, forward`,
      ['', ...codecs],
      neededRows(clips, name, 'call'),
    );
    printTable(
      `${title}: needed for ${name}, both directions`,
      ['', ...codecs],
      neededRows(clips, name, 'callBoth'),
    );
  }
  printTable(`${title}: BD-rate beside ${codecs[0]}`, ['', ...codecs.slice(1)], bdRateRows(clips));
  printTable(`${title}: speed`, SPEED_HEAD, speedRows(clips));
}

/** Writes the strips of every clip but those `before`, and says where they are and what they show. */
async function drawStrips(
  clips: readonly ClipReport[],
  before: readonly ClipReport[],
  out: string,
) {
  const strips = [];
  for (const clip of clips) {
    for (const [what, streams] of [
      ['rate', atEqualRate(clip)],
      ['keypoint error', atEqualKeypoints(clip)],
    ] as const) {
      if (streams.length === 0) continue;
      const path = `strips/${clip.file.replaceAll('/', '_')}-${clip.size}-${what.replace(' ', '-')}.jpg`;
      if (!(before.includes(clip) && existsSync(join(out, path)))) {
        writeFileSync(join(out, path), await codecStrip(clip, folderOf(out, clip), streams));
      }
      strips.push({
        clip,
        what: `Each codec's stream nearest to ours in ${what}; kbps over a call beside the name, ½: at half the size`,
        path,
      });
    }
  }
  return strips;
}

async function main(): Promise<void> {
  const options = parse();
  const { out, stride, frames } = options;
  mkdirSync(join(out, 'strips'), { recursive: true });
  const leftOut: string[] = [];
  const skip = (line: string) => {
    if (!leftOut.includes(line)) leftOut.push(line);
    console.log(line);
  };
  const codecs = availableCodecs(options.codecs, skip);
  if (codecs.length === 0) throw new UserError('there is no video codec: apt-get install ffmpeg');
  const candidates = await openCandidates(options.decoders, skip);
  if (candidates.length === 0) throw new UserError('no decoder of ours: see --decoders');
  const jsonPath = join(out, 'codecs.json');
  const before: readonly ClipReport[] = existsSync(jsonPath)
    ? (JSON.parse(readFileSync(jsonPath, 'utf8')) as CodecsReport).clips
    : [];
  const tracker = await openFaceTracker({ packPath: options.tracker });
  await tracker.close();
  const reports = new Map(before.map((clip) => [`${clip.file} ${clip.size}`, clip]));
  const write = () => {
    const report: CodecsReport = {
      machine: `${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}`,
      date: new Date().toISOString().slice(0, 10),
      versions: versionOf('ffmpeg'),
      tracker: tracker.name,
      leftOut,
      clips: [...reports.values()],
    };
    writeFileSync(jsonPath, `${JSON.stringify(report, null, 1)}\n`);
    return report;
  };
  const instruments = await openInstruments(resolve(dataRoot(), '../models'), skip);
  try {
    for (const size of options.sizes) {
      for (const { file } of options.clips) {
        const key = `${file} ${size}`;
        const known = reports.get(key);
        const fits = known?.stride === stride && known.limit === frames;
        if (!(fits || performance.now() < options.until)) continue;
        const report = await measureClip(
          {
            file,
            size: size as StreamSize,
            frames,
            stride,
            references: REFERENCES,
            candidates,
            codecs,
            targets: options.targets,
            halfTargets: options.halfTargets,
            openTracker: () => openFaceTracker({ packPath: options.tracker }),
            instruments,
            folder: folderOf(out, { file, size }),
            hasTime: () => performance.now() < options.until,
            save(latest, { codec, side, targetKbps, rates, figures }) {
              reports.set(key, latest);
              write();
              const shown = (['psnr', 'butteraugli', 'akd', 'identity', 'lost'] as const).map(
                (column) => `${COLUMNS[column].heading} ${printed(column, figures[column])}`,
              );
              const asked = targetKbps ? `${side} ${targetKbps}` : '';
              console.log(
                `${basename(file)} ${size}: ${codec} ${asked}: ${rates.call.toFixed(1)} kbps, ${shown.join(', ')}`,
              );
            },
          },
          fits ? known : undefined,
        );
        reports.set(key, report);
      }
    }
  } finally {
    await instruments.close();
  }
  const report = write();
  const strips = await drawStrips(report.clips, before, out);
  for (const size of options.sizes) {
    const clips = report.clips.filter((clip) => clip.size === size);
    if (clips.length === 0) continue;
    printSize(clips, size);
    const label = `Butteraugli, keypoint error and identity similarity over the rate at ${size}×${size}`;
    writeFileSync(join(out, `codecs-${size}.svg`), sizePlots(clips, label, true));
  }
  const command = ['npx tsx bench/codecs.ts', ...process.argv.slice(2)].join(' ');
  writeFileSync(join(out, 'index.html'), renderCodecs(report, command, strips));
  console.log(`\n${out}/index.html`);
}

main().catch((error) => {
  if (!(error instanceof UserError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
});
