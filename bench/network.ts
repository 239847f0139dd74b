/**
 * A call on a real network path: the built `send`, `receive` and `signal` (`npm run build` first) in three network
 * namespaces, sender and receiver behind a router, whose `tc netem` and `tbf` delay, lose, duplicate, reorder
 * and bound what passes. Linux, root, iproute2:
 *
 *     npx tsx bench/network.ts [--clip PATH] [--pack warp] [--only NAME] [--send ARG]... [--runs 1]
 *                              [--seed 1] [--json FILE]
 *
 * Where the kernel has no netem, it says so: what netem would do is then done by a simulated link at the sockets of the
 * two processes, seeded, while addresses, routes, the rate and the outage stay the kernel's. Status 3 where no namespaces
 * can be made, with the reason. `--send` is one more argument of `visavis send`, such as `--send=--bundle=1`.
 */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine } from '../src/cli/report/machine.js';
import { VERSION } from '../src/version.js';
import { type CallRun, MAIN, runCall } from './call-run.js';
import { type CallFigures, callFigures } from './network/figures.js';
import { linkOptions, SCENARIOS, type Scenario } from './network/scenarios.js';
import { CannotRun, createTopology, type Topology } from './network/topology.js';

/** Exit status where the machine does not allow what the bench needs. */
const CANNOT_RUN_EXIT = 3;
const PORT = 8788;
/** Connecting on a bad network may take 15 s; the rest is the clip, in real time. */
const LIMIT_MS = 120_000;

