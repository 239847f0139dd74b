import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ProgressState } from './progress.js';
import type { ChildMessage } from './reporter.js';
import { UserError } from './user-error.js';

/** A command of the command line in a process of its own. */
export interface Child {
  /** Resolves when the process has ended, however. */
  readonly ended: Promise<void>;
  /** Resolves when the process has ended with an error; never, where it ends well. */
  readonly failed: Promise<ChildFailure>;
  /** Asks the process to stop, and ends it if it has not after `graceMs`. */
  stop(graceMs: number): void;
}

export interface ChildFailure {
  readonly error: UserError;
  /** Whether it failed after it had begun to move frames. */
  readonly connected: boolean;
  /** Whether it failed because the other side did. */
  readonly peer: boolean;
}

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));
/** Of what a process printed before it died, so much is enough to see why. */
const MAX_STDERR = 4000;

/** Starts `visavis ARGS…`; what it tells goes to the handlers instead of the terminal. */
export function startChild(
  args: readonly string[],
  { onProgress }: { readonly onProgress?: (state: ProgressState) => void },
): Child {
  // A group of its own: Ctrl-C reaches the parent alone, which then stops the children in order.
  const child = fork(MAIN, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], detached: true });
  let stderr = '';
  let error: UserError | undefined;
  let connected = false;
  let peer = false;
  let killer: NodeJS.Timeout | undefined;
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-MAX_STDERR);
  });
  child.on('message', (message: ChildMessage) => {
    if (message.type === 'progress') {
      connected = true;
      onProgress?.(message.state);
    } else if (message.type === 'error') {
      error = new UserError(message.text, { exitCode: message.exitCode });
      peer = message.peer;
    }
  });
  let fail: (failure: ChildFailure) => void = () => undefined;
  const failed = new Promise<ChildFailure>((resolve) => {
    fail = resolve;
  });
  const ended = new Promise<void>((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(killer);
      if (code !== 0) {
        const how = signal ? `was ended by ${signal}` : `ended with status ${code}`;
        const last = stderr.trim().split('\n').at(-1) ?? '';
        error ??= new UserError(`the ${args[0]} process ${how}${last ? `: ${last}` : ''}`);
        fail({ error, connected, peer });
      }
      resolve();
    });
  });
  return {
    ended,
    failed,
    stop(graceMs) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGINT');
      killer ??= setTimeout(() => child.kill('SIGKILL'), graceMs);
    },
  };
}
