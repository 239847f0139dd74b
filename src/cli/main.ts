#!/usr/bin/env node
import { CallError } from '../call.js';
import { PackError } from '../models/pack.js';
import { VERSION } from '../version.js';
import { assets } from './commands/assets.js';
import { demo } from './commands/demo.js';
import { importFsrt } from './commands/import-fsrt.js';
import { importLsr } from './commands/import-lsr.js';
import { importTracker } from './commands/import-tracker.js';
import { loopback } from './commands/loopback.js';
import { personalise } from './commands/personalise.js';
import { receive } from './commands/receive.js';
import { send } from './commands/send.js';
import { signal } from './commands/signal.js';
import { USAGE_EXIT } from './options.js';
import { isChild, tellParent } from './reporter.js';
import { UserError } from './user-error.js';

const HELP = `visavis ${VERSION}: talking-head video over WebRTC data channels

  visavis demo [CLIP]                      the embedded sample (or CLIP) through a real connection
  visavis loopback CLIP --out DIR          sender and receiver as two processes of this machine
  visavis signal [--host H] [--port P]     a signalling server for two machines (127.0.0.1:8788)
  visavis send CLIP --room R --signal URL  the sender of a call
  visavis receive --room R --signal URL --out DIR   its receiver
  visavis personalise CLIP --out DIR       a personal pack from about a minute of one person
  visavis import-tracker FACE_LANDMARKER.task [--out DIR]   MediaPipe's own tracker, from your copy
  visavis import-lsr LSR.npz --out DIR     the published LSR weights as a pack (training/README.md)
  visavis import-fsrt CHECKPOINT KEYPOINTS --out DIR   a pack of FSRT's published checkpoints
  visavis assets FOLDER [--pack NAME]...   what a page loads, for a web server: public/visavis

demo, loopback and send:
  --pack NAME_OR_PATH   model pack (portrait-256-cpu); warp needs no network
  --personal DIR        the sender's personal pack, which the receiver gets with the identity
  --tracker DIR         tracker pack (the imported one, else the package's)
  --size 256|512        pixels across the picture (512 where the head has as many in the clip, else 256;
                        demo and loopback on fewer than four cores: 256, but with --fast)
  --references K        reference pictures, 1–16 (4)
  --enrol-seconds S     seconds to enrol the person from (1)
  --preset NAME         lowest (12 kbps there and back), balanced (20 kbps forward at most) or lowest-latency
                        (40 kbps): how motion is sent, by what the network does (balanced)
  --bundle N            motion frames a message, 1–4, whatever the preset: fewer cost less delay, more headers
  --pictures on|off     send pictures where motion cannot show what the camera sees (on; off on fewer than
                        four cores, and with --fast)
  --loss P              loopback and demo: share of datagrams lost in both directions, 0–1 (0)
  --jitter-ms N         likewise: each is up to so much later, 0–5000 (0)
  --seed S              likewise: which are lost and how late they are (1)
  --link JSON           send and receive: a simulated network for what this side sends (docs/network.md)
  --fast                as fast as it goes, not at the clip's own rate
  --save-frames         keep every frame as DIR/frames/src-000123.png and dec-000123.png
  --out DIR             folder for the results (demo: out/demo)

assets:
  --pack NAME           a pack to write, several times for several (portrait-256-cpu, tracker and warp)

personalise, which needs Python with PyTorch:
  --pack NAME_OR_PATH   model pack that it starts from
  --minutes M           how long to train (8)

A CLIP whose name begins with a dash goes last, after --.
`;

const COMMANDS: Readonly<
  Record<string, (args: readonly string[], abort: AbortSignal) => Promise<void>>
> = {
  demo,
  loopback,
  signal,
  send,
  receive,
  'import-tracker': importTracker,
  'import-lsr': importLsr,
  'import-fsrt': importFsrt,
  personalise,
  assets,
};

/** Of CallError and ConnectError: the other side went away, for a reason that it knows. */
const PEER_CODES = new Set<unknown>([
  'closed-by-peer',
  'peer-vanished',
  'peer-failed',
  'peer-left',
  'failed',
]);

/** Exit status after Ctrl-C, as shells have it. */
const INTERRUPTED_EXIT = 130;

function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    // The second time nobody waits for anything to be written down.
    if (controller.signal.aborted) process.exit(INTERRUPTED_EXIT);
    controller.abort(new UserError('stopped', { exitCode: INTERRUPTED_EXIT }));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  // A child whose parent is gone has nobody to work for.
  if (isChild) {
    process.on('disconnect', stop);
    if (!process.connected) stop();
  }
  return controller.signal;
}

/** Whether an error says no more than that the other side is gone. */
function isPeers(error: unknown): boolean {
  const { code } = ((error as Error)?.cause ?? error) as { code?: unknown };
  return PEER_CODES.has(code);
}

function fail(error: unknown): void {
  const known =
    error instanceof UserError || error instanceof CallError || error instanceof PackError;
  const text = known ? error.message : `visavis failed: ${(error as Error)?.stack ?? error}`;
  const exitCode = error instanceof UserError ? error.exitCode : 1;
  if (isChild) tellParent({ type: 'error', text, exitCode, peer: isPeers(error) });
  else process.stderr.write(`${text}\n`);
  process.exitCode = exitCode;
}

async function main([name, ...args]: readonly string[]): Promise<void> {
  if (name === '--version') {
    process.stdout.write(`${VERSION}\n`);
    return;
  }
  if (name === undefined || name === '--help' || name === 'help' || args.includes('--help')) {
    process.stdout.write(HELP);
    if (name === undefined) process.exitCode = USAGE_EXIT;
    return;
  }
  const command = COMMANDS[name];
  if (!command) {
    const known = Object.keys(COMMANDS).join(', ');
    throw new UserError(`no command ${name}: one of ${known}`, { exitCode: USAGE_EXIT });
  }
  await command(args, stopSignal());
}

await main(process.argv.slice(2)).catch(fail);
if (isChild) process.disconnect?.();
