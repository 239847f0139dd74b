/**
 * Speed of the whole receiver by itself: `npx tsx bench/receiver.ts [--clip driving_d13] [--pack
 * portrait-256-cpu] [--frames 140]`. A sender's session makes the motion messages of a clip of
 * `validation` from its track; they are kept, and then a receiver's session (depacketizer, jitter
 * buffer, motion model) and the decoder take them as fast as they can, at each size. Wall time and
 * CPU time of the process a frame. Only an idle machine counts.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { neutralGeometry } from '../src/geometry/pose.js';
import { createDecoder } from '../src/models/decoder-node.js';
import type { Pack } from '../src/models/pack.js';
import { openPack } from '../src/models/pack-node.js';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import { encodeIdentity } from '../src/protocol/identity.js';
import { MAX_REFERENCE_SIDE, STREAM_SIZES, type StreamSize } from '../src/protocol/limits.js';
import { ReceiverSession } from '../src/receiver/session.js';
import { REFERENCE_QUALITY } from '../src/sender/enrolment.js';
import { createFrameAnalyser } from '../src/sender/frame-analyser-node.js';
import { SenderSession } from '../src/sender/session.js';
import { type CroppedFrame, croppedFrames } from './clip-frames.js';
import { splits } from './data.js';

const { values: options } = parseArgs({
  options: {
    clip: { type: 'string', default: 'driving_d13' },
    pack: { type: 'string', default: 'portrait-256-cpu' },
    frames: { type: 'string', default: '140' },
  },
});
const REFERENCES = [0, 8, 16, 24];
const codec = createNodePictureCodec();
const clip = splits().validation.find(({ file }) => file.includes(options.clip));
if (!clip) throw new Error(`no clip of validation has ${options.clip} in its name`);
const { file, fps } = clip;

async function enrolled(size: StreamSize, frames: readonly CroppedFrame[]): Promise<Uint8Array> {
  const references = REFERENCES.map(async (index) => ({
    picture: await codec.encode(frames[index].picture, REFERENCE_QUALITY),
    landmarks: frames[index].landmarks,
  }));
  const first = frames.slice(0, Math.round(fps)).map(({ landmarks }) => landmarks);
  const neutral = neutralGeometry(first);
  return encodeIdentity({ size, neutral, references: await Promise.all(references) });
}

/** A receiver that has agreed with a sender and been offered the identity. */
function connect(pack: Pack, identity: Uint8Array): [SenderSession, ReceiverSession] {
  const sender = new SenderSession({ pack, identity, fps, unpaced: true }, performance.now());
  const receiver = new ReceiverSession({ pack, maxSize: 512 }, performance.now());
  while (!receiver.offeredIdentity) {
    const forward = sender.poll(0);
    if (forward) receiver.receiveControl(forward.bytes, performance.now());
    const backward = receiver.poll(performance.now());
    if (backward) sender.receiveControl(backward.bytes, performance.now());
    if (sender.status.state === 'failed') throw new Error(sender.status.message);
  }
  return [sender, receiver];
}

/** Tells the sender what the receiver has to say: that the identity is there. */
function answer(receiver: ReceiverSession, sender: SenderSession): void {
  for (let out = receiver.poll(performance.now()); out; out = receiver.poll(performance.now())) {
    if (out.channel === 'control') sender.receiveControl(out.bytes, performance.now());
  }
}

async function motionOf(
  frames: readonly CroppedFrame[],
  pack: Pack,
  identity: Uint8Array,
  sender: SenderSession,
): Promise<Uint8Array[]> {
  const analyser = await createFrameAnalyser({ pack, identity, codec });
  const messages: Uint8Array[] = [];
  const take = () => {
    for (let out = sender.poll(0); out; out = sender.poll(0)) {
      if (out.channel === 'motion') messages.push(out.bytes);
    }
  };
  for (const [index, { picture, landmarks }] of frames.entries()) {
    const whole = { x: 0, y: 0, side: picture.width };
    sender.sendFrame(await analyser.analyse(picture, whole, landmarks), (index * 1000) / fps);
    take();
  }
  await analyser.close();
  sender.end();
  take();
  return messages;
}

async function measure(pack: Pack, size: StreamSize): Promise<void> {
  const frames: CroppedFrame[] = [];
  for await (const frame of croppedFrames(clip!, size, Number(options.frames))) frames.push(frame);
  const bytes = await enrolled(size, frames);
  const [sender, receiver] = connect(pack, bytes);
  const identity = receiver.offeredIdentity!;
  const decoder = createDecoder(pack);
  const references = identity.references.map(async ({ picture, landmarks }) => ({
    picture: await codec.decode(picture, MAX_REFERENCE_SIDE),
    landmarks,
  }));
  await decoder.setIdentity({ size, references: await Promise.all(references) });
  // As a call does: the first picture takes longer than the others.
  await decoder.decode(identity.references[0].landmarks);
  receiver.useIdentity(identity);
  answer(receiver, sender);
  const messages = await motionOf(frames, pack, bytes, sender);

  const times: number[] = [];
  let decodeMs = 0;
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  let lastMs = startedMs;
  for (const message of messages) {
    receiver.receiveMotion(message, performance.now());
    receiver.advance(performance.now());
    for (;;) {
      const frame = receiver.present(performance.now());
      if (!frame) break;
      const fromMs = performance.now();
      if (frame.landmarks) await decoder.decode(frame.landmarks);
      const nowMs = performance.now();
      decodeMs += nowMs - fromMs;
      times.push(nowMs - lastMs);
      lastMs = nowMs;
    }
    while (receiver.poll(performance.now())) {}
  }
  const wallMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  await decoder.close();
  const { drops } = receiver.getStats();
  if (times.length !== frames.length) {
    throw new Error(`${times.length} of ${frames.length} frames shown: ${JSON.stringify(drops)}`);
  }
  times.sort((a, b) => a - b);
  const count = times.length;
  const at = (share: number) => times[Math.floor(share * (count - 1))];
  const cells = [
    (1000 * count) / wallMs,
    at(0.5),
    at(0.95),
    decodeMs / count,
    (user + system) / 1000 / count,
  ];
  print([`${size}×${size}`, `${count}`, ...cells.map((cell) => cell.toFixed(1))]);
}

const print = (cells: readonly string[]) =>
  console.log(cells.map((cell) => cell.padStart(11)).join(''));

const pack = await openPack(options.pack);
console.log(`${file}, ${options.pack}, ${cpus().length} cores, ${cpus()[0]?.model}; a frame:`);
print(['size', 'frames', 'fps', 'ms p50', 'ms p95', 'decode ms', 'CPU ms']);
for (const size of STREAM_SIZES) await measure(pack, size);
