/**
 * Time of a decoder by itself: `npx tsx bench/decode.ts [--pack portrait-256-cpu] [--frames 140]`. The
 * first clip of `train`, four references from its first second, geometry from its track; wall time
 * of `decode` and CPU time of the process a frame, at each size, with the pack's network and without; the
 * most memory that the process ever held. Only an idle machine counts.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { FaceDecoder } from '../src/models/decoder.js';
import { createDecoder } from '../src/models/decoder-node.js';
import { createDecoder as createAnyDecoder } from '../src/models/families/index.js';
import { openPack } from '../src/models/pack-node.js';
import { STREAM_SIZES } from '../src/protocol/limits.js';
import { createAnalysis } from '../src/sender/frame-analyser.js';
import { type CroppedFrame, croppedFrames } from './clip-frames.js';
import { splits } from './data.js';

const { values: options } = parseArgs({
  options: {
    pack: { type: 'string', default: 'portrait-256-cpu' },
    frames: { type: 'string', default: '140' },
  },
});
const REFERENCES = [0, 8, 16, 24];
const [clip] = splits().train;
const pack = await openPack(options.pack);
console.log(`${options.pack}, ${cpus().length} cores, ${cpus()[0]?.model}`);
for (const size of STREAM_SIZES) {
  const frames: CroppedFrame[] = [];
  for await (const frame of croppedFrames(clip, size)) frames.push(frame);
  const references = REFERENCES.map((index) => frames[index]);
  const analyse = createAnalysis(references, pack.appearance);
  const square = { x: 0, y: 0, side: size };
  const geometries = frames.map(({ picture, landmarks }) =>
    pack.moreValues > 0 ? analyse(picture, square, landmarks).geometry : landmarks,
  );
  const time = async (name: string, decoder: FaceDecoder) => {
    await decoder.setIdentity({ size, references });
    await decoder.decode(frames[0].landmarks);
    const times: number[] = [];
    const before = process.cpuUsage();
    for (let n = 0; n < Number(options.frames); n++) {
      const started = performance.now();
      await decoder.decode(geometries[n % geometries.length]);
      times.push(performance.now() - started);
    }
    const { user, system } = process.cpuUsage(before);
    await decoder.close();
    times.sort((a, b) => a - b);
    const at = (share: number) => times[Math.floor(share * (times.length - 1))].toFixed(1);
    const cpu = (user + system) / 1000 / times.length;
    console.log(
      `${size}×${size} ${name}: ms p10 ${at(0.1)}, p50 ${at(0.5)}, p95 ${at(0.95)}; CPU ${cpu.toFixed(1)} ms a frame`,
    );
  };
  await time('as it is', createDecoder(pack));
  await time('without a network', createAnyDecoder(pack));
}
const { maxRSS } = process.resourceUsage();
console.log(`peak memory ${(maxRSS / 1024).toFixed(0)} MiB`);
