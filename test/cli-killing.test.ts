import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createSignallingServer,
  type SignallingServer,
} from '../src/transport/signalling-server.js';
import { type Cli, startCli, temporaryFolder, writeClip } from './support/cli.js';
import { processesNaming } from './tools.js';

let folder: string;
let clip: string;
let signal: SignallingServer;
beforeAll(async () => {
  folder = await temporaryFolder();
  clip = await writeClip(join(folder, 'clip.webp'), 90);
  signal = await createSignallingServer({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await signal.close();
  await rm(folder, { recursive: true });
});

/** A sender that waits for a receiver, started after it has: the moments count from their meeting. */
async function startPair(room: string) {
  const place = ['--room', room, '--signal', signal.url];
  const out = join(folder, room);
  const sender = startCli(['send', clip, ...place, '--enrol-seconds', '0.4']);
  await sender.said('waiting for a receiver');
  const receiver = startCli(['receive', ...place, '--out', out, '--save-frames']);
  return { sender, receiver, out };
}

/** Milliseconds after the receiver was started: 0.7 s later it connects, 1.2 s later it shows. */
const MOMENTS = [300, 800, 1000, 2500];

/** What the one that is left may say of it. */
const GONE =
  /^the (sender|receiver) (vanished: it stopped answering|hung up)$|^the connection to the (sender|receiver) failed$|^the other side left before the call began$|^both sides are in the room, but no UDP/;

/** A silent peer is given up after 5 s. Whom it had never met waits on, and must stop when told to. */
async function endOf(left: Cli) {
  const timer = setTimeout(() => left.process.kill('SIGINT'), 8_000);
  const end = await left.ended;
  clearTimeout(timer);
  return end;
}

describe('a process that is killed', () => {
  it.each(MOMENTS)('after %i ms leaves a receiver with what it got and a line', async (ms) => {
    const { sender, receiver, out } = await startPair(`sender-${ms}`);
    await sleep(ms);
    sender.process.kill('SIGKILL');
    const { status, lines } = await endOf(receiver);
    const last = lines.at(-1)!;
    if (last === 'stopped') expect(status).toBe(130);
    else {
      expect(last).toMatch(GONE);
      expect(status).toBe(1);
    }
    const frames = await readdir(join(out, 'frames')).catch(() => []);
    const names = await readdir(out);
    if (frames.length > 0) {
      const report = JSON.parse(await readFile(join(out, 'report.json'), 'utf8'));
      expect(report.frames.shown).toBe(frames.length);
      expect(names.some((name) => name.startsWith('received.'))).toBe(true);
    }
    if (ms === MOMENTS.at(-1)) expect(frames.length).toBeGreaterThan(5);
    expect(names.filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it.each(MOMENTS)('after %i ms leaves a sender with a line', async (ms) => {
    const { sender, receiver } = await startPair(`receiver-${ms}`);
    await sleep(ms);
    receiver.process.kill('SIGKILL');
    const { status, lines } = await endOf(sender);
    const last = lines.at(-1)!;
    if (last === 'stopped') expect(status).toBe(130);
    else {
      expect(last).toMatch(GONE);
      expect(status).toBe(1);
    }
  });
});

describe('loopback', () => {
  it('ends with its child, makes a report of what there is and leaves no process', async () => {
    const out = join(folder, 'child killed');
    const run = startCli(['loopback', clip, '--out', out, '--enrol-seconds', '0.4']);
    const child = await childNaming('send', out);
    // In the middle of the stream, however slow the machine: some frames have been kept.
    const kept = async () => (await stat(join(out, '.dec.vvf')).catch(() => undefined))?.size ?? 0;
    while ((await kept()) < 2 ** 20) await sleep(50);
    process.kill(child, 'SIGKILL');
    const { status, lines } = await run.ended;
    expect(status).toBe(1);
    expect(lines.at(-1)).toBe('the send process was ended by SIGKILL');
    expect(processesNaming(out)).toEqual([]);
    const names = await readdir(out);
    expect(names).toEqual(expect.arrayContaining(['report.html', 'report.json']));
    expect(names.some((name) => name.startsWith('received.'))).toBe(true);
    expect(names.filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it.each([0, 1000])('takes its children along when it is killed after %i ms', async (ms) => {
    const out = join(folder, `parent killed ${ms}`);
    const run = startCli(['loopback', clip, '--out', out]);
    await childNaming('receive', out);
    await sleep(ms);
    run.process.kill('SIGKILL');
    await run.ended;
    while (processesNaming(out).length > 0) await sleep(100);
  });
});

describe('Ctrl-C', () => {
  it.each([0, 900, 2700])('after %i ms stops a loopback', async (ms) => {
    const out = join(folder, `stopped ${ms}`);
    const run = startCli(['loopback', clip, '--out', out, '--enrol-seconds', '0.4']);
    await childNaming('receive', out);
    await sleep(ms);
    run.process.kill('SIGINT');
    const { status, lines } = await run.ended;
    expect(status).toBe(130);
    expect(lines.at(-1)).toBe('stopped');
    expect(processesNaming(out)).toEqual([]);
    const names = await readdir(out);
    expect(names.filter((name) => name.startsWith('.'))).toEqual([]);
    if (lines.some((line) => line.startsWith('sending '))) {
      const report = JSON.parse(await readFile(join(out, 'report.json'), 'utf8'));
      expect(report.frames.shown).toBeGreaterThan(0);
    }
  });
});

/** Process id of a child of loopback, once it is there. */
async function childNaming(command: string, out: string): Promise<number> {
  for (let tries = 0; tries < 500; tries++) {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        if (args[2] === command && args.includes(`--out=${out}`)) return Number(pid);
      } catch {
        // Ended meanwhile.
      }
    }
    await sleep(20);
  }
  throw new Error(`loopback started no ${command}`);
}
