import { resampleSquare, whole } from '../../geometry/resample.js';
import { withSurround } from '../../geometry/surround.js';
import type { DecoderReference } from '../decoder.js';
import { NETWORK_SIZE } from './portrait-inputs.js';
import { createSurroundFit } from './surround-fit.js';

/** Lets frames be decoded between two steps of a preparation. */
export const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

interface Prepared {
  /** At the networks' size. */
  readonly small: DecoderReference;
  /** Beside which reference its surround was found, and how it lies. */
  beside?: DecoderReference;
  landmarks: DecoderReference['landmarks'];
}

/** References at the networks' size, each but the first with surround points: how it lies beside the first. */
export type PrepareReferences = (
  references: readonly DecoderReference[],
) => Promise<readonly DecoderReference[]>;

/**
 * Does what `alignReferences` does, step by step with pauses, and does not do again what is known of a
 * reference: when one of several changes, the others cost nothing.
 */
export function createReferencePreparation(): PrepareReferences {
  const known = new WeakMap<DecoderReference, Prepared>();

  async function prepared(reference: DecoderReference): Promise<Prepared> {
    const { picture, landmarks } = reference;
    let found = known.get(reference);
    if (!found) {
      const square = resampleSquare(picture, whole(picture), NETWORK_SIZE);
      found = { small: { picture: square, landmarks }, landmarks };
      known.set(reference, found);
      await pause();
    }
    return found;
  }

  return async (references) => {
    const [first, ...others] = references;
    const { small } = await prepared(first);
    const fit = createSurroundFit([small]);
    const aligned = [small];
    for (const reference of others) {
      const own = await prepared(reference);
      if (own.beside !== first) {
        const { picture, landmarks } = own.small;
        own.landmarks = withSurround(landmarks, fit.fit(picture, whole(picture), landmarks));
        own.beside = first;
        await pause();
      }
      aligned.push({ picture: own.small.picture, landmarks: own.landmarks });
    }
    return aligned;
  };
}
