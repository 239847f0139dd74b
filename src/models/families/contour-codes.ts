import { drawContours68 } from '../../geometry/contours-68.js';
import type { Landmarks } from '../../geometry/landmarks.js';
import { createPicture, type Picture } from '../../geometry/picture.js';
import { resampleSquare, whole } from '../../geometry/resample.js';
import type { DecoderReference } from '../decoder.js';
import type { OpenSession, Tensor } from '../inference.js';
import { pause } from './portrait-references.js';

/** What an encoder says of a person, or of a reference, by name. */
export type Codes = Readonly<Record<string, Tensor>>;

/**
 * What an encoder (`pictures` and `contours`, 1 × 3 × size × size, 0–1 → codes by name) says of references: the
 * mean of each code over them. What it has said of a reference is remembered.
 */
export function createCodeMaker(open: OpenSession, encoder: Uint8Array, size: number) {
  const known = new WeakMap<Picture, Codes>();
  return async (references: readonly DecoderReference[]): Promise<Codes> => {
    const unknown = references.filter(({ picture }) => !known.has(picture));
    if (unknown.length > 0) {
      const session = await open(encoder);
      try {
        for (const { picture, landmarks } of unknown) {
          await pause();
          const pictures = planesOf(resampleSquare(picture, whole(picture), size));
          const inputs = {
            pictures: tensorOf(pictures, size),
            contours: contours(landmarks, size),
          };
          known.set(picture, await session.run(inputs));
        }
      } finally {
        await session.close();
      }
    }
    return mean(references.map(({ picture }) => known.get(picture)!));
  };
}

/** Contours of a frame's geometry as a network sees them. */
export function contours(geometry: Landmarks, size: number): Tensor {
  const planes = new Float32Array(3 * size * size);
  drawContours68(geometry, size, planes);
  return tensorOf(planes, size);
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

/** Planes of R, G and B, 0–1 with what is beyond cut off, as a picture. */
export function pictureOf({ data: planes }: Tensor, size: number): Picture {
  const picture = createPicture(size, size);
  const plane = size * size;
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) picture.data[4 * i + c] = 255 * planes[c * plane + i];
    picture.data[4 * i + 3] = 255;
  }
  return picture;
}

/** A square picture as planes of R, G and B, 0–1. */
export function planesOf({ width, data }: Picture): Float32Array {
  const plane = width * width;
  const planes = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++)
    for (let c = 0; c < 3; c++) planes[c * plane + i] = data[4 * i + c] / 255;
  return planes;
}

const tensorOf = (data: Float32Array, size: number): Tensor => ({ data, dims: [1, 3, size, size] });

function mean(codes: readonly Codes[]): Codes {
  return Object.fromEntries(
    Object.entries(codes[0]).map(([name, { data, dims }]) => {
      const sum = new Float32Array(data.length);
      for (const code of codes)
        for (let i = 0; i < sum.length; i++) sum[i] += code[name].data[i] / codes.length;
      return [name, { data: sum, dims }];
    }),
  );
}
