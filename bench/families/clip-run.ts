import { resolve } from 'node:path';
import { UserError } from '../../src/cli/user-error.js';
import type { Landmarks } from '../../src/geometry/landmarks.js';
import type { Picture } from '../../src/geometry/picture.js';
import type { DecoderIdentity } from '../../src/models/decoder.js';
import type { OpenSession } from '../../src/models/inference.js';
import { createNodeSession } from '../../src/models/inference-node.js';
import type { Pack } from '../../src/models/pack.js';
import type { PictureCodec } from '../../src/models/picture-codec.js';
import { createNodePictureCodec } from '../../src/models/picture-codec-node.js';
import { parseIdentity } from '../../src/protocol/identity.js';
import { MAX_REFERENCE_SIDE } from '../../src/protocol/limits.js';
import { openFaceTracker } from '../../src/sender/trackers/open.js';
import { type Clip, dataRoot } from '../data.js';
import type { Candidate } from '../quality/candidates.js';
import { figuresOf } from '../quality/figures.js';
import type { Instruments } from '../quality/instruments.js';
import { createJudge } from '../quality/judge.js';
import { createMoments, type Moment } from '../quality/moments.js';
import { type ClipStart, runClip } from '../quality/run-clip.js';
import { playCall } from './call.js';
import { openCuda } from './cuda.js';
import { createSizeJudge } from './own-size.js';
import { packCost } from './pack-cost.js';
import { ownSize } from './packs.js';
import {
  type ClipReport,
  type PackOnClip,
  type PackReport,
  type PackTime,
  QUALITY_KEYS,
} from './report.js';
import { analyseFrames, timeDecoder } from './timing.js';

/** Pixels across the stream's pictures. */
export const STREAM_SIZE = 256;
const REFERENCES = 4;
/** Frames that a decoder is timed on, and those before them. */
const TIMED = { frames: 25, warmUp: 2 };
/** The same of a network at full width: a frame may take minutes. */
const TIMED_UNTRAINED = { frames: 1, warmUp: 0 };
/** As `createDecoder` of visavis/node has them. */
const THREADS = 2;

/** A frame as the codec is given it. */
export interface ClipFrame {
  /** `STREAM_SIZE` across. */
  readonly source: Picture;
  /** Crop units; undefined: no face. */
  readonly landmarks: Landmarks | undefined;
}

export interface ClipOptions {
  readonly clip: Clip;
  readonly seconds: number;
  /** Of the frames, each so-many-th is compared with the source. */
  readonly stride: number;
  readonly candidates: readonly Candidate[];
  /** Smaller sizes to compare at. */
  readonly sizes: readonly number[];
  readonly instruments: Instruments;
  /** Whether networks can run on CUDA. */
  readonly cuda: boolean;
}

/** A person with a few of their frames. */
export interface Person {
  /** Bytes of `encodeIdentity`. */
  readonly identityBytes: Uint8Array;
  readonly identity: DecoderIdentity;
  readonly frames: readonly ClipFrame[];
  readonly codec: PictureCodec;
}

/**
 * Takes a clip through the codec once for all packs, for the figures of quality, and then pack by pack through a call, and
 * through a decoder by itself. UserError where nobody can be enrolled.
 */
