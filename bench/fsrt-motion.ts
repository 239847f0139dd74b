/**
 * What an FSRT pack's motion costs, and what its quantiser costs the picture: `npx tsx bench/fsrt-motion.ts --pack PACK
 * [--clips 3] [--frames 100]`. Clips of `validation`, one source, the first frame; kbps of motion messages at 25
 * frames a second, without the wire's headers; mean PSNR to the camera's crop over every tenth frame, with the
 * vector as the networks found it and as it arrives.
 */
import { parseArgs } from 'node:util';
import { whole } from '../src/geometry/resample.js';
import { createDecoder } from '../src/models/decoder-node.js';
import { createFrameModel } from '../src/models/frame-model.js';
import { openPack } from '../src/models/pack-node.js';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import { encodeIdentity } from '../src/protocol/identity.js';
import { MAX_VALUE } from '../src/protocol/motion-codec.js';
import { MotionPacketizer } from '../src/protocol/motion-packetizer.js';
import {
  DEFAULT_FRAMES_PER_PACKET,
  DEFAULT_INDEPENDENT_INTERVAL,
  DEFAULT_QUANTISER,
} from '../src/sender/defaults.js';
import { createFrameAnalyser } from '../src/sender/frame-analyser-node.js';
import { type CroppedFrame, croppedFrames } from './clip-frames.js';
import { splits } from './data.js';

const FPS = 25;
const SIZE = 256;
const QUANTISERS = [0, DEFAULT_QUANTISER, 8, 12];
const EVERY = 10;
const { values: options } = parseArgs({
  options: {
    pack: { type: 'string' },
    clips: { type: 'string', default: '3' },
    frames: { type: 'string', default: '100' },
  },
});
if (!options.pack) throw new Error('give --pack, one with a motion vector');
const pack = await openPack(options.pack);
const length = pack.vector?.rest.length;
if (!length) throw new Error(`${options.pack} has no motion vector`);
const codec = createNodePictureCodec();

const decibels = (a: CroppedFrame['picture'], b: CroppedFrame['picture']) => {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) if (i % 4 < 3) sum += (a.data[i] - b.data[i]) ** 2;
  return -10 * Math.log10(sum / (0.75 * a.data.length) / 255 ** 2);
};
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

console.log(`${pack.identity.name}: ${length} values a frame`);
const all = QUANTISERS.map(() => ({ kbps: [] as number[], psnr: [] as number[] }));
const exact: number[] = [];
for (const clip of splits().validation.slice(0, Number(options.clips))) {
  const frames: CroppedFrame[] = [];
  for await (const frame of croppedFrames(clip, SIZE, Number(options.frames))) frames.push(frame);
  const [first] = frames;
  const picture = await codec.encode(first.picture, 85);
  const identity = encodeIdentity({
    size: SIZE,
    neutral: first.landmarks,
    references: [{ picture, landmarks: first.landmarks }],
  });
  const analyser = await createFrameAnalyser({ pack, identity, codec });
  const decoder = createDecoder(pack);
  await decoder.setIdentity({ size: SIZE, references: [first] });
  const found: Float32Array[] = [];
  for (const frame of frames)
    found.push(await analyser.analyse(frame.picture, whole(frame.picture), frame.landmarks));
  await analyser.close();
  const looked = frames.map((_, n) => n).filter((n) => n % EVERY === EVERY - 1);
  const own: number[] = [];
  for (const n of looked) own.push(decibels(await decoder.decode(found[n]), frames[n].picture));
  exact.push(mean(own));
  const model = createFrameModel(pack, first.landmarks);
  for (const [at, quantiser] of QUANTISERS.entries()) {
    const packetizer = new MotionPacketizer({
      tables: pack.tables,
      framesPerPacket: DEFAULT_FRAMES_PER_PACKET,
      redundancy: 0,
      quantiser,
      independentInterval: DEFAULT_INDEPENDENT_INTERVAL,
      frameIntervalMs: 1000 / FPS,
    });
    let bytes = 0;
    const psnr: number[] = [];
    for (const [n, geometry] of found.entries()) {
      const { base, predicted } = packetizer.next;
      const reference = predicted ? base.values : undefined;
      const values = model.quantise(geometry, reference, quantiser, MAX_VALUE);
      bytes += packetizer.add(values, (n * 1000) / FPS)?.length ?? 0;
      if (!looked.includes(n)) continue;
      const shown = await decoder.decode(model.reconstruct(values, quantiser));
      psnr.push(decibels(shown, frames[n].picture));
    }
    bytes += packetizer.flush()?.length ?? 0;
    all[at].kbps.push((bytes * 8 * FPS) / frames.length / 1000);
    all[at].psnr.push(mean(psnr));
  }
  await decoder.close();
  console.log(`${clip.file}: ${frames.length} frames`);
}
console.log(`not quantised: ${mean(exact).toFixed(2)} dB`);
for (const [at, quantiser] of QUANTISERS.entries()) {
  const { kbps, psnr } = all[at];
  console.log(
    `quantiser ${quantiser}: ${mean(kbps).toFixed(2)} kbps (at most ${Math.max(...kbps).toFixed(2)}), ${mean(psnr).toFixed(2)} dB`,
  );
}
