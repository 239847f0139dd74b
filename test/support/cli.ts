import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

const repositoryPath = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export const SAMPLE = repositoryPath('samples/sample.webp');
export const WARP_PACK = repositoryPath('packs/warp');
const MAIN = repositoryPath('dist/cli/main.js');

/** A command that has not ended by then hangs. */
const HANG_MS = 100_000;

/** How a command ended. */
export interface CliEnd {
  /** Exit status; null where a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  /** Lines on stderr. */
  readonly lines: readonly string[];
}

/** A running command. */
export interface Cli {
  readonly process: ChildProcessByStdio<null, Readable, Readable>;
  /** Resolves when stdout or stderr holds the text. */
  said(text: string): Promise<void>;
  /** What it has printed so far. */
  output(): string;
  /** Rejects where the command hangs. */
  readonly ended: Promise<CliEnd>;
}

/** Starts the built command line: `npm test` builds it first. */
export function startCli(
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Cli {
  const child = spawn(process.execPath, [MAIN, ...args], {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const out = { stdout: '', stderr: '' };
  let hangs = false;
  const watchdog = setTimeout(() => {
    hangs = true;
    child.kill('SIGKILL');
  }, HANG_MS);
  const waiting = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      out[name] += text;
      for (const check of waiting) check();
    });
  }
  const ended = once(child, 'close').then(([status]) => {
    clearTimeout(watchdog);
    if (hangs) throw new Error(`hangs: ${args.join(' ')}\n${out.stdout}\n${out.stderr}`);
    const lines = out.stderr.split('\n').filter((line) => line !== '');
    return { status: status as number | null, stdout: out.stdout, lines };
  });
  ended.catch(() => undefined);
  const said = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const check = () => {
        if (!(out.stdout + out.stderr).includes(text)) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
      ended.then(
        () => reject(new Error(`ended without "${text}": ${out.stdout}\n${out.stderr}`)),
        reject,
      );
    });
  return { process: child, said, output: () => out.stdout + out.stderr, ended };
}

/** Starts a signalling server and gives its address. */
export async function startSignal(): Promise<{ readonly url: string; readonly cli: Cli }> {
  const cli = startCli(['signal', '--port', '0']);
  await cli.said('\n');
  return { cli, url: /ws:\S+/.exec(cli.output())![0] };
}

/** Runs a command to its end. */
export const runCli = (...args: Parameters<typeof startCli>): Promise<CliEnd> =>
  startCli(...args).ended;

/**
 * Runs commands that need each other to their end: where one fails, those that would wait for it are interrupted.
 * Gives what was said by those that failed, the first to end first.
 */
export async function runTogether(commands: readonly (readonly string[])[]): Promise<string[]> {
  const failures: string[] = [];
  const running = commands.map((args) => startCli(args));
  await Promise.all(
    running.map(async ({ ended }) => {
      const { status, lines } = await ended;
      if (status === 0) return;
      failures.push(lines.join('\n'));
      for (const { process } of running) process.kill('SIGINT');
    }),
  );
  return failures;
}

export const temporaryFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'visavis-cli-'));

/** The first frames of the sample as a clip of their own; `twice`: the person beside themselves. */
export async function writeClip(
  path: string,
  frames: number,
  { twice = false, first = 0 } = {},
): Promise<string> {
  const side = 256;
  const animation = sharp(SAMPLE, { page: first, pages: frames }).ensureAlpha();
  const data = await animation.raw().toBuffer();
  const width = twice ? 2 * side : side;
  const rows = Buffer.alloc(width * side * frames * 4);
  const rowBytes = side * 4;
  for (let row = 0; row < side * frames; row++) {
    for (let x = 0; x < width; x += side) {
      data.copy(rows, (row * width + x) * 4, row * rowBytes, (row + 1) * rowBytes);
    }
  }
  const raw = { width, height: side * frames, channels: 4 as const, pageHeight: side };
  await sharp(rows, { raw })
    .webp({ quality: 80, effort: 0, loop: 0, delay: Array(frames).fill(40) })
    .toFile(path);
  return path;
}

/** Grey noise, moving: nobody's face. */
export async function writeNoise(path: string, frames: number, side = 96): Promise<string> {
  let state = 1;
  const noise = Buffer.from(
    Uint8Array.from({ length: side * side * frames * 3 }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 24;
    }),
  );
  const raw = { width: side, height: side * frames, channels: 3 as const, pageHeight: side };
  await sharp(noise, { raw })
    .webp({ effort: 0, delay: Array(frames).fill(40) })
    .toFile(path);
  return path;
}