export async function measureClip(options: ClipOptions): Promise<{
  readonly report: ClipReport;
  readonly moments: readonly Moment[];
  readonly person: Person;
}> {
  const { clip, seconds, stride, candidates, sizes, instruments, cuda } = options;
  const judge = createJudge(instruments, { count: candidates.length, size: STREAM_SIZE, stride });
  const sizeJudge = createSizeJudge(sizes, candidates.length);
  const frames: ClipFrame[] = [];
  let start: ClipStart | undefined;
  let moments = createMoments(0);
  const traffic = await runClip(
    {
      path: resolve(dataRoot(), clip.file),
      size: STREAM_SIZE,
      references: REFERENCES,
      limit: Math.round(seconds * clip.fps),
      candidates,
      openTracker: () => openFaceTracker(),
    },
    {
      start(known) {
        start = known;
        moments = createMoments(known.expectedFrames ?? 0);
      },
      async frame(frame) {
        frames.push(frame);
        const source = await judge.frame(frame);
        if (!source) return;
        sizeJudge.frame(frame);
        moments.consider(frame, source, frames.length - 1);
      },
    },
  );
  if (!start || !frames.some(({ landmarks }) => landmarks)) {
    throw new UserError('it ends with its enrolment: give a longer clip');
  }
  const quality = await judge.finish(traffic);
  const sized = sizeJudge.finish();
  const person = await decompressed(start.identity, frames);
  const packs: PackOnClip[] = [];
  for (const [at, { name, pack }] of candidates.entries()) {
    const { fps, identity } = start;
    const call = await playCall({ pack, identity, fps, frames, stride });
    packs.push({
      name,
      quality: figuresOf((key) => (QUALITY_KEYS.includes(key) ? quality[at][key] : undefined)),
      sizes: sized[at],
      call,
      time: await timePack(pack, person, TIMED, cuda),
    });
  }
  const { fps, references } = start;
  return {
    report: { file: clip.file, fps, frames: frames.length, references, packs },
    moments: moments.chosen(),
    person,
  };
}

async function decompressed(bytes: Uint8Array, frames: readonly ClipFrame[]): Promise<Person> {
  const parsed = parseIdentity(bytes);
  if (!parsed.ok) throw new Error(`the identity cannot be read: ${parsed.drop}`);
  const codec = createNodePictureCodec();
  const { size } = parsed.value;
  const references = await Promise.all(
    parsed.value.references.map(async ({ picture, landmarks }) => ({
      picture: await codec.decode(picture, MAX_REFERENCE_SIDE),
      landmarks,
    })),
  );
  return { identityBytes: bytes, identity: { size, references }, frames, codec };
}

const openOnCpu = (graph: Uint8Array) => createNodeSession(graph, THREADS);

/** Times a pack on the first frames with a face. */
async function timePack(
  pack: Pack,
  person: Person,
  { frames: count, warmUp }: typeof TIMED,
  cuda: boolean,
): Promise<PackTime> {
  const { identityBytes, identity, codec } = person;
  const frames = person.frames.filter(({ landmarks }) => landmarks).slice(0, count);
  const { geometry, senderMs } = await analyseFrames(pack, identityBytes, frames, codec, openOnCpu);
  const timed = (open: OpenSession) => timeDecoder(pack, identity, geometry, open, warmUp);
  const cpu = await timed(openOnCpu);
  const hasNetworks = Object.keys(pack.networks).length > 0;
  return { senderMs, cpu, ...(cuda && hasNetworks && { cuda: await timed(openCuda) }) };
}

/** Counts and times a pack whose networks nobody has trained. */
export const describeUntrained = async (
  candidate: Candidate,
  person: Person,
  cuda: boolean,
): Promise<PackReport> => ({
  ...(await describePack(candidate, person)),
  untrained: await timePack(candidate.pack, person, TIMED_UNTRAINED, cuda),
});

/** What a pack holds and takes, counted with a person's identity and one of their frames. */
export async function describePack({ name, pack }: Candidate, person: Person): Promise<PackReport> {
  const { identityBytes, identity, codec } = person;
  const frames = person.frames.filter(({ landmarks }) => landmarks).slice(0, 1);
  const { geometry, runs } = await analyseFrames(pack, identityBytes, frames, codec, openOnCpu);
  const { manifest } = pack;
  return {
    name,
    family: manifest.family,
    sha256: pack.identity.sha256,
    pixels: ownSize(pack) ?? STREAM_SIZE,
    trainingData: manifest.trainingData,
    cost: await packCost(pack, identity, geometry[0], runs, openOnCpu),
  };
}
