import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Role } from '../../src/transport/signalling.js';

const script = fileURLToPath(new URL('call-peer.ts', import.meta.url));

/** A running `call-peer.ts`. */
export interface ChildPeer {
  readonly process: ChildProcessByStdio<null, Readable, null>;
  /** Resolves with the next line it prints that starts with `start`. */
  line(start: string): Promise<string>;
  /** Resolves with its exit status, null where a signal ended it. */
  readonly exited: Promise<number | null>;
}

export function startChildPeer(role: Role, url: string): ChildPeer {
  const child = spawn(process.execPath, ['--import', 'tsx', script, role, url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line);
    for (const check of waiting) check();
  });
  return {
    process: child,
    line: (start) =>
      new Promise((resolve) => {
        const check = () => {
          const found = lines.findIndex((line) => line.startsWith(start));
          if (found < 0) return;
          waiting.delete(check);
          resolve(lines.splice(found, 1)[0]);
        };
        waiting.add(check);
        check();
      }),
    exited: once(child, 'exit').then(([code]) => code as number | null),
  };
}
