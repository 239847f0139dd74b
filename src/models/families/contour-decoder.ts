import { resampleSquare, whole } from '../../geometry/resample.js';
import { smoothstep } from '../../geometry/smoothstep.js';
import { InvalidStateError } from '../../protocol/errors.js';
import { checkGeometry, checkIdentity } from '../check-options.js';
import type { FaceDecoder } from '../decoder.js';
import type { InferenceSession } from '../inference.js';
import { PackError } from '../pack.js';
import { between, type Codes, contours, createCodeMaker, pictureOf } from './contour-codes.js';
import { FADE_FRAMES } from './cross-fade.js';
import type { FamilyNetworks } from './network-family.js';

interface Person {
  /** Pixels across to show. */
  readonly size: number;
  readonly graph: Uint8Array;
  readonly session: InferenceSession;
  /** What the frames fade from, to what, and for how many of them they have. */
  from: Codes;
  codes: Codes;
  frames: number;
}

/**
 * A decoder whose picture comes from contours and a person's codes alone, at the pack's own `size`, resampled to
 * the size to show:
 *
 * - `encoder`: `pictures`, `contours` (1 × 3 × size × size, 0–1) → codes, whatever their names; the person's are
 *   the means over the references;
 * - `generator`: `contours` and these codes → `picture` (1 × 3 × size × size, 0–1).
 *
 * Other references of the person fade in as codes between the two. Each frame waits for its network. `decode` before
 * `setIdentity` or after `close` rejects with an `InvalidStateError`, what is no identity or geometry with a
 * TypeError; PackError where the pack says no size.
 */
export function createContourDecoder(
  family: string,
  { encoder, generator, open, size: side }: FamilyNetworks<'encoder' | 'generator'>,
): FaceDecoder {
  if (side === undefined)
    throw new PackError(`the pack's manifest has no "size", which the family ${family} needs`);
  const codesOf = createCodeMaker(open, encoder, side);
  const stats = { frames: 0, networkRuns: 0 };
  let person: Person | undefined;
  let closed = false;
  /** The frame that is under way. */
  let running: Promise<unknown> | undefined;

  const checkOpen = () => {
    if (closed) throw new InvalidStateError('the decoder is closed');
  };

  /** Runs the generator, one frame after the other. */
  function run({ session }: Person, inputs: Parameters<InferenceSession['run']>[0]) {
    const made = session.run(inputs);
    const done = () => {
      if (running === settled) running = undefined;
    };
    const settled = made.then(done, done);
    running = settled;
    return made;
  }

  return {
    stats,
    async setIdentity(identity) {
      checkOpen();
      const references = checkIdentity(identity);
      const { size, networks } = identity;
      const graph = networks?.generator ?? generator;
      const codes = await codesOf(references);
      const before = person;
      const kept = before?.graph === graph ? before.session : undefined;
      const session = kept ?? (await open(graph));
      if (closed || person !== before) {
        if (!kept) await session.close();
        checkOpen();
        throw new InvalidStateError('the decoder was given another identity meanwhile');
      }
      person = { size, graph, session, from: codes, codes, frames: FADE_FRAMES };
      if (before && !kept) {
        await running;
        await before.session.close();
      }
    },
    async changeReferences(references) {
      checkOpen();
      if (!person) throw new InvalidStateError('the decoder has no identity yet');
      const before = person;
      checkIdentity({ size: before.size, references });
      const codes = await codesOf(references);
      // Another person may have come meanwhile.
      if (person !== before) return;
      before.from = shown(before);
      before.codes = codes;
      before.frames = 0;
    },
    async decode(geometry) {
      checkOpen();
      if (!person) throw new InvalidStateError('the decoder has no identity yet');
      checkGeometry('geometry', geometry);
      const frame = contours(geometry, side);
      if (running) {
        await running;
        checkOpen();
      }
      const { size } = person;
      person.frames = Math.min(FADE_FRAMES, person.frames + 1);
      const { picture } = await run(person, { contours: frame, ...shown(person) });
      stats.networkRuns++;
      stats.frames++;
      const made = pictureOf(picture, side);
      return size === side ? made : resampleSquare(made, whole(made), size);
    },
    async close() {
      if (closed) return;
      closed = true;
      await running;
      await person?.session.close();
      person = undefined;
    },
  };
}

/** The codes of the next frame. */
const shown = ({ from, codes, frames }: Person): Codes =>
  frames >= FADE_FRAMES ? codes : between(from, codes, smoothstep(0, FADE_FRAMES, frames));