const { values: options } = parseArgs({
  options: {
    clip: {
      type: 'string',
      default: fileURLToPath(new URL('../samples/sample.webp', import.meta.url)),
    },
    pack: { type: 'string', default: 'warp' },
    only: { type: 'string', default: '' },
    send: { type: 'string', multiple: true, default: [] },
    runs: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});

interface Result {
  readonly scenario: Scenario;
  readonly run: number;
  readonly seed: number;
  /** Who did what netem does: the kernel or the processes. */
  readonly impairedBy: 'netem' | 'sockets' | 'nothing';
  readonly figures?: CallFigures;
  /** Moment of RFC 3339. */
  readonly outageEnd?: string;
  readonly frames?: {
    readonly sent: CallRun['sender']['frames'];
    readonly shown: CallRun['receiver']['frames'];
  };
  /** Of the router's queues. */
  readonly queues?: ReturnType<Topology['counts']>;
  /** Of the simulated links. */
  readonly links?: {
    readonly forward: CallRun['sender']['link'];
    readonly backward: CallRun['receiver']['link'];
  };
  readonly error?: string;
}

async function measure(topology: Topology, scenario: Scenario, run: number): Promise<Result> {
  const seed = Number(options.seed) + 2 * run;
  const link = (direction: 0 | 1) => {
    const simulated = topology.netem ? undefined : linkOptions(scenario, seed + direction);
    return simulated ? [`--link=${JSON.stringify(simulated)}`] : [];
  };
  const impaired = linkOptions(scenario, seed) !== undefined;
  const impairedBy = !impaired ? 'nothing' : topology.netem ? 'netem' : 'sockets';
  const result = { scenario, run, seed, impairedBy } as const;
  topology.apply(scenario);
  const url = (side: 'sender' | 'receiver') => `ws://${topology.router[side]}:${PORT}`;
  let outageEndMs: number | undefined;
  const timers: NodeJS.Timeout[] = [];
  const startOutage = () => {
    const { afterMs, forMs } = scenario.outage!;
    timers.push(setTimeout(() => topology.forward(false), afterMs));
    const end = () => {
      topology.forward(true);
      outageEndMs = performance.timeOrigin + performance.now();
    };
    timers.push(setTimeout(end, afterMs + forMs));
  };
  try {
    const call = await runCall({
      ...{ clip: options.clip, pack: options.pack, limitMs: LIMIT_MS },
      sender: {
        signal: url('sender'),
        args: [...options.send, ...link(0)],
        within: topology.within.sender,
      },
      receiver: { signal: url('receiver'), args: link(1), within: topology.within.receiver },
      ...(scenario.outage && { onStreaming: startOutage }),
    });
    return {
      ...result,
      figures: callFigures(call, outageEndMs),
      ...(outageEndMs && { outageEnd: new Date(outageEndMs).toISOString() }),
      frames: { sent: call.sender.frames, shown: call.receiver.frames },
      queues: topology.counts(),
      links: { forward: call.sender.link, backward: call.receiver.link },
    };
  } catch (error) {
    return { ...result, error: (error as Error).message };
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}

const COLUMNS: readonly [head: string, of: (figures: CallFigures) => string][] = [
  ['decoded %', (figures) => percent(figures.decodedShare)],
  ['concealed %', (figures) => percent(figures.concealedShare)],
  ['skipped %', (figures) => percent(figures.skippedShare)],
  ['lat p50', (figures) => whole(figures.captureToShownP50Ms)],
  ['lat p95', (figures) => whole(figures.captureToShownP95Ms)],
  ['wire fwd', (figures) => figures.wireForwardKbps?.toFixed(1) ?? '-'],
  ['wire back', (figures) => figures.wireBackwardKbps?.toFixed(1) ?? '-'],
  ['first ms', (figures) => whole(figures.connectToFirstFrameMs)],
  ['back ms', (figures) => whole(figures.recoveryMs)],
];
const percent = (share: number) => (100 * share).toFixed(1);
const whole = (value: number | null) => value?.toFixed(0) ?? '-';
const line = (name: string, cells: readonly string[]) =>
  console.log(name.padEnd(18) + cells.map((cell) => cell.padStart(12)).join(''));

/** The signalling server, in the router's namespace. */
async function startSignalling(topology: Topology): Promise<() => void> {
  const [program, ...args] = topology.within.router;
  const command = [process.execPath, MAIN, 'signal', '--host', '0.0.0.0', '--port', `${PORT}`];
  const child = spawn(program, [...args, ...command], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('close', () => reject(new Error('the signalling server ended')));
  });
  process.once('exit', () => child.kill('SIGKILL'));
  return () => void child.kill('SIGKILL');
}

async function main(topology: Topology): Promise<void> {
  console.log(
    topology.netem
      ? 'impaired by the kernel: netem and tbf in the router between two namespaces'
      : 'this kernel has no netem (CONFIG_NET_SCH_NETEM): delay, jitter, loss, reordering and duplicates are simulated at the ' +
          "sockets of the two processes; namespaces, addresses, routes, the rate (tbf) and the outage are the kernel's",
  );
  const stopSignalling = await startSignalling(topology);
  const results: Result[] = [];
  try {
    line(
      '',
      COLUMNS.map(([head]) => head),
    );
    for (const scenario of SCENARIOS.filter(({ name }) => name.includes(options.only))) {
      for (let run = 0; run < Number(options.runs); run++) {
        const result = await measure(topology, scenario, run);
        results.push(result);
        const { figures, error } = result;
        if (figures)
          line(
            scenario.name,
            COLUMNS.map(([, of]) => of(figures)),
          );
        else console.log(`${scenario.name.padEnd(18)}  ${error}`);
      }
    }
  } finally {
    stopSignalling();
  }
  if (options.json) {
    const head = { bench: 'network', version: VERSION, netem: topology.netem, options };
    const run = { ...head, machine: describeMachine(), results };
    await writeFile(options.json, JSON.stringify(run, null, 1));
  }
  if (results.some(({ error }) => error)) process.exitCode = 1;
}

let topology: Topology | undefined;
try {
  topology = createTopology();
  const { remove } = topology;
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      remove();
      process.exit(130);
    });
  }
  await main(topology);
} catch (error) {
  if (!(error instanceof CannotRun)) throw error;
  console.error(`bench/network cannot run here: ${error.message}`);
  process.exitCode = CANNOT_RUN_EXIT;
} finally {
  topology?.remove();
}
