import type { DecoderReference } from '../models/decoder.js';
import type { Pack } from '../models/pack.js';
import type { PictureCodec } from '../models/picture-codec.js';
import { MAX_REFERENCE_SIDE } from '../protocol/limits.js';
import type { PicturePort } from './picture-port.js';
import type { ReferenceSet } from './reference-sets.js';
import { createShadowDecoder, type ShadowDecoder } from './shadow-decoder.js';

/** References that the receiver shows with together, and a shadow that shows with them. */
export interface ShownSet extends ReferenceSet {
  readonly shadow: ShadowDecoder;
  /** Those of `places`, in order. */
  readonly references: readonly DecoderReference[];
  /** The place whose picture is a coarse one. */
  readonly coarse: number | undefined;
}

/** What shows with the references that a port has now. Rejects where one cannot be read. */
export async function openShown(
  pack: Pack,
  codec: PictureCodec,
  port: PicturePort,
): Promise<ShownSet> {
  const shown = [...port.references];
  const references = await Promise.all(
    shown.map(async ([, { picture, landmarks }]) => ({
      picture: await codec.decode(picture, MAX_REFERENCE_SIDE),
      landmarks,
    })),
  );
  const shadow = await createShadowDecoder(pack, references);
  return { places: shown.map(([place]) => place), shadow, references, coarse: undefined };
}

/** Whether a port's references are those of before. */
export function areSame(
  before: PicturePort['references'],
  now: PicturePort['references'],
): boolean {
  const places = [...now.keys()];
  return before.size === now.size && places.every((place) => before.get(place) === now.get(place));
}
