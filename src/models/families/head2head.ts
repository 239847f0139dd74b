import type { AppearanceBasis } from '../../geometry/appearance.js';
import type { Landmarks } from '../../geometry/landmarks.js';
import { createNmfcRasteriser, NMFC_CHANNELS } from '../../geometry/nmfc.js';
import type { Picture } from '../../geometry/picture.js';
import type { DecoderOptions, FaceDecoder } from '../decoder.js';
import { between, type Codes, createCodeMaker } from './codes.js';
import { createGeneratedDecoder } from './generated-decoder.js';
import {
  backgroundOf,
  type MaskedReference,
  pictureBetween,
  placeBefore,
} from './head2head-background.js';
import { type FamilyNetworks, packSize } from './network-family.js';
import { pictureOf } from './picture-tensor.js';
import { pause } from './portrait-references.js';

/** NMFC images that a frame is made of: its own and the two before; and pictures, the two before. */
const FRAMES = 3;
const PAST = 2;
/** x, y, z and the eyes. */
const CHANNELS = NMFC_CHANNELS + 1;
/** What the network takes for black. */
const BLACK = -1;

/** A person as some references show them. */
interface Version {
  readonly codes: Codes;
  readonly background: Picture;
}

interface Stream {
  readonly size: number;
  /** What of their references is the person, by the reference's picture. */
  readonly masks: WeakMap<Picture, Picture>;
  /** NMFC images of the last frames and the pictures made of them, oldest first; none before the first. */
  nmfc: Float32Array | undefined;
  past: Float32Array;
}

/**
 * The `head2head` family (Head2HeadFS, Doukas et al. 2021), at the pack's own `size`:
 *
 * - `embedder`: `pictures` (1 × 3 × size × size, 0–1) → `style` (1 × M): what the embedding makes of each norm
 *   (equation 6); the person's is the mean over the references (equation 4, for the projections are linear);
 * - `generator`: `nmfc` (1 × 12 × size × size: three images of x, y, z and eyes, oldest first), `past` (1 × 6 ×
 *   size × size, −1 to 1: the two pictures made before) and `style` → `picture` (1 × 3 × size × size, −1 to 1, the
 *   person before black) and `mask` (1 × 1 × size × size, 0–1), equation 5.
 *
 * The NMFC images are drawn here, from the geometry of the ordinary motion stream. What was made of a frame is
 * what the next ones are made of: frames that were lost, skipped or held never come here, so after a gap of whatever
 * length the next one follows what was shown last. A new identity begins with black pictures, as the
 * training does; other references of the person fade in and leave the past as it is. One decoder serves one stream.
 *
 * The background that the option `keep` shows is made of what the references show beside the person, by the network's own masks
 * of them. Errors as those of `createGeneratedDecoder`; PackError where the pack says no size.
 */
export function createHead2HeadDecoder(
  { embedder, generator, open, size }: FamilyNetworks<'embedder' | 'generator'>,
  _appearance: AppearanceBasis | undefined,
  { background = 'keep' }: DecoderOptions,
): FaceDecoder {
  const side = packSize('head2head', size);
  const plane = side * side;
  const rasteriser = createNmfcRasteriser(side, true);
  const codesOf = createCodeMaker(open, embedder, side);

  function drawn(geometry: Landmarks): Float32Array {
    const image = new Float32Array(CHANNELS * plane);
    rasteriser.draw(geometry, image);
    return image;
  }

  const inputs = (nmfc: Float32Array, past: Float32Array, codes: Codes): Codes => ({
    nmfc: { data: nmfc, dims: [1, FRAMES * CHANNELS, side, side] },
    past: { data: past, dims: [1, PAST * 3, side, side] },
    ...codes,
  });

  return createGeneratedDecoder<Version, Stream>(
    { generator, open },
    {
      codesOf,
      begin: (shown) => ({
        size: shown,
        masks: new WeakMap(),
        nmfc: undefined,
        past: nothingBefore(plane),
      }),
      async versionOf(codes, references, { size: shown, masks }, run) {
        const masked: MaskedReference[] = [];
        for (const { picture, landmarks } of typeof background === 'string' ? references : []) {
          if (!masks.has(picture)) {
            await pause();
            const nmfc = repeated(drawn(landmarks));
            const { mask } = await run(inputs(nmfc, nothingBefore(plane), codes));
            masks.set(picture, pictureOf(mask.data, side, shown, toByte));
          }
          masked.push({ picture, mask: masks.get(picture)! });
        }
        return { codes, background: backgroundOf(masked, shown, background) };
      },
      between: (from, to, share) => ({
        codes: between(from.codes, to.codes, share),
        background: pictureBetween(from.background, to.background, share),
      }),
      async draw(geometry, version, stream, network) {
        const image = drawn(geometry);
        const nmfc = stream.nmfc ? followed(stream.nmfc, image) : repeated(image);
        const { picture, mask } = await network.run(inputs(nmfc, stream.past, version.codes));
        stream.nmfc = nmfc;
        stream.past = followed(stream.past, picture.data);
        const made = pictureOf(picture.data, side, stream.size, (value) => 127.5 * (value + 1));
        const person = pictureOf(mask.data, side, stream.size, toByte);
        return placeBefore(made, person, version.background);
      },
    },
  );
}

const toByte = (value: number): number => 255 * value;

const nothingBefore = (plane: number) => new Float32Array(PAST * 3 * plane).fill(BLACK);

/** The history of a frame that none came before. */
function repeated(image: Float32Array): Float32Array {
  const history = new Float32Array(FRAMES * image.length);
  for (let t = 0; t < FRAMES; t++) history.set(image, t * image.length);
  return history;
}

/** A history without its oldest image, the newest behind it. */
function followed(history: Float32Array, newest: Float32Array): Float32Array {
  const next = new Float32Array(history.length);
  next.set(history.subarray(newest.length));
  next.set(newest, history.length - newest.length);
  return next;
}
