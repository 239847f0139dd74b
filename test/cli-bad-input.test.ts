import { spawn, spawnSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { dataRoot, splits } from '../bench/data.js';
import { CallReceiver } from '../src/call-receiver.js';
import { loopback as loopbackCommand } from '../src/cli/commands/loopback.js';
import { receive as receiveCommand } from '../src/cli/commands/receive.js';
import { send as sendCommand } from '../src/cli/commands/send.js';
import { signal as signalCommand } from '../src/cli/commands/signal.js';
import { UserError } from '../src/cli/user-error.js';
import { createDecoder } from '../src/models/decoder-node.js';
import { openPack } from '../src/models/pack-node.js';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import { encodeControlMessage } from '../src/protocol/control-codec.js';
import type { DatagramPipe } from '../src/transport/channel.js';
import type { Role } from '../src/transport/signalling.js';
import { joinRoom } from '../src/transport/signalling-client.js';
import {
  createSignallingServer,
  type SignallingServer,
} from '../src/transport/signalling-server.js';
import { connectWerift } from '../src/transport/werift.js';
import {
  type CliEnd,
  runCli,
  startCli,
  temporaryFolder,
  WARP_PACK,
  writeClip,
  writeNoise,
} from './support/cli.js';
import { itNeeds } from './tools.js';

let folder: string;
let clip: string;
let signal: SignallingServer;
beforeAll(async () => {
  folder = await temporaryFolder();
  clip = await writeClip(join(folder, 'clip.webp'), 60);
  signal = await createSignallingServer({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await signal.close();
  await rm(folder, { recursive: true });
});

const inFolder = (name: string) => join(folder, name);

/** What is said of a job that did not run: one line, and a status that is not 0. */
function complaint({ status, lines, stdout }: CliEnd): string {
  expect(status).toBeGreaterThan(0);
  expect(lines).toHaveLength(1);
  expect(stdout).toBe('');
  return lines[0];
}

/** The same of several at once. */
const complaints = async (...ends: Promise<CliEnd>[]) => (await Promise.all(ends)).map(complaint);

const NOBODY = ['--signal', 'ws://127.0.0.1:9', '--room', 'r'];

/** A sender that must not come as far as looking for the other side; one line more. */
const send = async (path: string, ...options: string[]): Promise<CliEnd> => {
  const end = await runCli(['send', path, ...NOBODY, ...options]);
  return { ...end, lines: end.lines.filter((line) => !line.startsWith('enrolling from')) };
};

const loopback = (path: string, ...options: string[]) =>
  runCli(['loopback', path, '--out', inFolder('out'), ...options]);

/** The same line without the notes on what is going on before it. */
const lastLine = ({ lines }: CliEnd) => lines.at(-1)!;

describe('a clip that is none', () => {
  it('is told from what is wrong with it', async () => {
    await writeFile(inFolder('empty.webp'), '');
    await mkdir(inFolder('a folder'));
    await sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } })
      .png()
      .toFile(inFolder('pixel.png'));
    const whole = await readFile(clip);
    await writeFile(inFolder('cut.webp'), whole.subarray(0, 40));
    const said = await complaints(
      loopback(inFolder('missing.mp4')),
      ...['empty.webp', 'a folder', 'pixel.png', 'cut.webp'].map((name) => send(inFolder(name))),
    );
    expect(said[0]).toMatch(/missing.mp4 does not exist: check the path/);
    expect(said[1]).toMatch(/is empty: give a video file/);
    expect(said[2]).toMatch(/is a folder: give a clip in it/);
    expect(said[3]).toMatch(/1×1 pixels: too small to show a face; give a clip/);
    expect(said[4]).toMatch(/is a damaged picture \(.*\): give another clip/);
    expect(await readdir(inFolder('out'))).toEqual([]);
  });

  itNeeds('ffmpeg')('is told from a video without a face', async () => {
    const make = (...args: string[]) => spawnSync('ffmpeg', ['-v', 'error', '-y', ...args]);
    await writeFile(inFolder('text.mp4'), 'hello\n'.repeat(50));
    let state = 7;
    const random = Uint8Array.from({ length: 50_000 }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 24;
    });
    await writeFile(inFolder('random.mp4'), random);
    make('-f', 'lavfi', '-i', 'sine=d=1', inFolder('sound.mp4'));
    make('-f', 'lavfi', '-i', 'testsrc=d=2:s=320x240', inFolder('bars.mp4'));
    const said = await complaints(
      ...['text.mp4', 'random.mp4', 'sound.mp4', 'bars.mp4'].map((name) => send(inFolder(name))),
    );
    expect(said[0]).toMatch(/is not a video ffmpeg can read: .*; give another clip/);
    expect(said[1]).toMatch(/is not a video ffmpeg can read/);
    expect(said[2]).toMatch(/holds sound but no video: give a clip/);
    expect(said[3]).toMatch(/no face in the first 50 frames of .*: give a clip/);
  });

  it('is refused where nobody can be enrolled from it', async () => {
    const noise = await writeNoise(inFolder('noise.webp'), 40);
    const three = await writeClip(inFolder('three.webp'), 3);
    const two = await writeClip(inFolder('two.webp'), 30, { twice: true });
    const exact = await writeClip(inFolder('exact.webp'), 25);
    const said = await complaints(send(noise), send(three), loopback(two), loopback(exact));
    expect(said[0]).toMatch(/no face in the first 40 frames/);
    expect(said[1]).toMatch(/ends after 3 frames: .* a longer clip or/);
    expect(said[2]).toMatch(/two faces of like size in .*: .*crop the clip/);
    expect(said[3]).toMatch(/ends with the enrolment: give a longer clip/);
  });
});

