import type { Landmarks } from '../../geometry/landmarks.js';
import { type MotionVector, vectorOf } from '../../geometry/motion-vector.js';
import { createPicture, type Picture } from '../../geometry/picture.js';
import { resampleSquare, whole } from '../../geometry/resample.js';
import { InvalidStateError } from '../../protocol/errors.js';
import { checkGeometry, checkIdentity } from '../check-options.js';
import type { DecoderIdentity, DecoderOptions, DecoderReference, FaceDecoder } from '../decoder.js';
import type { InferenceSession, Tensor } from '../inference.js';
import { createCrossFade } from './cross-fade.js';
import { type FsrtMotion, type FsrtMotionFinder, openFsrtMotion } from './fsrt-motion.js';
import { RelativeMotion } from './fsrt-relative.js';
import { createTiles, type FsrtMemory, type Tile } from './fsrt-tiles.js';
import type { FamilyNetworks } from './network-family.js';
import { pictureTensor } from './picture-tensor.js';

/** Roles of the family's networks (`training/fsrt/graphs.py`). */
export const FSRT_ROLES = ['keypoints', 'expression', 'enrolment', 'query', 'decoder'] as const;
export type FsrtNetworks = FamilyNetworks<(typeof FSRT_ROLES)[number]>;

/**
 * The encoder's self-attention takes the square of this in numbers and more: 200 MB with the paper's 12 heads. Small packs may
 * have patches of fewer pixels, and up to twice as many tokens.
 */
const MAX_TOKENS = 2048;
const MAX_SOURCES = 4;
/** Of a side of the picture, what a token stands for in the paper. */
const PATCH = 8;
/** Bytes that the intermediate results of a part of the picture may take. */
const DEFAULT_BUDGET = 64 * 1024 * 1024;

/** What is known of a person. */
interface Person {
  readonly size: number;
  /** What the first source looks like. */
  readonly own: FsrtMotion;
  readonly memory: FsrtMemory;
  readonly tiles: readonly Tile[];
  readonly relative: RelativeMotion | undefined;
}

/**
 * FSRT (Rochow et al. 2024): sources are encoded once, to the keys and values of the decoder's two cross-attentions;
 * each pixel of a frame is asked for by its place, the frame's keypoints and expression. At most 2048 tokens of
 * sources: the first references, 1 to 4. Shown in the networks' own resolution, enlarged where the stream's is higher.
 */
