/**
 * From capture to shown, stage by stage, for each preset: the built `send` and `receive` (`npm run build` first) as two
 * processes over real UDP sockets of this machine, in real time.
 *
 *     npx tsx bench/latency.ts [--clip PATH] [--pack warp] [--presets lowest,balanced,lowest-latency] [--runs 1]
 *                              [--size 256] [--link JSON] [--json FILE]
 *
 * Both ends, and whatever else the machine does, share its cores: `load` says how many processes wanted one in the minute
 * before, and only an idle machine counts. `--link` puts a simulated network behind both sockets
 * (docs/network.md). The JSON holds every frame's times; `bench/compare.ts` compares two of them. The first five seconds
 * count too: the jitter buffer has not settled in them.
 */
import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine } from '../src/cli/report/machine.js';
import { createSignallingServer } from '../src/transport/signalling-server.js';
import { VERSION } from '../src/version.js';
import { runCall } from './call-run.js';
import { type FrameTimes, frameTimes, STAGES, stagePercentiles } from './latency/stages.js';
import { callFigures } from './network/figures.js';

const SAMPLE = fileURLToPath(new URL('../samples/sample.webp', import.meta.url));
const LIMIT_MS = 300_000;
/** What `added` may be, at the 95th percentile, in milliseconds. */
const TARGETS: Readonly<Record<string, number>> = { lowest: 160, 'lowest-latency': 45 };

const { values: options } = parseArgs({
  options: {
    clip: { type: 'string', default: SAMPLE },
    pack: { type: 'string', default: 'warp' },
    presets: { type: 'string', default: 'lowest,balanced,lowest-latency' },
    runs: { type: 'string', default: '1' },
    size: { type: 'string', default: '256' },
    link: { type: 'string' },
    json: { type: 'string' },
  },
});

interface Result {
  readonly preset: string;
  readonly run: number;
  /** Load average of the minute before. */
  readonly load: number;
  readonly stages: ReturnType<typeof stagePercentiles>;
  readonly call: ReturnType<typeof callFigures>;
  /** In the order of showing, milliseconds. */
  readonly frames: readonly FrameTimes[];
}

const line = (name: string, cells: readonly string[]) =>
  console.log(name.padEnd(22) + cells.map((cell) => cell.padStart(13)).join(''));

function print({ preset, load, stages, call }: Result): void {
  for (const share of ['p50', 'p95', 'p99'] as const) {
    line(
      `${preset} ${share}`,
      STAGES.map((stage) => stages[stage][share]?.toFixed(1) ?? '-'),
    );
  }
  const target = TARGETS[preset];
  const { p95 } = stages.added;
  const kept = p95 !== null && p95 <= target ? 'kept' : 'missed';
  const aim = target === undefined ? '' : `, target of ${target} ms added at p95 ${kept}`;
  const { decodedShare, skippedShare, wireForwardKbps, wireBackwardKbps } = call;
  console.log(
    `  ${(100 * decodedShare).toFixed(1)} % decoded, ${(100 * skippedShare).toFixed(1)} % skipped, ` +
      `${wireForwardKbps?.toFixed(1)} kbps forward, ${wireBackwardKbps?.toFixed(1)} back, load ${load.toFixed(1)}${aim}`,
  );
}

const server = await createSignallingServer({ host: '127.0.0.1', port: 0 });
const results: Result[] = [];
try {
  line('ms', STAGES);
  for (const preset of options.presets.split(',')) {
    for (let run = 0; run < Number(options.runs); run++) {
      const [load] = loadavg();
      const side = { signal: server.url, within: [] };
      const link = options.link === undefined ? [] : [`--link=${options.link}`];
      const call = await runCall({
        ...{ clip: options.clip, pack: options.pack, limitMs: LIMIT_MS },
        sender: {
          ...side,
          args: ['--preset', preset, '--size', options.size, ...link],
        },
        receiver: { ...side, args: link },
      });
      const frames = frameTimes(call);
      const stages = stagePercentiles(frames);
      const result = { preset, run, load, stages, call: callFigures(call), frames };
      results.push(result);
      print(result);
    }
  }
} finally {
  await server.close();
}
if (options.json) {
  const head = { bench: 'latency', version: VERSION, options, machine: describeMachine() };
  await writeFile(options.json, JSON.stringify({ ...head, results }, null, 1));
}
