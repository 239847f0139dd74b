/**
 * Thirty minutes of a call: the sample over and over, tracked, sent and shown in real time, by two
 * processes over UDP. Memory, handles and the call's own figures every ten seconds, and whether they
 * stay level: a line is fitted to what comes after the warm-up.
 *
 *   npx tsx bench/soak.ts [--minutes 30] [--out soak.json]
 *
 * Exit status 1 where something grows.
 */
import { fork } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { WebSocket } from 'ws';
import { openClip } from '../src/cli/media/clip-source.js';
import {
  CallReceiver,
  CallSender,
  callClock,
  createDecoder,
  type Landmarks,
  type Picture,
} from '../src/index.js';
import {
  connectWerift,
  createNodePictureCodec,
  createSignallingServer,
  joinRoom,
  openFaceTracker,
  openPack,
  type Role,
} from '../src/node.js';
import { toCropUnits } from '../src/sender/crop.js';
import { type EnrolmentFrame, enrol } from '../src/sender/enrolment.js';

/** One look at a process. Memory in MB, after a garbage collection. */
interface Sample {
  readonly role: Role;
  readonly minutes: number;
  readonly rss: number;
  /** Live JavaScript objects. */
  readonly heap: number;
  /** Live array buffers and what else lies outside of the heap. */
  readonly external: number;
  readonly handles: Readonly<Record<string, number>>;
  readonly frames: number;
  readonly stats: object;
}

const SAMPLE_INTERVAL_MS = 10_000;
/** Compilation, the allocators' pools and the report's rings fill up in this time. */
const WARM_UP_MINUTES = 5;
/**
 * What still counts as level. A log entry of 100 bytes for each frame is 9 MB an hour; the resident
 * set also moves with the allocators' fragmentation, by a few MB over half an hour.
 */
const LIMITS_MB_PER_HOUR = { heap: 2, external: 2, rss: 20 };
const ENROLMENT_FRAMES = 25;
/** Numbers on the wire have 16 bits: starting here, they wrap after ten minutes. */
const FIRST_FRAME = 50_000;

const MB = 2 ** 20;
const clipPath = fileURLToPath(new URL('../samples/sample.webp', import.meta.url));

function startSampling(role: Role, look: () => { frames: number; stats: object }): () => void {
  const startMs = performance.now();
  const timer = setInterval(() => {
    globalThis.gc?.();
    const { rss, heapUsed, external } = process.memoryUsage();
    const handles: Record<string, number> = {};
    for (const name of process.getActiveResourcesInfo()) handles[name] = (handles[name] ?? 0) + 1;
    process.send?.({
      role,
      minutes: (performance.now() - startMs) / 60_000,
      rss: rss / MB,
      heap: heapUsed / MB,
      external: external / MB,
      handles,
      ...look(),
    } satisfies Sample);
  }, SAMPLE_INTERVAL_MS);
  return () => clearInterval(timer);
}

async function connect(role: Role, url: string) {
  const signalling = await joinRoom({ url, room: 'soak', role, WebSocket });
  return connectWerift({ role, signalling });
}

async function send(url: string, minutes: number): Promise<void> {
  const [pack, clip, tracker] = await Promise.all([
    openPack('warp'),
    openClip(clipPath),
    openFaceTracker(),
  ]);
  const pictures: Picture[] = [];
  for await (const picture of clip.frames()) pictures.push(picture);
  const track = async (picture: Picture): Promise<Landmarks | undefined> =>
    (await tracker.track(picture))[0]?.landmarks;
  const enrolment: EnrolmentFrame[] = [];
  for (const picture of pictures.slice(0, ENROLMENT_FRAMES)) {
    enrolment.push({ picture, landmarks: (await track(picture))!.slice() });
  }
  const codec = createNodePictureCodec();
  const enrolled = await enrol(enrolment, { size: 256, references: 4, codec });
  const call = await connect('sender', url);
  const sender = new CallSender({
    channels: call.channels,
    pack,
    identity: enrolled.identity,
    fps: clip.fps,
    framesPerPacket: 4,
    redundancy: 0,
    unpaced: false,
    firstFrame: FIRST_FRAME,
  });
  await sender.ready();
  const stopSampling = startSampling('sender', () => {
    const stats = sender.getStats();
    return { frames: stats.framesSent, stats };
  });
  const startMs = callClock();
  for (let frame = 0; callClock() - startMs < minutes * 60_000; frame++) {
    const dueMs = startMs + (frame * 1000) / clip.fps;
    if (dueMs > callClock()) await sleep(dueMs - callClock());
    const captureMs = callClock();
    const landmarks = await track(pictures[frame % pictures.length]);
    const square = landmarks ? enrolled.crop.follow(landmarks) : enrolled.crop.square;
    sender.sendFrame(landmarks && toCropUnits(landmarks, square), captureMs);
  }
  stopSampling();
  sender.end();
  await sender.closed();
  await Promise.all([call.close(), tracker.close(), clip.close()]);
}