itNeeds('ffmpeg', 'data')(
  'a music video is nobody’s enrolment, a talking head is one',
  async () => {
    const { negative, hard } = splits();
    const path = (file: string) => join(dataRoot(), file);
    const [short, long, head] = await complaints(
      send(path(negative[0].file)),
      send(path(negative[0].file), '--enrol-seconds', '3'),
      send(path(hard[0].file)),
    );
    const refusal = /two faces of like size|nobody faces the camera for long enough/;
    expect([short, long]).toEqual([expect.stringMatching(refusal), expect.stringMatching(refusal)]);
    expect(head).toMatch(/nobody answers at/);
  },
);

describe('a pack', () => {
  it('is refused where it is damaged or none', async () => {
    const bad = inFolder('bad-pack');
    await cp(WARP_PACK, bad, { recursive: true });
    const basis = await readFile(join(bad, 'basis.bin'));
    basis[1000] ^= 1;
    await writeFile(join(bad, 'basis.bin'), basis);
    await mkdir(inFolder('no-pack'));
    const said = await complaints(
      loopback(clip, '--pack', bad),
      send(clip, '--pack', inFolder('no-pack')),
    );
    expect(said[0]).toMatch(/basis.bin is damaged .*: install the pack again/);
    expect(said[1]).toMatch(
      /no pack .*: give the path of a folder with a manifest.json, or one of .*warp/,
    );
  });

  it('that differs is told to both sides, with both hashes', async () => {
    const other = inFolder('other-pack');
    await cp(WARP_PACK, other, { recursive: true });
    const manifest = await readFile(join(other, 'manifest.json'), 'utf8');
    await writeFile(join(other, 'manifest.json'), `${manifest}\n`);
    const place = ['--room', 'packs', '--signal', signal.url];
    const [sent, received] = await Promise.all([
      runCli(['send', clip, ...place]),
      runCli(['receive', ...place, '--out', inFolder('packs'), '--pack', other]),
    ]);
    expect([sent.status, received.status]).toEqual([1, 1]);
    for (const end of [sent, received]) {
      expect(lastLine(end)).toMatch(/sha256 [0-9a-f]{64}.*sha256 [0-9a-f]{64}.*the same pack/);
    }
  });
});

