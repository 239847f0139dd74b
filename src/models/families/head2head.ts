import type { AppearanceBasis } from '../../geometry/appearance.js';
import type { Landmarks } from '../../geometry/landmarks.js';
import { createNmfcRasteriser, NMFC_CHANNELS } from '../../geometry/nmfc.js';
import type { Picture } from '../../geometry/picture.js';
import { resampleSquare, whole } from '../../geometry/resample.js';
import { smoothstep } from '../../geometry/smoothstep.js';
import { InvalidStateError } from '../../protocol/errors.js';
import { checkGeometry, checkIdentity } from '../check-options.js';
import type { DecoderOptions, DecoderReference, FaceDecoder } from '../decoder.js';
import type { InferenceSession, Tensor } from '../inference.js';
import { PackError } from '../pack.js';
import { between, planesOf } from './contour-codes.js';
import { FADE_FRAMES } from './cross-fade.js';
import {
  backgroundOf,
  enlarged,
  type MaskedReference,
  pictureBetween,
  placeBefore,
} from './head2head-background.js';
import type { FamilyNetworks } from './network-family.js';
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
  readonly style: Tensor;
  readonly background: Picture;
}

interface Person {
  readonly size: number;
  readonly graph: Uint8Array;
  readonly session: InferenceSession;
  /** What the frames fade from, to what, and for how many of them they have. */
  from: Version;
  to: Version;
  fading: number;
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
 * of them. Each frame waits for its network. `decode` before `setIdentity` or after `close` rejects with an
 * `InvalidStateError`, what is no identity or geometry with a TypeError; PackError where the pack says no size.
 */
export function createHead2HeadDecoder(
  { embedder, generator, open, size: side }: FamilyNetworks<'embedder' | 'generator'>,
  _appearance: AppearanceBasis | undefined,
  { background = 'keep' }: DecoderOptions,
): FaceDecoder {
  if (side === undefined)
    throw new PackError('the pack\'s manifest has no "size", which the family head2head needs');
  const plane = side * side;
  const rasteriser = createNmfcRasteriser(side, true);
  const known = new WeakMap<Picture, Tensor>();
  const stats = { frames: 0, networkRuns: 0 };
  let person: Person | undefined;
  let closed = false;
  /** The generator's last run: one follows the other. */
  let last: Promise<unknown> = Promise.resolve();

  const checkOpen = () => {
    if (closed) throw new InvalidStateError('the decoder is closed');
  };

  function drawn(geometry: Landmarks): Float32Array {
    const image = new Float32Array(CHANNELS * plane);
    rasteriser.draw(geometry, image);
    return image;
  }

  function run(
    session: InferenceSession,
    nmfc: Float32Array,
    past: Float32Array,
    style: Tensor,
  ): Promise<Record<string, Tensor>> {
    const made = last.then(() => {
      checkOpen();
      return session.run({
        nmfc: { data: nmfc, dims: [1, FRAMES * CHANNELS, side!, side!] },
        past: { data: past, dims: [1, PAST * 3, side!, side!] },
        style,
      });
    });
    last = made.catch(() => undefined);
    return made;
  }

  async function styleOf(references: readonly DecoderReference[]): Promise<Tensor> {
    const unknown = references.filter(({ picture }) => !known.has(picture));
    if (unknown.length > 0) {
      const session = await open(embedder);
      try {
        for (const { picture } of unknown) {
          await pause();
          const data = planesOf(resampleSquare(picture, whole(picture), side!));
          const said = await session.run({ pictures: { data, dims: [1, 3, side!, side!] } });
          known.set(picture, said.style);
        }
      } finally {
        await session.close();
      }
    }
    return mean(references.map(({ picture }) => known.get(picture)!));
  }

  /** What a session makes of the person with these references; `masks` gets those that are not there. */
  async function versionOf(
    { session, size, masks }: Pick<Person, 'session' | 'size' | 'masks'>,
    references: readonly DecoderReference[],
  ): Promise<Version> {
    const style = await styleOf(references);
    const masked: MaskedReference[] = [];
    for (const { picture, landmarks } of typeof background === 'string' ? references : []) {
      if (!masks.has(picture)) {
        await pause();
        const nmfc = repeated(drawn(landmarks));
        const { mask } = await run(session, nmfc, nothingBefore(plane), style);
        masks.set(picture, enlarged(mask.data, side!, size, toByte));
      }
      masked.push({ picture, mask: masks.get(picture)! });
    }
    return { style, background: backgroundOf(masked, size, background) };
  }

  return {
    stats,
    async setIdentity(identity) {
      checkOpen();
      const references = checkIdentity(identity);
      const { size, networks } = identity;
      const graph = networks?.generator ?? generator;
      const before = person;
      const kept = before?.graph === graph ? before.session : undefined;
      const session = kept ?? (await open(graph));
      try {
        const shown = { session, size, masks: new WeakMap() };
        const to = await versionOf(shown, references);
        checkOpen();
        if (person !== before)
          throw new InvalidStateError('the decoder was given another identity meanwhile');
        const start = { from: to, to, fading: FADE_FRAMES };
        person = { ...shown, graph, ...start, nmfc: undefined, past: nothingBefore(plane) };
      } catch (error) {
        if (!kept) await session.close();
        throw error;
      }
      if (before && !kept) {
        await last;
        await before.session.close();
      }
    },
    async changeReferences(references) {
      checkOpen();
      if (!person) throw new InvalidStateError('the decoder has no identity yet');
      const before = person;
      checkIdentity({ size: before.size, references });
      const replaced = () => !closed && person !== before;
      const to = await versionOf(before, references).catch((error) => {
        if (!replaced()) throw error;
      });
      // Another person may have come meanwhile, and their session be closed.
      if (!to || replaced()) return;
      before.from = shownOf(before);
      before.to = to;
      before.fading = 0;
    },
    async decode(geometry) {
      checkOpen();
      if (!person) throw new InvalidStateError('the decoder has no identity yet');
      checkGeometry('geometry', geometry);
      const shown = person;
      const { size, session } = shown;
      const image = drawn(geometry);
      const nmfc = shown.nmfc ? followed(shown.nmfc, image) : repeated(image);
      shown.fading = Math.min(FADE_FRAMES, shown.fading + 1);
      const version = shownOf(shown);
      const { picture, mask } = await run(session, nmfc, shown.past, version.style);
      shown.nmfc = nmfc;
      shown.past = followed(shown.past, picture.data);
      stats.networkRuns++;
      stats.frames++;
      const made = enlarged(picture.data, side, size, (value) => 127.5 * (value + 1));
      return placeBefore(made, enlarged(mask.data, side, size, toByte), version.background);
    },
    async close() {
      if (closed) return;
      closed = true;
      await last;
      await person?.session.close();
      person = undefined;
    },
  };
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

/** What the next frame shows of the person. */
function shownOf({ from, to, fading }: Person): Version {
  if (fading >= FADE_FRAMES) return to;
  const share = smoothstep(0, FADE_FRAMES, fading);
  return {
    style: between({ style: from.style }, { style: to.style }, share).style,
    background: pictureBetween(from.background, to.background, share),
  };
}

function mean(styles: readonly Tensor[]): Tensor {
  const { dims } = styles[0];
  const data = styles[0].data.map(
    (_, i) => styles.reduce((sum, style) => sum + style.data[i], 0) / styles.length,
  );
  return { data, dims };
}
