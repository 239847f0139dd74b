import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { UserError } from '../user-error.js';

/** The tail of what a tool says is enough for its error; a broken clip can make it say megabytes. */
const STDERR_BYTES = 4096;

/** The way ffmpeg takes a path literally, whatever it looks like. */
export const fileUrl = (path: string): string => `file:${resolve(path)}`;

/** An ffmpeg or ffprobe that was started: its process, and its end. */
export interface Tool {
  readonly process: ChildProcess;
  /** Exit status (null where a signal ended it) and the last lines it wrote to stderr. */
  readonly ended: Promise<{ status: number | null; stderr: string }>;
  /** Kills it and waits until it is gone. */
  kill(): Promise<void>;
}

/**
 * Starts ffmpeg or ffprobe. `purpose` begins the error's line where it is not installed ("clip.mp4
 * needs"). `ended` rejects with a UserError then.
 */
export function startTool(
  name: 'ffmpeg' | 'ffprobe',
  args: readonly string[],
  purpose: string,
  stdin: 'ignore' | 'pipe' = 'ignore',
): Tool {
  const options: SpawnOptions = { stdio: [stdin, 'pipe', 'pipe'] };
  const child = spawn(name, args, options);
  let stderr = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_BYTES);
  });
  const ended = new Promise<{ status: number | null; stderr: string }>((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'ENOENT' ? notInstalled(name, purpose) : error);
    });
    child.on('close', (status) => resolve({ status, stderr }));
  });
  // The caller may look at the output first and at the end later.
  ended.catch(() => undefined);
  return {
    process: child,
    ended,
    async kill() {
      child.kill('SIGKILL');
      child.stdout?.destroy();
      await ended.catch(() => undefined);
    },
  };
}

function notInstalled(name: string, purpose: string): UserError {
  return new UserError(
    `${purpose} ffmpeg, which is not installed (no ${name} found): apt-get install ffmpeg (Debian, Ubuntu) or brew install ffmpeg (macOS)`,
  );
}

/**
 * What ffmpeg complained of, without the file's name and its own component's address: the first line
 * (the cause) or the last (what it came to); '' where it said nothing.
 */
export function complaint(stderr: string, path: string, which: 'first' | 'last'): string {
  const lines = stderr.trim().split('\n');
  return lines
    .at(which === 'first' ? 0 : -1)!
    .replace(/^\[[^\]]*\]\s*/, '')
    .replace(`file:${resolve(path)}: `, '')
    .trim();
}