describe('options', () => {
  const commands: Record<string, (args: string[], abort: AbortSignal) => Promise<void>> = {
    loopback: loopbackCommand,
    send: sendCommand,
    receive: receiveCommand,
    signal: signalCommand,
  };

  it.each([
    [['loopback', 'x', '--out', 'y', '--size', '300'], '--size must be 256 or 512, not 300'],
    [
      ['loopback', 'x', '--out', 'y', '--bundle', '9'],
      '--bundle must be a whole number 1–4, not 9',
    ],
    [
      ['loopback', 'x', '--out', 'y', '--enrol-seconds', 'long'],
      '--enrol-seconds must be a number 0.1–10, not long',
    ],
    [
      ['loopback', 'x', '--out', 'y', '--references', '17'],
      '--references must be a whole number 1–16, not 17',
    ],
    [['loopback', 'x', '--out', 'y', '--loss', '10'], '--loss must be a number 0–1, not 10'],
    [
      ['loopback', 'x', '--out', 'y', '--jitter-ms', '-1'],
      "Option '--jitter-ms' argument is ambiguous",
    ],
    [
      ['loopback', 'x', '--out', 'y', '--jitter-ms', '9000'],
      '--jitter-ms must be a number 0–5000, not 9000',
    ],
    [
      ['loopback', 'x', '--out', 'y', '--seed', '1.5'],
      '--seed must be a whole number 0–2147483647, not 1.5',
    ],
    [
      ['send', 'x', '--room', 'r', '--signal', 'ws://a', '--link', '{"seed":1,"loss":2}'],
      '--link must be options of a simulated link as JSON: loss: must be a number 0–1, not 2',
    ],
    [
      ['receive', '--room', 'r', '--signal', 'ws://a', '--out', 'y', '--link', 'seed'],
      '--link must be options of a simulated link as JSON: Unexpected token',
    ],
    [['loopback', 'x'], '--out is missing: give a folder for the report'],
    [['loopback', '--out', 'y'], 'give one clip: see npx visavis --help'],
    [['loopback', 'x', '--out', '-y'], "Option '--out' argument is ambiguous: see npx"],
    [['loopback', 'x', '--nosuch'], "Unknown option '--nosuch': see npx visavis --help"],
    [['send', 'x', '--room', 'r'], '--signal is missing: give the address'],
    [
      ['send', 'x', '--room', 'r', '--signal', 'http://a'],
      '--signal must be a ws:// or wss:// address, not http://a',
    ],
    [
      ['receive', '--room', 'a b', '--signal', 'ws://a', '--out', 'y'],
      '--room must be 1–64 letters, digits, _ or -, not a b',
    ],
    [['receive', 'x', '--room', 'r', '--signal', 'ws://a', '--out', 'y'], 'receive takes no clip'],
    [['signal', '--port', '99999'], '--port must be a whole number 0–65535, not 99999'],
  ])('%j', async ([name, ...args], line) => {
    const error = await commands[name](args, new AbortController().signal).catch((e) => e);
    expect(error).toBeInstanceOf(UserError);
    expect(error.message).toContain(line);
    expect(error.exitCode).toBe(2);
  });

  it('are refused on stderr', async () => {
    const end = await runCli(['frobnicate']);
    expect(complaint(end)).toContain('no command frobnicate: one of demo, ');
    expect(end.status).toBe(2);
  });
});

