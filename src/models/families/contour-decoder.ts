import { drawContours68 } from '../../geometry/contours-68.js';
import type { Landmarks } from '../../geometry/landmarks.js';
import type { FaceDecoder } from '../decoder.js';
import type { Tensor } from '../inference.js';
import { between, type Codes, createCodeMaker } from './codes.js';
import { createGeneratedDecoder } from './generated-decoder.js';
import { type FamilyNetworks, packSize } from './network-family.js';
import { pictureOf } from './picture-tensor.js';

/**
 * A decoder whose picture comes from contours and a person's codes alone, at the pack's own `size`, resampled to
 * the size to show:
 *
 * - `encoder`: `pictures`, `contours` (1 × 3 × size × size, 0–1) → codes, whatever their names; the person's are
 *   the means over the references;
 * - `generator`: `contours` and these codes → `picture` (1 × 3 × size × size, 0–1).
 *
 * Errors as those of `createGeneratedDecoder`; PackError where the pack says no size.
 */
export function createContourDecoder(
  family: string,
  { encoder, generator, open, size }: FamilyNetworks<'encoder' | 'generator'>,
): FaceDecoder {
  const side = packSize(family, size);
  const codesOf = createCodeMaker(open, encoder, side, ({ landmarks }) => ({
    contours: contours(landmarks, side),
  }));
  return createGeneratedDecoder<Codes, number>(
    { generator, open },
    {
      codesOf,
      begin: (shown) => shown,
      versionOf: async (codes) => codes,
      between,
      async draw(geometry, codes, shown, network) {
        const { picture } = await network.run({ contours: contours(geometry, side), ...codes });
        return pictureOf(picture.data, side, shown, (value) => 255 * value);
      },
    },
  );
}

/** Contours of a frame's geometry as a network sees them. */
function contours(geometry: Landmarks, size: number): Tensor {
  const planes = new Float32Array(3 * size * size);
  drawContours68(geometry, size, planes);
  return { data: planes, dims: [1, 3, size, size] };
}
