import type { Picture } from '../../geometry/picture.js';
import { resampleSquare, whole } from '../../geometry/resample.js';
import type { DecoderReference } from '../decoder.js';
import type { OpenSession, Tensor } from '../inference.js';
import { pictureTensor } from './picture-tensor.js';
import { pause } from './portrait-references.js';

/** Tensors by name: what an encoder says of a person or a reference, and what networks are given. */
export type Codes = Readonly<Record<string, Tensor>>;

/**
 * What an encoder says of references: the mean of each code over them. It is given `pictures` (1 × 3 × size × size, 0–1), and
 * what `beside` says of a reference. What it has said of a reference's picture is remembered.
 */
export function createCodeMaker(
  open: OpenSession,
  encoder: Uint8Array,
  size: number,
  beside: (reference: DecoderReference) => Codes = () => ({}),
) {
  const known = new WeakMap<Picture, Codes>();
  return async (references: readonly DecoderReference[]): Promise<Codes> => {
    const unknown = references.filter(({ picture }) => !known.has(picture));
    if (unknown.length > 0) {
      const session = await open(encoder);
      try {
        for (const reference of unknown) {
          const { picture } = reference;
          await pause();
          const pictures = pictureTensor([resampleSquare(picture, whole(picture), size)]);
          known.set(picture, await session.run({ pictures, ...beside(reference) }));
        }
      } finally {
        await session.close();
      }
    }
    return mean(references.map(({ picture }) => known.get(picture)!));
  };
}

/** What is `share` (0–1) of the way from some codes to others of the same names and lengths. */
export function between(from: Codes, to: Codes, share: number): Codes {
  return Object.fromEntries(
    Object.entries(to).map(([name, { data, dims }]) => {
      const before = from[name].data;
      return [
        name,
        { data: data.map((value, i) => before[i] + share * (value - before[i])), dims },
      ];
    }),
  );
}

function mean(codes: readonly Codes[]): Codes {
  return Object.fromEntries(
    Object.entries(codes[0]).map(([name, { data, dims }]) => [
      name,
      {
        data: data.map(
          (_, i) => codes.reduce((sum, code) => sum + code[name].data[i], 0) / codes.length,
        ),
        dims,
      },
    ]),
  );
}
