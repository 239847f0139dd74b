/** One call of the built command line, `send` and `receive` as processes, and the logs of both. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SenderLog } from '../src/cli/report/logs.js';
import type { ChildMessage } from '../src/cli/reporter.js';
import type { ReceiverRunLog } from '../src/cli/run-receiver.js';

/** The built command line. */
export const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

/** How one side is started. */
export interface SideOptions {
  /** Where it finds the signalling server. */
  readonly signal: string;
  /** Options of the command. */
  readonly args: readonly string[];
  /** A command that runs another one, such as `ip netns exec NAME`; empty: none. */
  readonly within: readonly string[];
}

export interface CallRunOptions {
  readonly clip: string;
  readonly pack: string;
  readonly sender: SideOptions;
  readonly receiver: SideOptions;
  /** Beyond it both are killed. */
  readonly limitMs: number;
  /** Called when the first frame has been sent. */
  readonly onStreaming?: () => void;
}

export interface CallRun {
  readonly sender: SenderLog;
  readonly receiver: ReceiverRunLog;
}

const ROOM = 'bench';

/** Runs a call to its end. Rejects with what the process said that failed. */
export async function runCall(options: CallRunOptions): Promise<CallRun> {
  const { clip, pack, limitMs, onStreaming } = options;
  const dir = await mkdtemp(join(tmpdir(), 'visavis-bench-'));
  const common = ['--room', ROOM, `--pack=${pack}`, `--out=${dir}`];
  const receiver = start('receive', options.receiver, common);
  const sender = start('send', options.sender, common, [clip], onStreaming);
  const stop = () => {
    for (const { child } of [sender, receiver]) child.kill('SIGKILL');
  };
  const timer = setTimeout(stop, limitMs);
  try {
    await Promise.all([sender.ended, receiver.ended]);
    const read = async (name: string) => JSON.parse(await readFile(join(dir, name), 'utf8'));
    return { sender: await read('sender.json'), receiver: await read('receiver.json') };
  } finally {
    clearTimeout(timer);
    stop();
    await Promise.allSettled([sender.ended, receiver.ended]);
    await rm(dir, { recursive: true });
  }
}

interface Side {
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
}

function start(
  command: 'send' | 'receive',
  { signal, args, within }: SideOptions,
  common: readonly string[],
  clip: readonly string[] = [],
  onStreaming?: () => void,
): Side {
  const whole = [MAIN, command, '--signal', signal, ...common, ...args, '--', ...clip];
  const [program, ...rest] = [...within, process.execPath, ...whole];
  const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let said = '';
  let streaming = false;
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said = text.trim().split('\n').at(-1) ?? said;
  });
  child.on('message', (message: ChildMessage) => {
    if (message.type === 'error') said = message.text;
    if (message.type !== 'progress' || streaming) return;
    streaming = true;
    onStreaming?.();
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, name) => {
      if (code === 0) resolve();
      else reject(new Error(`${command}: ${said || `ended with ${name ?? `status ${code}`}`}`));
    });
  });
  ended.catch(() => {});
  return { child, ended };
}
