/** Runs what is in training/, as a user would. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { pythonPath } from '../tools.js';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** How a program ended. */
export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program in training/, to whatever end. */
export async function runInTraining(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  const child = spawn(command, args, {
    cwd: join(repository, 'training'),
    // One thread: sums in one order, so that the same steps give the same numbers.
    env: { ...process.env, OMP_NUM_THREADS: '1', PYTHONDONTWRITEBYTECODE: '1', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  const [status] = (await once(child, 'close')) as [number];
  return { status, ...said };
}

/** Runs Python in training/ (`-m module …`, `-c text …`) to its good end. */
export async function python(...args: readonly string[]): Promise<Ended> {
  const ended = await runInTraining(pythonPath, args);
  expect(ended, ended.stderr).toMatchObject({ status: 0 });
  return ended;
}

/** Runs a script of the repository, such as `training/common/prepare.ts`, to whatever end. */
export const script = (path: string, ...args: readonly string[]): Promise<Ended> =>
  runScript(path, args);

/** As `script`, with other variables in its environment. */
export const runScript = (
  path: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<Ended> =>
  runInTraining(
    process.execPath,
    ['--import', 'tsx', join(repository, path), ...args],
    environment,
  );