describe('a place that cannot be had', () => {
  it('is said in one line', async () => {
    const { port } = new URL(signal.url);
    const said = await complaints(
      runCli(['signal', '--port', port]),
      runCli(['receive', ...NOBODY, '--out', inFolder('nobody')]),
      loopback(clip, '--out', clip),
      loopback(clip, '--out', '/proc/visavis'),
    );
    expect(said[0]).toMatch(/is taken: give another/);
    expect(said[1]).toMatch(
      /nobody answers at ws:\/\/127.0.0.1:9: start `npx visavis signal` there, or correct --signal/,
    );
    expect(said[2]).toMatch(/cannot be written \(EEXIST.*\): give another folder with --out/);
    expect(said[3]).toMatch(/cannot be written \(ENOENT.*\): give another folder with --out/);
  });

  it('leaves a receiver in a taken room alone', async () => {
    const place = ['receive', '--room', 'taken', '--signal', signal.url, '--out'];
    const first = startCli([...place, inFolder('first')]);
    await first.said('waiting for a sender');
    expect(complaint(await runCli([...place, inFolder('second')]))).toBe(
      'room taken already has a receiver: use another room',
    );
    first.process.kill('SIGINT');
    const { status, lines } = await first.ended;
    expect(status).toBe(130);
    expect(lines.at(-1)).toBe('stopped');
    expect(await readdir(inFolder('first'))).toEqual([]);
  });
});

async function connectPeer(role: Role, room: string) {
  const place = await joinRoom({ url: signal.url, room, role, WebSocket });
  return connectWerift({ role, signalling: place });
}

/** Bytes of no protocol, and every length that matters: none, short, long. */
function* garbage(count: number): Generator<Uint8Array> {
  let state = 99;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
  for (let i = 0; i < count; i++) {
    yield Uint8Array.from({ length: [1, 2, 7, 60, 900][i % 5] }, next);
  }
}

describe('a peer', () => {
  it('that says only garbage is given up by both commands', async () => {
    const speak = async (role: Role, room: string) => {
      const { channels } = await connectPeer(role, room);
      for (const bytes of garbage(100)) {
        channels.control.send(bytes);
        channels.motion.send(bytes);
      }
    };
    const place = (room: string) => ['--room', room, '--signal', signal.url];
    const sender = startCli(['send', clip, ...place('rubbish')]);
    const receiver = startCli(['receive', ...place('trash'), '--out', inFolder('garbage')]);
    await Promise.all([
      sender.said('waiting for a receiver').then(() => speak('receiver', 'rubbish')),
      receiver.said('waiting for a sender').then(() => speak('sender', 'trash')),
    ]);
    const [sent, received] = await Promise.all([sender.ended, receiver.ended]);
    expect([sent.status, received.status]).toEqual([1, 1]);
    expect(lastLine(sent)).toMatch(/the receiver sent \d+ messages but no handshake within 10 s/);
    expect(lastLine(received)).toMatch(/the sender sent \d+ messages but no handshake within 10 s/);
  });

  it('of another protocol version is told so, and the other side too', async () => {
    const place = ['--room', 'version', '--signal', signal.url];
    const receiver = startCli(['receive', ...place, '--out', inFolder('version')]);
    await receiver.said('waiting for a sender');
    const { channels, close } = await connectPeer('sender', 'version');
    const answer = new Promise<Uint8Array>((resolve) => {
      channels.control.onMessage = resolve;
    });
    channels.control.send(
      encodeControlMessage({
        type: 'hello',
        version: { major: 9, minor: 0 },
        library: 'future 9.0',
        terms: undefined,
      }),
    );
    expect(Buffer.from(await answer).toString('latin1')).toContain('future 9.0');
    const received = await receiver.ended;
    expect(received.status).toBe(1);
    expect(lastLine(received)).toMatch(/future 9.0.*update/);
    await close();
  });

  it('that mixes garbage and cut messages into a call does not end it', async () => {
    const place = ['--room', 'noisy', '--signal', signal.url];
    const sender = startCli(['send', clip, ...place, '--enrol-seconds', '0.4', '--pack', 'warp']);
    await sender.said('waiting for a receiver');
    const call = await connectPeer('receiver', 'noisy');
    const noisy = (pipe: DatagramPipe): void => {
      const send = pipe.send.bind(pipe);
      const noise = garbage(1000);
      pipe.send = (bytes) => {
        send(bytes);
        send(bytes.subarray(0, bytes.length >> 1));
        send(noise.next().value as Uint8Array);
      };
    };
    noisy(call.channels.control);
    noisy(call.channels.motion);
    const pack = await openPack('warp');
    const indices: number[] = [];
    const receiver = new CallReceiver({
      channels: call.channels,
      pack,
      maxSize: 256,
      decoder: createDecoder(pack),
      pictureCodec: createNodePictureCodec(),
      onFrame: ({ sequence }) => void indices.push(sequence),
    });
    await receiver.ended();
    await call.close();
    expect((await sender.ended).status).toBe(0);
    // Made-up frames may carry numbers beyond the last while the end has not been heard of.
    const frames = new Set(indices.filter((index) => index < 60));
    expect(frames).toEqual(new Set(Array.from({ length: 50 }, (_, i) => i + 10)));
  });

  it('that vanishes in the middle of the identity is noticed', async () => {
    const place = ['--room', 'vanish', '--signal', signal.url];
    const receiver = startCli(['receive', ...place, '--out', inFolder('vanish'), '--pack', 'warp']);
    await receiver.said('waiting for a sender');
    const script = fileURLToPath(new URL('support/vanishing-sender.ts', import.meta.url));
    const peer = spawn(process.execPath, ['--import', 'tsx', script, signal.url, 'vanish'], {
      stdio: 'inherit',
    });
    const end = new Promise((resolve) => peer.on('exit', (_, name) => resolve(name)));
    expect(await end).toBe('SIGKILL');
    const received = await receiver.ended;
    expect(received.status).toBe(1);
    expect(lastLine(received)).toBe('the sender vanished: it stopped answering');
    expect(await readdir(inFolder('vanish'))).toEqual([]);
  });
});