async function receive(url: string): Promise<void> {
  const pack = await openPack('warp');
  const call = await connect('receiver', url);
  let frames = 0;
  const receiver = new CallReceiver({
    channels: call.channels,
    pack,
    maxSize: 512,
    decoder: createDecoder(pack),
    pictureCodec: createNodePictureCodec(),
    onFrame: () => {
      frames++;
    },
  });
  const stopSampling = startSampling('receiver', () => ({ frames, stats: receiver.getStats() }));
  await receiver.ended();
  stopSampling();
  await call.close();
}

/** Growth an hour of the least-squares line through the samples after the warm-up. */
function growth(samples: readonly Sample[], value: (sample: Sample) => number): number {
  const end = samples.at(-1)?.minutes ?? 0;
  const kept = samples.filter(({ minutes }) => minutes >= Math.min(WARM_UP_MINUTES, end / 3));
  const mean = (values: number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;
  const x = kept.map(({ minutes }) => minutes / 60);
  const y = kept.map(value);
  const [mx, my] = [mean(x), mean(y)];
  const covariance = mean(x.map((v, i) => (v - mx) * (y[i] - my)));
  return covariance / mean(x.map((v) => (v - mx) ** 2));
}

function judge(role: Role, samples: readonly Sample[]): boolean {
  const count = ({ handles }: Sample) => Object.values(handles).reduce((sum, n) => sum + n, 0);
  let level = true;
  const line = (name: string, perHour: number, limit: number, unit: string) => {
    const grows = !(perHour <= limit);
    level &&= !grows;
    console.log(
      `${role.padEnd(9)}${name.padEnd(9)}${perHour.toFixed(2).padStart(8)} ${unit} an hour (at most ${limit}) ${grows ? 'GROWS' : 'level'}`,
    );
  };
  for (const name of ['heap', 'external', 'rss'] as const) {
    line(
      name,
      growth(samples, (sample) => sample[name]),
      LIMITS_MB_PER_HOUR[name],
      'MB',
    );
  }
  line('handles', growth(samples, count), 1, 'handles');
  return level;
}

async function main(minutes: number, out: string): Promise<void> {
  const server = await createSignallingServer({ host: '127.0.0.1', port: 0 });
  const samples: Sample[] = [];
  console.log('role      minutes   rss MB  heap MB  external MB  handles   frames');
  const start = (role: Role) => {
    const child = fork(fileURLToPath(import.meta.url), [role, server.url, String(minutes)], {
      execArgv: ['--expose-gc', '--import', 'tsx'],
    });
    child.on('message', (sample: Sample) => {
      samples.push(sample);
      const handles = Object.values(sample.handles).reduce((sum, n) => sum + n, 0);
      const { rss, heap, external } = sample;
      console.log(
        sample.role.padEnd(9) +
          [sample.minutes.toFixed(2), rss.toFixed(1), heap.toFixed(2), external.toFixed(2)]
            .map((text, i) => text.padStart([8, 9, 9, 13][i]))
            .join('') +
          `${handles}`.padStart(9) +
          `${sample.frames}`.padStart(9),
      );
    });
    return new Promise<number | null>((resolve) => child.on('exit', resolve));
  };
  const statuses = await Promise.all([start('receiver'), start('sender')]);
  await server.close();
  const of = (role: Role) => samples.filter((sample) => sample.role === role);
  const growths = (['sender', 'receiver'] as const).map((role) => judge(role, of(role)));
  await writeFile(out, `${JSON.stringify({ minutes, samples }, null, 1)}\n`);
  const ended = statuses.every((status) => status === 0);
  if (!ended) console.log(`a process failed: status ${statuses.join(' and ')}`);
  for (const role of ['sender', 'receiver'] as const) {
    const last = of(role).at(-1);
    console.log(`${role}: ${last?.frames} frames ${JSON.stringify(last?.stats)}`);
  }
  process.exitCode = ended && growths.every(Boolean) ? 0 : 1;
}

const [role, url, minutes] = process.argv.slice(2);
if (role === 'sender') await send(url, Number(minutes));
else if (role === 'receiver') await receive(url);
else {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '30' },
      out: { type: 'string', default: 'soak.json' },
    },
  });
  await main(Number(values.minutes), values.out);
}
if (process.send) process.disconnect?.();
