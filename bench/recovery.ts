/**
 * What a bad network does to a call, in virtual time: both sessions, simulated links, FaceLandmarker's
 * tracks of the validation clips (each played back and forth), surround and appearance found in their
 * pictures.
 *
 *     npx tsx bench/recovery.ts [--pack portrait-256-cpu] [--clips SUBSTRING] [--seconds 30]
 *         [--delay-ms 40] [--seeds 2] [--presets] [--json FILE]
 *
 * With one, two and four frames a message and one copy; `--presets`: with rate control's presets instead.
 *
 * `off`: of the shown frames, those whose lips are more than 2 px (mean of 40 points, at 256×256) from
 * the quiet call's frame of the same number; `src`: from the source's, which a quiet network's frames are now and
 * then too. Then how the shown frames came about; `stalls` a minute
 * (more than three intervals from one frame to the next) and latency from capture to show,
 * both after ten seconds; kilobits a second forward and back with headers of 78 bytes a message and a
 * SACK of 78 for two messages; and after an outage the time until a new frame was shown.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { openPack } from '../src/models/pack-node.js';
import { RATE_PRESETS } from '../src/sender/rate-presets.js';
import { asSent } from './analysed-track.js';
import { splits } from './data.js';
import { type Figures, judge, onShow, play, type Setting } from './recovery/run.js';
import { SCENARIOS } from './recovery/scenarios.js';
import { loadTrack, type Track } from './tracks.js';

const { values: options } = parseArgs({
  options: {
    pack: { type: 'string', default: 'portrait-256-cpu' },
    clips: { type: 'string', default: '' },
    seconds: { type: 'string', default: '30' },
    'delay-ms': { type: 'string', default: '40' },
    seeds: { type: 'string', default: '2' },
    presets: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const seconds = Number(options.seconds);
const delayMs = Number(options['delay-ms']);
const seeds = Array.from({ length: Number(options.seeds) }, (_, seed) => seed + 1);
const pack = await openPack(options.pack);

const settings: readonly Setting[] = options.presets
  ? RATE_PRESETS.map((preset) => ({ name: preset, sender: { preset } }))
  : [1, 2, 4].map((framesPerPacket) => ({
      name: `${framesPerPacket} a message`,
      sender: { framesPerPacket, redundancy: 1 },
    }));

const tracks: Track[] = [];
for (const clip of splits().validation) {
  const track = clip.file.includes(options.clips) ? loadTrack(clip) : undefined;
  if (track) tracks.push(await asSent(track, pack));
}

type Scenario = (typeof SCENARIOS)[number];

const call = (track: Track, setting: Setting, scenario: Scenario, seed: number) =>
  play(track, pack, setting, scenario, { seed, delayMs, seconds });

/** The calls of a scenario beside what each track's quiet call showed. */
function measure(
  setting: Setting,
  scenario: Scenario,
  quiet: readonly ReturnType<typeof onShow>[],
): Figures[] {
  return tracks.flatMap((track, index) => {
    const { fps } = track.clip;
    return seeds.map((seed) =>
      judge(call(track, setting, scenario, 100 * index + seed), quiet[index], scenario, {
        fps,
        seconds,
      }),
    );
  });
}

const sum = (calls: readonly Figures[], of: (call: Figures) => number) =>
  calls.reduce((total, call) => total + of(call), 0);
const percentile = (values: readonly number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))];

function summary(calls: readonly Figures[]) {
  const shown = sum(calls, (call) => call.shown);
  const all = sum(calls, ({ origins }) => Object.values(origins).reduce((a, b) => a + b));
  const share = (origin: keyof Figures['origins']) =>
    sum(calls, ({ origins }) => origins[origin]) / all;
  const latencies = calls.flatMap((call) => call.latencies);
  const backs = calls.map(({ back }) => back).filter((back) => back !== undefined);
  return {
    off: sum(calls, (call) => call.off) / shown,
    wrong: sum(calls, (call) => call.wrong) / shown,
    decoded: share('decoded'),
    interpolated: share('interpolated'),
    extrapolated: share('extrapolated'),
    held: share('held'),
    stallsPerMinute: (sum(calls, (call) => call.stalls) * 60) / (calls.length * (seconds - 10)),
    blind: sum(calls, (call) => call.blind) / shown,
    latencyP50: percentile(latencies, 0.5),
    latencyP95: percentile(latencies, 0.95),
    forwardKbps: sum(calls, (call) => call.forwardKbps) / calls.length,
    backwardKbps: sum(calls, (call) => call.backwardKbps) / calls.length,
    ...(backs.length > 0 && { backP50: percentile(backs, 0.5), backMax: Math.max(...backs) }),
  };
}

const COLUMNS = [
  'off %',
  'src %',
  'dec',
  'int',
  'ext',
  'held',
  'stalls',
  'p50',
  'p95',
  'fwd',
  'back',
];
console.log(
  `${tracks.length} clips, ${seconds} s each, ${seeds.length} seeds, ${delayMs} ms one way`,
);
const rows = settings.flatMap((setting) => {
  console.log(
    `\n${setting.name.padEnd(22)} ${COLUMNS.map((name) => name.padStart(6)).join(' ')}  after outage p50, max`,
  );
  const quiet = tracks.map((track) => onShow(call(track, setting, SCENARIOS[0], 1).call.shown));
  return SCENARIOS.map((scenario) => {
    const row = summary(measure(setting, scenario, quiet));
    const per = (value: number) => (100 * value).toFixed(2);
    const cells = [
      ...[row.off, row.wrong].map(per),
      ...[row.decoded, row.interpolated, row.extrapolated, row.held].map(per),
      row.stallsPerMinute.toFixed(1),
      row.latencyP50.toFixed(0),
      row.latencyP95.toFixed(0),
      row.forwardKbps.toFixed(1),
      row.backwardKbps.toFixed(1),
    ].map((cell) => cell.padStart(6));
    const back = [row.backP50, row.backMax].map((ms) => ms?.toFixed(0)).join(', ');
    console.log(
      `${scenario.name.padEnd(22)} ${cells.join(' ')}${row.backMax === undefined ? '' : `  ${back}`}`,
    );
    return { setting: setting.name, scenario: scenario.name, ...row };
  });
});
if (options.json) {
  const setup = { pack: options.pack, clips: tracks.length, seconds, delayMs, seeds: seeds.length };
  writeFileSync(options.json, JSON.stringify({ ...setup, rows }, null, 1));
}