/** A small disk; undefined where none may be mounted. */
function mountDisk(path: string, size: string): (() => void) | undefined {
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'visavis', path]);
  return mounted.status === 0 ? () => void spawnSync('umount', ['-l', path]) : undefined;
}

describe('a full disk', () => {
  it('ends the run, and what there is gets a report', async ({ skip }) => {
    const disk = inFolder('disk');
    await mkdir(disk);
    const unmount = mountDisk(disk, '12m');
    if (!unmount) return skip('needs root: nothing may be mounted here');
    try {
      const { status, lines } = await runCli(['loopback', clip, '--out', disk, '--fast']);
      expect(status).toBe(1);
      expect(lines.at(-1)).toMatch(/the disk is full: .*free some space, or give another folder/);
      const report = JSON.parse(await readFile(join(disk, 'report.json'), 'utf8'));
      expect(report.frames.shown).toBeGreaterThan(0);
      const names = await readdir(disk);
      expect(names.filter((name) => name.startsWith('comparison.'))).toHaveLength(1);
      expect(names.filter((name) => name.startsWith('.'))).toEqual([]);
    } finally {
      unmount();
    }
  });

  it('keeps the frames that were written', async ({ skip }) => {
    const disk = inFolder('disk-frames');
    await mkdir(disk);
    const unmount = mountDisk(disk, '2m');
    if (!unmount) return skip('needs root: nothing may be mounted here');
    try {
      const { status, lines } = await runCli([
        'loopback',
        clip,
        '--out',
        disk,
        '--save-frames',
        '--fast',
      ]);
      expect(status).toBe(1);
      // Both ends write there; the one that meets the full disk first says so: with frames, or with its log.
      expect(lines.at(-1)).toMatch(
        /the disk is full: (what was written is kept \(\d+ frames\)|free some space)/,
      );
      const names = await readdir(join(disk, 'frames'));
      expect(names.length).toBeGreaterThan(5);
      await sharp(join(disk, 'frames', names[0]))
        .raw()
        .toBuffer();
    } finally {
      unmount();
    }
  });
});
