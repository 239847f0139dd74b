/**
 * From connecting to the first picture of a stranger: `npx tsx bench/first-frame.ts [--kbps 100] [--ms 50]
 * [--size 256] [--clips 3] [--out FOLDER]`. Two sessions in virtual time over one bottleneck each way (fragments
 * of 1150 bytes with 93 of headers), with the whole identity and with a coarse one first; to that is added what
 * decoding the identity took on this machine. Clips of `validation`; PSNR is of the frames that follow the enrolment,
 * decoded with what is there then, against the source. `--out` keeps the first picture of each. A pack with a motion
 * vector has no coarse identity.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Picture } from '../src/geometry/picture.js';
import { resampleSquare, whole } from '../src/geometry/resample.js';
import { parseAnyIdentity } from '../src/models/compact-identity.js';
import { createDecoder } from '../src/models/decoder-node.js';
import { createFrameModel } from '../src/models/frame-model.js';
import { openPack } from '../src/models/pack-node.js';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import type { IdentityReference } from '../src/protocol/identity.js';
import type { StreamSize } from '../src/protocol/limits.js';
import { MAX_VALUE } from '../src/protocol/motion-codec.js';
import { ReceiverSession } from '../src/receiver/session.js';
import { coarseIdentity, codedIdentity } from '../src/sender/coarse-identity.js';
import { DEFAULT_QUANTISER } from '../src/sender/defaults.js';
import { enrol } from '../src/sender/enrolment.js';
import { createFrameAnalyser } from '../src/sender/frame-analyser-node.js';
import { SenderSession } from '../src/sender/session.js';
import { createSimulatedLink } from '../src/transport/simulated-link.js';
import { type CroppedFrame, croppedFrames } from './clip-frames.js';
import { splits } from './data.js';

const { values: options } = parseArgs({
  options: {
    kbps: { type: 'string', default: '100' },
    ms: { type: 'string', default: '50' },
    size: { type: 'string', default: '256' },
    clips: { type: 'string', default: '3' },
    pack: { type: 'string', default: 'portrait-256-cpu' },
    out: { type: 'string' },
  },
});
const ENROLMENT_FRAMES = 25;
const FRAMES = 30;
const FRAGMENT_BYTES = 1150;
const FRAGMENT_OVERHEAD = 93;
const size = Number(options.size) as StreamSize;
const pack = await openPack(options.pack);
const codec = createNodePictureCodec();

/** One direction of both channels over one bottleneck. */
function bottleneck() {
  const link = createSimulatedLink({
    seed: 1,
    delayMs: Number(options.ms),
    bandwidth: { bitsPerSecond: 1000 * Number(options.kbps), queueBytes: 1e9 },
    headerBytes: FRAGMENT_OVERHEAD,
  });
  const messages: { channel: 'control' | 'motion'; bytes: Uint8Array; fragments: number }[] = [];
  return {
    nextAt: () => link.nextAt(),
    send(channel: 'control' | 'motion', bytes: Uint8Array, now: number) {
      const fragments = Math.ceil(bytes.length / FRAGMENT_BYTES);
      messages.push({ channel, bytes, fragments });
      for (let at = 0; at < bytes.length; at += FRAGMENT_BYTES)
        link.send(bytes.subarray(at, at + FRAGMENT_BYTES), now);
    },
    /** Messages whose last fragment has arrived; they arrive in order. */
    poll(now: number) {
      const whole: { channel: 'control' | 'motion'; bytes: Uint8Array }[] = [];
      for (let n = link.poll(now).length; n > 0; n--) {
        messages[0].fragments--;
        if (messages[0].fragments === 0) whole.push(messages.shift()!);
      }
      return whole;
    },
  };
}

interface Outcome {
  readonly identityMs: number;
  readonly frameMs: number;
  /** When each reference was there, by its place. */
  readonly references: ReadonlyMap<number, number>;
  readonly identityBytes: number;
  readonly pictureBytes: number;
  readonly motionDelayMs: number;
  /** What the receiver shows with in the end. */
  readonly last: readonly IdentityReference[];
}

function call(
  identity: Uint8Array,
  coarse: Uint8Array | undefined,
  frames: CroppedFrame[],
): Outcome {
  const sender = new SenderSession(
    { pack, identity, fps: 25, ...(coarse && { coarse: { identity: coarse } }) },
    0,
  );
  const receiver = new ReceiverSession({ pack, maxSize: 512 }, 0);
  const [forward, backward] = [bottleneck(), bottleneck()];
  let identityMs = Number.NaN;
  let frameMs = Number.NaN;
  let nextFrame = 0;
  const references = new Map<number, number>();
  const delays: number[] = [];
  for (let now = 0; now < 20_000; now++) {
    for (const { channel, bytes } of forward.poll(now)) {
      if (channel === 'control') receiver.receiveControl(bytes, now);
      else receiver.receiveMotion(bytes, now);
    }
    for (const { channel, bytes } of backward.poll(now)) {
      if (channel === 'control') sender.receiveControl(bytes, now);
      else sender.receiveMotion(bytes);
    }
    receiver.advance(now);
    const offered = receiver.offeredIdentity;
    if (offered) {
      identityMs = now;
      for (const place of offered.references.keys()) references.set(place, now);
      receiver.useIdentity(offered);
    }
    const { offered: picture } = receiver.pictures;
    if (picture?.kind === 'reference') references.set(picture.index, now);
    if (picture) receiver.pictures.use(picture);
    for (let frame = receiver.present(now); frame; frame = receiver.present(now)) {
      if (frame.origin !== 'decoded') continue;
      if (Number.isNaN(frameMs)) frameMs = now;
      delays.push(now - frame.captureMs);
    }
    if (sender.status.state === 'streaming' && now >= nextFrame) {
      sender.sendFrame(frames[((now / 40) % frames.length) | 0].landmarks, now);
      nextFrame = now + 40;
    }
    sender.advance(now);
    for (let out = sender.poll(0); out; out = sender.poll(0))
      forward.send(out.channel, out.bytes, now);
    for (let out = receiver.poll(now); out; out = receiver.poll(now))
      backward.send(out.channel, out.bytes, now);
  }
  const { identityBytes, pictureBytes } = sender.getStats();
  const motionDelayMs = delays.sort((a, b) => a - b)[Math.floor(0.95 * delays.length)];
  const last = [...sender.pictures.references.values()];
  return { identityMs, frameMs, references, identityBytes, pictureBytes, motionDelayMs, last };
}

