import { readFile, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createSignallingServer } from '../../transport/signalling-server.js';
import type { SimulatedLinkOptions } from '../../transport/simulated-link.js';
import { type Child, type ChildFailure, startChild } from '../child.js';
import { type Impairment, needed, onlyPositional, parseCommand } from '../options.js';
import { prepareOut, removeRawFrames } from '../out-folder.js';
import type { SenderLog } from '../report/logs.js';
import { createReporter } from '../reporter.js';
import type { ReceiverRunLog } from '../run-receiver.js';
import { summarise } from '../summary.js';
import { UserError } from '../user-error.js';
import { writeReport } from '../write-report.js';

const ROOM = 'loopback';
/** What the other process gets to write down what it has, once one has failed or been stopped. */
const GRACE_MS = 8000;
/**
 * Cores that both ends in real time take at 512×512, with a neural decoder. On two, the sender falls
 * behind the clip and a third to a half of the frames are skipped (docs/decisions.md).
 */
const CORES_FOR_512 = 4;

/** `visavis loopback CLIP --out DIR`: sender and receiver as two processes of this machine. */
export async function loopback(
  args: readonly string[],
  abort: AbortSignal,
  defaults: { readonly clip?: string; readonly out?: string } = {},
): Promise<void> {
  const command = parseCommand(args, [
    'pack',
    'personal',
    'tracker',
    'size',
    'references',
    'enrol-seconds',
    'fast',
    'preset',
    'bundle',
    'pictures',
    'out',
    'save-frames',
    'loss',
    'jitter-ms',
    'seed',
  ]);
  const { media, positionals, impairment } = command;
  const clip =
    positionals.length === 0 && defaults.clip ? defaults.clip : onlyPositional(command, 'one clip');
  const dir = needed(command.out ?? defaults.out, 'out', 'a folder for the report');
  await prepareOut(dir);
  const reporter = createReporter('sending');
  const server = await createSignallingServer({ host: '127.0.0.1', port: 0 });
  // Names may begin with a dash.
  const paths = [`--out=${dir}`, `--pack=${media.pack}`];
  const common = ['--room', ROOM, '--signal', server.url, ...paths];
  if (media.saveFrames) common.push('--save-frames');
  const sender = startChild(
    ['send', ...common, ...linkArgs(impairment, 0), ...senderArgs(media), '--', clip],
    {
      onProgress: reporter.progress,
    },
  );
  const receiver = startChild(['receive', ...common, ...linkArgs(impairment, 1)], {});
  let failure: unknown = await bothEnd(sender, receiver, abort);
  reporter.finish();
  await server.close();
  const logs = {
    sender: await readLog<SenderLog>(dir, 'sender.json'),
    receiver: await readLog<ReceiverRunLog>(dir, 'receiver.json'),
  };
  if (logs.receiver && logs.receiver.frames.length > 0) {
    reporter.note(failure === undefined ? 'making the report' : 'making a report of what there is');
    const { signal } = new AbortController();
    await writeReport({ dir, ...logs, receiver: logs.receiver, media, signal }).then(
      ({ report, video }) => process.stdout.write(`${summarise(report, video?.file, dir)}\n`),
      (reason) => {
        failure ??= reason;
      },
    );
  }
  await removeRawFrames(dir);
  if (failure) throw failure;
}

/** The two directions lose different datagrams. */
function linkArgs(impairment: Impairment | undefined, direction: 0 | 1): string[] {
  if (!impairment) return [];
  const link: SimulatedLinkOptions = { ...impairment, seed: impairment.seed + direction };
  return [`--link=${JSON.stringify(link)}`];
}

function senderArgs(media: ReturnType<typeof parseCommand>['media']): string[] {
  const args = [
    ...['--references', `${media.references}`],
    ...['--enrol-seconds', `${media.enrolSeconds}`],
    ...['--preset', media.preset],
  ];
  const size =
    media.size ?? (media.fast || availableParallelism() >= CORES_FOR_512 ? undefined : 256);
  if (media.bundle !== undefined) args.push('--bundle', `${media.bundle}`);
  if (size !== undefined) args.push('--size', `${size}`);
  if (media.pictures !== undefined) args.push('--pictures', media.pictures ? 'on' : 'off');
  if (media.personal !== undefined) args.push(`--personal=${media.personal}`);
  if (media.tracker !== undefined) args.push(`--tracker=${media.tracker}`);
  return media.fast ? [...args, '--fast'] : args;
}

/**
 * Waits for both processes. The one that failed is told of; the other one is given time to notice and
 * to write down what it has.
 */
async function bothEnd(
  sender: Child,
  receiver: Child,
  abort: AbortSignal,
): Promise<UserError | undefined> {
  const stop = () => {
    sender.stop(GRACE_MS);
    receiver.stop(GRACE_MS);
  };
  abort.addEventListener('abort', stop, { once: true });
  const failures: ChildFailure[] = [];
  for (const { failed } of [sender, receiver]) failed.then((failure) => failures.push(failure));
  const first = await Promise.race([sender.failed, receiver.failed, bothOf(sender, receiver)]);
  if (first) {
    // What has begun ends by itself; a receiver that still waits for a sender would not.
    const graceful = setTimeout(stop, first.connected ? GRACE_MS : 0);
    await bothOf(sender, receiver);
    clearTimeout(graceful);
  }
  abort.removeEventListener('abort', stop);
  if (abort.aborted) return new UserError('stopped', { exitCode: 130 });
  // One that failed because the other did may be the first to end.
  return (failures.find(({ peer }) => !peer) ?? first)?.error;
}

async function bothOf(sender: Child, receiver: Child): Promise<undefined> {
  await Promise.all([sender.ended, receiver.ended]);
}

async function readLog<Log>(dir: string, name: string): Promise<Log | undefined> {
  const path = join(dir, name);
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Log;
  } catch {
    return undefined;
  } finally {
    await rm(path, { force: true });
  }
}
