import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { UserError } from '../user-error.js';

/** The same three levels up from `src/cli/training` and from `dist/cli/training`. */
const TRAINING = fileURLToPath(new URL('../../../training', import.meta.url));

/** The one on the path may be of an environment that knows nothing of the system's packages. */
const CANDIDATES = ['python3', '/usr/bin/python3'];
const MODULES = ['torch', 'numpy'];

/** Exit status of the check where Python is too old, and where it lacks a module. */
const TOO_OLD = 3;
const LACKS_MODULE = 4;
const CHECK = `
import importlib.util, sys
if sys.version_info < (3, 11): sys.exit(${TOO_OLD})
if any(importlib.util.find_spec(name) is None for name in ${JSON.stringify(MODULES)}): sys.exit(${LACKS_MODULE})
`;

const INSTALL =
  'on Debian and Ubuntu apt-get install python3-torch, elsewhere pip install torch numpy';

/** A Python that can train. UserError with the line that installs it where there is none. */
export async function findPython(candidates: readonly string[] = CANDIDATES): Promise<string> {
  const outcomes = new Map<number | 'missing', string>();
  for (const python of candidates) {
    const status = await statusOf(python, ['-c', CHECK]);
    if (status === 0) return python;
    outcomes.set(status, python);
  }
  const lacking = outcomes.get(LACKS_MODULE);
  if (lacking !== undefined) {
    throw new UserError(`${lacking} has no PyTorch, which trains the network: ${INSTALL}`);
  }
  const old = outcomes.get(TOO_OLD);
  if (old !== undefined) {
    throw new UserError(`${old} is older than Python 3.11: install a newer one with PyTorch`);
  }
  throw new UserError(`there is no Python, which trains the network: ${INSTALL}`);
}

async function statusOf(command: string, args: readonly string[]): Promise<number | 'missing'> {
  const child = spawn(command, args, { stdio: 'ignore' });
  try {
    const [status] = await once(child, 'close');
    return status ?? 'missing';
  } catch {
    return 'missing';
  }
}

/** Of what Python printed before it failed, so much is enough to see why. */
const MAX_STDERR = 4000;

export interface TrainingOptions<Line = unknown> {
  /** Module of `training/`, such as `portrait.personalise`. */
  readonly module: string;
  readonly args: readonly string[];
  readonly signal: AbortSignal;
  /** Takes each line of its stdout. */
  readonly onLine: (line: Line) => void;
}

/** Starts a module of training/. */
export const startTraining = (python: string, module: string, args: readonly string[]) =>
  spawn(python, ['-m', module, ...args], {
    cwd: TRAINING,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', PYTHONWARNINGS: 'ignore' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });

/** Runs a module of training/ to its end, whose lines are JSON values. UserError with its last line where it fails. */
export async function runTraining(
  python: string,
  { onLine, ...options }: TrainingOptions,
): Promise<void> {
  const { status, last } = await run(python, {
    ...options,
    onLine: (line) => onLine(JSON.parse(line)),
  });
  if (status !== 0)
    throw new UserError(`the training ended with status ${status}: ${last || 'it said nothing'}`);
}

/** Runs a module of training/ that reads somebody's files. UserError that is its last line where it fails. */
export async function runImport(python: string, options: TrainingOptions<string>): Promise<void> {
  const { status, last } = await run(python, options);
  if (status !== 0) throw new UserError(last || `Python ended with status ${status}`);
}

/** How a module ended, and the last line of its stderr. */
async function run(
  python: string,
  { module, args, signal, onLine }: TrainingOptions<string>,
): Promise<{ readonly status: number | null; readonly last: string | undefined }> {
  signal.throwIfAborted();
  const child = startTraining(python, module, args);
  const stop = () => child.kill();
  signal.addEventListener('abort', stop, { once: true });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-MAX_STDERR);
  });
  createInterface({ input: child.stdout }).on('line', onLine);
  const [status] = (await once(child, 'close')) as [number | null];
  signal.removeEventListener('abort', stop);
  signal.throwIfAborted();
  return { status, last: stderr.trim().split('\n').at(-1) };
}
