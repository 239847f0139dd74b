import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { CallReceiver } from '../src/call-receiver.js';
import { type OpenEnrolledOptions, openEnrolled } from '../src/cli/open-enrolled.js';
import { runSender } from '../src/cli/run-sender.js';
import { UserError } from '../src/cli/user-error.js';
import {
  connectWerift,
  createDecoder,
  createNodePictureCodec,
  createSignallingServer,
  joinRoom,
  openPack,
} from '../src/node.js';
import { parseIdentity } from '../src/protocol/identity.js';
import type { StreamSize } from '../src/protocol/limits.js';
import type { FaceTracker } from '../src/sender/tracker.js';
import { openFaceTracker } from '../src/sender/trackers/open.js';
import { SAMPLE, temporaryFolder } from './support/cli.js';

const FRAMES = 8;
let folder: string;
let tracker: FaceTracker;
beforeAll(async () => {
  folder = await temporaryFolder();
  tracker = await openFaceTracker();
});
afterAll(async () => {
  await tracker.close();
  await rm(folder, { recursive: true });
});

/** The sample's first frames, `side` pixels across, in the corner of a black picture. */
async function writeClip(side: number, width: number, height: number): Promise<string> {
  const path = join(folder, `${side}.webp`);
  const pages = Array.from({ length: FRAMES }, (_, page) =>
    sharp(SAMPLE, { page })
      .resize(side, side)
      .extend({ right: width - side, bottom: height - side, background: 'black' })
      .removeAlpha()
      .raw()
      .toBuffer(),
  );
  const raw = { width, height: height * FRAMES, channels: 3 as const, pageHeight: height };
  await sharp(Buffer.concat(await Promise.all(pages)), { raw })
    .webp({ quality: 80, effort: 0, loop: 0, delay: Array(FRAMES).fill(40) })
    .toFile(path);
  return path;
}

async function open(clip: string, size?: StreamSize) {
  let opens = 0;
  const options: OpenEnrolledOptions = {
    clip,
    size,
    references: 1,
    enrolSeconds: 0.2,
    abort: new AbortController().signal,
    onOpen: () => opens++,
  };
  const opened = await openEnrolled(options, tracker);
  const { enrolled, frames } = opened;
  const { value: next } = await frames.next();
  await opened.close();
  const parsed = parseIdentity(enrolled.identity);
  if (!parsed.ok) throw new Error(parsed.drop);
  expect(opens).toBe(1);
  expect(parsed.value.size).toBe(enrolled.size);
  expect(next.width).toBe(opened.clip.width);
  return { size: enrolled.size, side: enrolled.crop.square.side, width: next.width };
}

describe('the size of a call, where none is given', () => {
  it('is 512 where the head has as many pixels', async () => {
    const clip = await writeClip(640, 640, 640);
    const { size, side } = await open(clip);
    expect(side).toBeGreaterThanOrEqual(512);
    expect(size).toBe(512);
    expect(await open(clip, 256)).toMatchObject({ size: 256 });
  });

  it('is 256 where it has fewer, and the clip is then read no larger than that needs', async () => {
    const clip = await writeClip(460, 1600, 900);
    const { size, side, width } = await open(clip);
    expect(side).toBeLessThan(512);
    expect([size, width]).toEqual([256, 1280]);
    expect(await open(clip, 512)).toMatchObject({ size: 512, width: 1600 });
  });
});

it('a receiver that shows less says so in a line that tells what to give', async () => {
  const server = await createSignallingServer({ host: '127.0.0.1', port: 0 });
  const place = { url: server.url, room: 'small' };
  const pack = await openPack('warp');
  const run = runSender({
    clip: SAMPLE,
    signal: server.url,
    room: place.room,
    pack: 'warp',
    personal: undefined,
    tracker: undefined,
    size: 512,
    references: 1,
    enrolSeconds: 0.2,
    fast: true,
    preset: 'balanced',
    bundle: undefined,
    pictures: undefined,
    writer: undefined,
    link: undefined,
    abort: new AbortController().signal,
    reporter: { note: () => undefined, progress: () => undefined, finish: () => undefined },
  });
  const signalling = await joinRoom({ ...place, role: 'receiver', WebSocket });
  const call = await connectWerift({ role: 'receiver', signalling });
  const receiver = new CallReceiver({
    channels: call.channels,
    pack,
    maxSize: 256,
    decoder: createDecoder(pack),
    pictureCodec: createNodePictureCodec(),
    onFrame: () => undefined,
  });
  await receiver.ended().catch(() => undefined);
  await call.close();
  const { error } = await run;
  await server.close();
  expect(error).toBeInstanceOf(UserError);
  expect((error as Error).message).toBe(
    'the receiver shows at most 256×256 pixels: give --size 256',
  );
});