export function createFsrtDecoder(
  networks: FsrtNetworks,
  vector: MotionVector,
  options: DecoderOptions = {},
): FaceDecoder {
  const { memoryBudget = DEFAULT_BUDGET, relativeMotion = false } = options;
  const { side, poseValues, rest } = vector;
  const fade = createCrossFade<Person>();
  const stats = { frames: 0, networkRuns: 0 };
  let opened: Promise<Sessions> | undefined;
  /** The preparation before the next one: their networks' runs must not overlap. */
  let prepared: Promise<unknown> = Promise.resolve();
  /** The frame that is being drawn. */
  let drawing: Promise<unknown> = Promise.resolve();
  let size = 0;
  let closed = false;

  const prepare = (references: readonly DecoderReference[]): Promise<Person> => {
    opened ??= openSessions(networks, side);
    const sessions = opened;
    const person = prepared.then(async () => enrol(await sessions, references));
    prepared = person.catch(() => undefined);
    return person;
  };

  const enrol = async (
    { finder, enrolment }: Sessions,
    references: readonly DecoderReference[],
  ): Promise<Person> => {
    const tokens = (side / PATCH) ** 2;
    const count = Math.min(MAX_SOURCES, Math.max(1, Math.floor(MAX_TOKENS / tokens)));
    const sources = references
      .slice(0, count)
      .map(({ picture }) => resampleSquare(picture, whole(picture), side));
    const motions: FsrtMotion[] = [];
    for (const source of sources) motions.push(await finder.find(source, whole(source)));
    const memory = (await enrolment.run({
      pictures: pictureTensor(sources),
      keypoints: stacked(
        motions.map(({ keypoints }) => keypoints),
        [poseValues / 2, 2],
      ),
      expression: stacked(
        motions.map(({ expression }) => expression),
        [rest.length - poseValues],
      ),
    })) as FsrtMemory;
    const [own] = motions;
    return {
      size: references[0].picture.width,
      own,
      memory,
      tiles: createTiles(side, memory, memoryBudget),
      relative: relativeMotion ? new RelativeMotion(own.keypoints) : undefined,
    };
  };

  const draw = async (person: Person, geometry: Landmarks): Promise<Picture> => {
    const { query, decoder } = await opened!;
    const { keypoints, expression } = motionOf(person, geometry);
    const { constant } = await query.run({
      keypoints: stacked([keypoints], [poseValues / 2, 2]),
      expression: stacked([expression], [expression.length]),
    });
    const picture = createPicture(side, side);
    let at = 0;
    for (const pixels of person.tiles) {
      const { colours } = await decoder.run({ pixels, constant, ...person.memory });
      at = paint(picture, at, colours.data);
    }
    stats.networkRuns++;
    return side === person.size ? picture : resampleSquare(picture, whole(picture), person.size);
  };

  /** What a frame's geometry says; without a vector, what the first source looks like. */
  const motionOf = ({ own, relative }: Person, geometry: Landmarks): FsrtMotion => {
    const values = vectorOf(geometry, rest.length);
    if (!values) return own;
    const driving = values.slice(0, poseValues);
    return {
      keypoints: relative ? relative.follow(driving) : driving,
      expression: values.slice(poseValues),
    };
  };

  return {
    get stats() {
      return { ...stats };
    },
    async setIdentity(identity: DecoderIdentity): Promise<void> {
      if (closed) throw new InvalidStateError('the decoder is closed');
      const references = checkIdentity(identity);
      size = identity.size;
      fade.jumpTo(await prepare(references));
    },
    async changeReferences(references: readonly DecoderReference[]): Promise<void> {
      const before = fade.newest;
      if (closed || !before) throw new InvalidStateError('the decoder has no identity yet');
      const person = await prepare(checkIdentity({ size, references }));
      // Another person may have come meanwhile.
      if (fade.newest === before) fade.fadeTo(person);
    },
    async decode(geometry: Landmarks): Promise<Picture> {
      if (closed) throw new InvalidStateError('the decoder is closed');
      if (!fade.newest) throw new InvalidStateError('the decoder has no identity yet');
      checkGeometry('geometry', geometry);
      stats.frames++;
      const picture = fade.picture((person) => draw(person, geometry));
      drawing = picture.catch(() => undefined);
      return picture;
    },
    async close(): Promise<void> {
      if (closed) return;
      closed = true;
      fade.clear();
      await Promise.all([prepared, drawing]);
      const sessions = await opened?.catch(() => undefined);
      await sessions?.close();
    },
  };
}

interface Sessions {
  readonly finder: FsrtMotionFinder;
  readonly enrolment: InferenceSession;
  readonly query: InferenceSession;
  readonly decoder: InferenceSession;
  close(): Promise<void>;
}

async function openSessions(networks: FsrtNetworks, side: number): Promise<Sessions> {
  const done: { close(): Promise<void> }[] = [];
  const kept = async <T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> => {
    const session = await opening;
    done.push(session);
    return session;
  };
  const close = async () => {
    await Promise.all(done.map((session) => session.close()));
  };
  try {
    return {
      finder: await kept(openFsrtMotion(networks, side)),
      enrolment: await kept(networks.open(networks.enrolment)),
      query: await kept(networks.open(networks.query)),
      decoder: await kept(networks.open(networks.decoder)),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Rows of one length as a tensor of rows × `dims`. */
function stacked(rows: readonly Float32Array[], dims: readonly number[]): Tensor {
  const data = new Float32Array(rows.length * rows[0].length);
  rows.forEach((row, k) => {
    data.set(row, k * row.length);
  });
  return { data, dims: [rows.length, ...dims] };
}

/** Writes colours (R, G, B, 0–1) from pixel `at` on; gives the pixel after the last. */
function paint({ data }: Picture, at: number, colours: Float32Array): number {
  const count = colours.length / 3;
  for (let i = 0; i < count; i++) {
    const to = 4 * (at + i);
    for (let c = 0; c < 3; c++) data[to + c] = Math.round(255 * colours[3 * i + c]);
    data[to + 3] = 255;
  }
  return at + count;
}
