import type { Landmarks } from '../../geometry/landmarks.js';
import type { Picture } from '../../geometry/picture.js';
import { smoothstep } from '../../geometry/smoothstep.js';
import { InvalidStateError } from '../../protocol/errors.js';
import { checkGeometry, checkIdentity } from '../check-options.js';
import type { DecoderReference, FaceDecoder } from '../decoder.js';
import type { InferenceSession, OpenSession } from '../inference.js';
import type { Codes } from './codes.js';
import { FADE_FRAMES } from './cross-fade.js';

/** Runs a generator, between two frames where some are decoded. */
export type RunGenerator = InferenceSession['run'];

/**
 * What is a family's own: `Version` is a person as some references show them, `State` what is kept of a person from frame
 * to frame, whatever the references.
 */
export interface GeneratorFamily<Version, State> {
  /** What an encoder says of references; the generator is not open yet. */
  codesOf(references: readonly DecoderReference[]): Promise<Codes>;
  /** What is kept of a new person, shown at `size` pixels across. */
  begin(size: number): State;
  versionOf(
    codes: Codes,
    references: readonly DecoderReference[],
    state: State,
    run: RunGenerator,
  ): Promise<Version>;
  /** What is `share` (0–1) of the way from one version to another. */
  between(from: Version, to: Version, share: number): Version;
  /** The next frame, with one run of the generator. */
  draw(
    geometry: Landmarks,
    version: Version,
    state: State,
    generator: InferenceSession,
  ): Promise<Picture>;
}

interface Person<Version, State> {
  readonly size: number;
  readonly graph: Uint8Array;
  readonly generator: InferenceSession;
  readonly state: State;
  /** What the frames fade from, to what, and for how many of them they have. */
  from: Version;
  to: Version;
  frames: number;
}

/**
 * A decoder whose every frame is a run of one generator, the pack's or the person's own (`networks.generator`). Runs follow
 * each other, and `close` waits for those that were asked for; other references of the person fade in over `FADE_FRAMES` frames as numbers between the two versions.
 * `decode` before `setIdentity` or after `close` rejects with an `InvalidStateError`, what is no identity or geometry with
 * a TypeError.
 */
export function createGeneratedDecoder<Version, State>(
  { generator: common, open }: { readonly generator: Uint8Array; readonly open: OpenSession },
  family: GeneratorFamily<Version, State>,
): FaceDecoder {
  const stats = { frames: 0, networkRuns: 0 };
  let person: Person<Version, State> | undefined;
  let closed = false;
  /** What a generator was asked for last. */
  let last: Promise<unknown> = Promise.resolve();

  const checkOpen = () => {
    if (closed) throw new InvalidStateError('the decoder is closed');
  };

  const known = () => {
    checkOpen();
    if (!person) throw new InvalidStateError('the decoder has no identity yet');
    return person;
  };

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  }

  async function versionOf(
    references: readonly DecoderReference[],
    codes: Codes,
    { generator, state }: Pick<Person<Version, State>, 'generator' | 'state'>,
  ): Promise<Version> {
    return family.versionOf(codes, references, state, (inputs) =>
      inTurn(async () => {
        checkOpen();
        return generator.run(inputs);
      }),
    );
  }

  return {
    stats,
    async setIdentity(identity) {
      checkOpen();
      const references = checkIdentity(identity);
      const { size, networks } = identity;
      const graph = networks?.generator ?? common;
      const before = person;
      const codes = await family.codesOf(references);
      const kept = before?.graph === graph ? before.generator : undefined;
      const generator = kept ?? (await open(graph));
      try {
        const shown = { size, graph, generator, state: family.begin(size) };
        const to = await versionOf(references, codes, shown);
        checkOpen();
        if (person !== before)
          throw new InvalidStateError('the decoder was given another identity meanwhile');
        person = { ...shown, from: to, to, frames: FADE_FRAMES };
      } catch (error) {
        if (!kept) await generator.close();
        throw error;
      }
      if (before && !kept) {
        await last;
        await before.generator.close();
      }
    },
    async changeReferences(references) {
      const before = known();
      checkIdentity({ size: before.size, references });
      const replaced = () => !closed && person !== before;
      const to = await family
        .codesOf(references)
        .then((codes) => versionOf(references, codes, before))
        .catch((error) => {
          if (!replaced()) throw error;
        });
      // Another person may have come meanwhile, and their generator be closed.
      if (!to || replaced()) return;
      before.from = shownOf(before, family);
      before.to = to;
      before.frames = 0;
    },
    async decode(geometry) {
      const shown = known();
      checkGeometry('geometry', geometry);
      const own = geometry.slice();
      return inTurn(async () => {
        shown.frames = Math.min(FADE_FRAMES, shown.frames + 1);
        const version = shownOf(shown, family);
        const picture = await family.draw(own, version, shown.state, shown.generator);
        stats.networkRuns++;
        stats.frames++;
        return picture;
      });
    },
    async close() {
      if (closed) return;
      closed = true;
      await last;
      await person?.generator.close();
      person = undefined;
    },
  };
}

/** What the next frame shows of a person. */
function shownOf<Version, State>(
  { from, to, frames }: Person<Version, State>,
  { between }: GeneratorFamily<Version, State>,
): Version {
  return frames >= FADE_FRAMES ? to : between(from, to, smoothstep(0, FADE_FRAMES, frames));
}