async function decompressed(references: readonly IdentityReference[]) {
  return Promise.all(
    references.map(async ({ picture, landmarks }) => {
      const own = await codec.decode(picture, 1024);
      const fits = own.width === size;
      return { picture: fits ? own : resampleSquare(own, whole(own), size), landmarks };
    }),
  );
}

/**
 * PSNR of the frames shown with these references, their first picture, and what the set-up took; the sender compares
 * with those of `identity`. Each frame is coded as the motion is.
 */
async function shown(
  references: readonly IdentityReference[],
  identity: Uint8Array,
  frames: CroppedFrame[],
) {
  const parsed = parseAnyIdentity(identity, pack);
  if (!parsed.ok) throw new Error('an identity cannot be read');
  const model = createFrameModel(pack, parsed.value.neutral);
  const decoder = createDecoder(pack);
  const started = performance.now();
  const pictures = await decompressed(references);
  await decoder.setIdentity({ size, references: pictures });
  await decoder.decode(references[0].landmarks);
  const setUpMs = performance.now() - started;
  const analyser = await createFrameAnalyser({ pack, identity, codec });
  const square = { x: 0, y: 0, side: size };
  let first: Picture | undefined;
  let squares = 0;
  for (const { picture, landmarks } of frames) {
    const geometry = await analyser.analyse(picture, square, landmarks);
    const values = model.quantise(geometry, undefined, DEFAULT_QUANTISER, MAX_VALUE);
    const made = await decoder.decode(model.reconstruct(values, DEFAULT_QUANTISER));
    first ??= made;
    for (let i = 0; i < made.data.length; i++)
      if (i % 4 < 3) squares += (made.data[i] - picture.data[i]) ** 2;
  }
  await analyser.close();
  await decoder.close();
  const mean = squares / (frames.length * size * size * 3);
  return { psnr: 10 * Math.log10(255 ** 2 / mean), first: first!, setUpMs };
}

const seconds = (ms: number) => (ms / 1000).toFixed(2);
console.log(`${options.kbps} kbps, ${options.ms} ms each way, ${size}×${size}, ${options.pack}`);
for (const clip of splits()
  .validation.filter((_, i) => i % 4 === 1)
  .slice(0, Number(options.clips))) {
  const frames: CroppedFrame[] = [];
  for await (const frame of croppedFrames(clip, size, ENROLMENT_FRAMES + FRAMES))
    frames.push(frame);
  const enrolled = frames.slice(0, ENROLMENT_FRAMES);
  const { identity } = await enrol(
    enrolled.map(({ picture, landmarks }) => ({
      picture,
      landmarks: landmarks.map((value) => (value * size) / 256),
    })),
    { size, references: 4, codec },
  );
  const offers: { name: string; own: Uint8Array; first?: Uint8Array }[] = [
    { name: 'whole', own: identity },
  ];
  if (!pack.vector) {
    const own = codedIdentity(identity, pack);
    const first = await coarseIdentity({ identity: own, pack, codec });
    offers.push({ name: 'coarse first', own, first });
  }
  console.log(clip.file);
  for (const { name, own, first } of offers) {
    const outcome = call(own, first, frames);
    const offered = parseAnyIdentity(first ?? own, pack);
    if (!offered.ok) throw new Error('an identity cannot be read');
    const rest = frames.slice(ENROLMENT_FRAMES);
    const begin = await shown(offered.value.references, own, rest);
    const end = await shown(outcome.last, own, rest);
    const times = [...outcome.references.values()].map(seconds).join(', ');
    console.log(
      `  ${name}: identity ${outcome.identityBytes} bytes, pictures ${outcome.pictureBytes}; ` +
        `person shown ${seconds(outcome.identityMs)} s + ${begin.setUpMs.toFixed(0)} ms of decoding, ` +
        `first frame ${seconds(outcome.frameMs)} s; references at ${times} s; ` +
        `motion p95 ${outcome.motionDelayMs} ms; PSNR ${begin.psnr.toFixed(2)} dB, with all references ${end.psnr.toFixed(2)}`,
    );
    if (!options.out) continue;
    await mkdir(options.out, { recursive: true });
    const file = `${clip.file.replaceAll('/', '_')}-${first ? 'coarse' : 'whole'}-${size}.webp`;
    await writeFile(join(options.out, file), await codec.encode(begin.first, 95));
  }
}
