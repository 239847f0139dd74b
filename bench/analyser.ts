/**
 * Time of the frame analyser by itself: `npx tsx bench/analyser.ts [--pack portrait-256-cpu] [--frames
 * 140]`. The first clip of `train`, crops of 256 × 256 and 512 × 512, four references from its first second, geometry from
 * its track; wall time of `analyse` and CPU time of the process a frame. Only an idle machine counts.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { openPack } from '../src/models/pack-node.js';
import { STREAM_SIZES } from '../src/protocol/limits.js';
import { type AnalysedFrame, createAnalysis } from '../src/sender/frame-analyser.js';
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
const { appearance } = await openPack(options.pack);
console.log(`${options.pack}, ${cpus().length} cores, ${cpus()[0]?.model}`);
for (const size of STREAM_SIZES) {
  const frames: CroppedFrame[] = [];
  for await (const frame of croppedFrames(clip, size)) frames.push(frame);
  const analyse = createAnalysis(
    REFERENCES.map((index) => frames[index]),
    appearance,
  );
  const square = { x: 0, y: 0, side: size };
  let before: AnalysedFrame | undefined;
  const times: number[] = [];
  const began = process.cpuUsage();
  for (let n = 0; n < Number(options.frames); n++) {
    const { picture, landmarks } = frames[n % frames.length];
    const started = performance.now();
    before = analyse(picture, square, landmarks, before);
    times.push(performance.now() - started);
  }
  const { user, system } = process.cpuUsage(began);
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * (times.length - 1))].toFixed(1);
  const cpu = (user + system) / 1000 / times.length;
  console.log(
    `crop of ${size}×${size}: ms p50 ${at(0.5)}, p95 ${at(0.95)}; CPU ${cpu.toFixed(1)} ms a frame`,
  );
}
