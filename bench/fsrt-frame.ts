/**
 * What a whole FSRT pack takes through the decoder of a call: `npx tsx bench/fsrt-frame.ts --pack PACK [--sources 1]
 * [--frames 5]`. Milliseconds of the enrolment (networks opened, sources encoded), of a frame's keypoints and expression
 * at the sender, and of a frame's decoding (p50 of the frames after the first; CPU: the decoder's mean, of all its
 * threads). The pictures are made up: time does not depend on what they show. Only an idle machine counts.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { CANONICAL_FACE } from '../src/geometry/canonical-face.js';
import { createPicture, type Picture } from '../src/geometry/picture.js';
import { whole } from '../src/geometry/resample.js';
import { createDecoder } from '../src/models/decoder-node.js';
import { openPack } from '../src/models/pack-node.js';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import { encodeIdentity } from '../src/protocol/identity.js';
import { createFrameAnalyser } from '../src/sender/frame-analyser-node.js';

const { values: options } = parseArgs({
  options: {
    pack: { type: 'string' },
    sources: { type: 'string', default: '1' },
    frames: { type: 'string', default: '5' },
  },
});
if (!options.pack) throw new Error('give --pack, one with a motion vector');
const SIZE = 256;
const landmarks = Float32Array.from(CANONICAL_FACE);
const pack = await openPack(options.pack);
const codec = createNodePictureCodec();

/** Coloured waves, others for each number. */
function madeUp(seed: number): Picture {
  const picture = createPicture(SIZE, SIZE);
  for (let i = 0; i < SIZE * SIZE; i++) {
    const [x, y] = [(i % SIZE) / SIZE, Math.floor(i / SIZE) / SIZE];
    for (let c = 0; c < 3; c++)
      picture.data[4 * i + c] = 128 + 100 * Math.sin(6 * x + (4 + c) * y + seed + c);
    picture.data[4 * i + 3] = 255;
  }
  return picture;
}

const p50 = (times: readonly number[]) =>
  [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)].toFixed(0);

const sources = Array.from({ length: Number(options.sources) }, (_, k) => madeUp(k));
const references = sources.map((picture) => ({ picture, landmarks }));
const identity = encodeIdentity({
  size: SIZE,
  neutral: landmarks,
  references: [{ picture: await codec.encode(sources[0], 85), landmarks }],
});
const analyser = await createFrameAnalyser({ pack, identity, codec });
const decoder = createDecoder(pack);
const started = performance.now();
await decoder.setIdentity({ size: SIZE, references });
const enrolment = performance.now() - started;
const sender: number[] = [];
const receiver: number[] = [];
let cpu = 0;
for (let n = 0; n <= Number(options.frames); n++) {
  const picture = madeUp(10 + n / 10);
  const seen = performance.now();
  const geometry = await analyser.analyse(picture, whole(picture), landmarks);
  const sent = performance.now();
  const before = process.cpuUsage();
  await decoder.decode(geometry);
  if (n === 0) continue;
  const { user, system } = process.cpuUsage(before);
  cpu += (user + system) / 1000 / Number(options.frames);
  sender.push(sent - seen);
  receiver.push(performance.now() - sent);
}
await analyser.close();
await decoder.close();
console.log(
  `${pack.identity.name}, ${sources.length} source(s); ${cpus().length} cores, ${cpus()[0]?.model}`,
);
console.log(
  `enrolment ${enrolment.toFixed(0)} ms; a frame: sender ${p50(sender)} ms, decoder ${p50(receiver)} ms, ${cpu.toFixed(0)} ms of CPU`,
);
