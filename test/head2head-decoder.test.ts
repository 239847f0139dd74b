import { describe, expect, it } from 'vitest';
import { CANONICAL_FACE } from '../src/geometry/canonical-face.js';
import { createNmfcRasteriser } from '../src/geometry/nmfc.js';
import { createPicture, type Picture } from '../src/geometry/picture.js';
import type { DecoderOptions, DecoderReference } from '../src/models/decoder.js';
import { FADE_FRAMES } from '../src/models/families/cross-fade.js';
import { createFamilyDecoder } from '../src/models/families/index.js';
import type { InferenceSession, Tensor } from '../src/models/inference.js';
import { PackError } from '../src/models/pack.js';
import { InvalidStateError } from '../src/protocol/errors.js';
import { cartoonGeometry } from './support/cartoon-face.js';

const SIDE = 32;
const PLANE = SIDE * SIDE;
const EMBEDDER = Uint8Array.of(1);
const GENERATOR = Uint8Array.of(2);
const OWN_GENERATOR = Uint8Array.of(3);
/** Where the network's person stands: the middle, of its picture and of every other size. */
const inPerson = (i: number, side: number) => {
  const [x, y] = [(i % side) / side, Math.floor((i % (side * side)) / side) / side];
  return x >= 0.25 && x < 0.75 && y >= 0.25 && y < 0.75;
};

/** A picture whose left half has one grey, its right half another; the person in the middle is white. */
function pictureOf(left: number, right: number, size = 256): Picture {
  const picture = createPicture(size, size);
  for (let i = 0; i < size * size; i++) {
    const grey = inPerson(i, size) ? 255 : i % size < size / 2 ? left : right;
    picture.data.fill(grey, 4 * i, 4 * i + 3);
    picture.data[4 * i + 3] = 255;
  }
  return picture;
}

const reference = (left: number, right = left, size = 256): DecoderReference => ({
  picture: pictureOf(left, right, size),
  landmarks: CANONICAL_FACE,
});

interface Seen {
  readonly nmfc: Float32Array;
  readonly past: Float32Array;
  readonly style: number;
}

/**
 * A platform whose embedder gives a corner's grey (0–1) as the style, and whose generator shows the person in
 * the middle in that grey, half of it where the graph is a person's own.
 */
function platform(options: DecoderOptions = {}, size: number | undefined = SIDE) {
  const state = { opened: 0, closed: 0, embedded: 0, seen: [] as Seen[] };
  const open = async (graph: Uint8Array): Promise<InferenceSession> => {
    state.opened++;
    let isOpen = true;
    let running = 0;
    return {
      async run(inputs): Promise<Record<string, Tensor>> {
        expect([isOpen, running++]).toEqual([true, 0]);
        await new Promise((resolve) => setTimeout(resolve));
        expect(isOpen).toBe(true);
        running--;
        if (graph === EMBEDDER) {
          state.embedded++;
          expect(inputs.pictures.dims).toEqual([1, 3, SIDE, SIDE]);
          return { style: { data: inputs.pictures.data.slice(0, 1), dims: [1, 1] } };
        }
        const { nmfc, past, style } = inputs;
        expect(nmfc.dims).toEqual([1, 12, SIDE, SIDE]);
        expect(past.dims).toEqual([1, 6, SIDE, SIDE]);
        state.seen.push({ nmfc: nmfc.data, past: past.data, style: style.data[0] });
        const grey = style.data[0] * (graph === OWN_GENERATOR ? 0.5 : 1);
        const mask = Float32Array.from({ length: PLANE }, (_, i) => Number(inPerson(i, SIDE)));
        const picture = Float32Array.from({ length: 3 * PLANE }, (_, i) =>
          inPerson(i, SIDE) ? 2 * grey - 1 : -1,
        );
        return {
          picture: { data: picture, dims: [1, 3, SIDE, SIDE] },
          mask: { data: mask, dims: [1, 1, SIDE, SIDE] },
        };
      },
      async close() {
        if (isOpen) state.closed++;
        isOpen = false;
      },
    };
  };
  const networks = { embedder: EMBEDDER, generator: GENERATOR };
  const create = () => createFamilyDecoder('head2head', networks, open, undefined, options, size);
  return { state, create };
}

/** The reds at shares of a picture. */
const at = ({ width, data }: Picture, x: number, y: number) =>
  data[4 * (Math.floor(y * width) * width + Math.floor(x * width))];

describe('the head2head decoder', () => {
  it.each([256, 512])(
    'shows the person before what the references show beside them (%i)',
    async (size) => {
      const { state, create } = platform();
      const decoder = create();
      const references = [reference(40, 200, size), reference(60, 220, size)];
      await decoder.setIdentity({ size, references });
      const shown = await decoder.decode(cartoonGeometry());
      expect([shown.width, shown.height]).toEqual([size, size]);
      expect(shown.data.every((value, i) => i % 4 !== 3 || value === 255)).toBe(true);
      // Style 50 of 255, the mean; backgrounds 50 and 210.
      expect([at(shown, 0.5, 0.5), at(shown, 0.1, 0.5), at(shown, 0.9, 0.5)]).toEqual([
        50, 50, 210,
      ]);
      expect(decoder.stats).toEqual({ frames: 1, networkRuns: 1 });
      expect(state.embedded).toBe(2);
      await decoder.close();
      await decoder.close();
      expect(state.opened).toBe(state.closed);
    },
  );

  it.each(['one after the other', 'at once'])(
    'sees the NMFC images and its pictures of the two frames before (%s)',
    async (how) => {
      const { state, create } = platform();
      const decoder = create();
      await decoder.setIdentity({ size: 256, references: [reference(51)] });
      state.seen.length = 0;
      const faces = [0, 0.2, 0.4, 0.6].map((turn) => cartoonGeometry([0, turn, 0]));
      if (how === 'at once') await Promise.all(faces.map((face) => decoder.decode(face)));
      else for (const face of faces) await decoder.decode(face);
      const images = faces.map((face) => {
        const image = new Float32Array(4 * PLANE);
        createNmfcRasteriser(SIDE, true).draw(face, image);
        return image;
      });
      const histories = [
        [0, 0, 0],
        [0, 0, 1],
        [0, 1, 2],
        [1, 2, 3],
      ].map((frames) => frames.flatMap((frame) => [...images[frame]]));
      expect(state.seen.map(({ nmfc }) => [...nmfc])).toEqual(histories);
      const middle = (PLANE + SIDE) / 2;
      // Black before the first, then what was made.
      const pasts = state.seen.map(({ past }) => [past[middle], past[3 * PLANE + middle]]);
      const made = Math.fround(2 * Math.fround(51 / 255) - 1);
      expect(pasts).toEqual([
        [-1, -1],
        [-1, made],
        [made, made],
        [made, made],
      ]);
      await decoder.close();
    },
  );

  it('another identity begins from black; other references fade in and leave the past', async () => {
    const { state, create } = platform();
    const decoder = create();
    const first = reference(100);
    await decoder.setIdentity({ size: 256, references: [first] });
    const face = cartoonGeometry();
    for (let t = 0; t < 3; t++) await decoder.decode(face);
    const before = [state.embedded, state.seen.length];
    await decoder.changeReferences!([first, reference(200)]);
    // The networks are asked of the new one alone.
    expect([state.embedded, state.seen.length]).toEqual(before.map((count) => count + 1));
    state.seen.length = 0;
    const corners: number[] = [];
    for (let t = 0; t < FADE_FRAMES + 1; t++)
      corners.push(at(await decoder.decode(face), 0.1, 0.1));
    expect(state.seen[0].past.some((value) => value > -1)).toBe(true);
    expect(corners[0]).toBeGreaterThan(100);
    expect(corners[0]).toBeLessThan(115);
    expect(corners.at(-1)).toBe(150);
    const styles = state.seen.map(({ style }) => style);
    expect(styles).toEqual([...styles].sort((a, b) => a - b));
    await decoder.setIdentity({ size: 256, references: [reference(20)] });
    state.seen.length = 0;
    await decoder.decode(face);
    expect(state.seen[0].past.every((value) => value === -1)).toBe(true);
    expect(state.opened - state.closed).toBe(1);
    await decoder.close();
  });

  it('takes a person’s own generator, and closes the one before', async () => {
    const { state, create } = platform();
    const decoder = create();
    const references = [reference(100)];
    await decoder.setIdentity({ size: 256, references });
    await decoder.setIdentity({ size: 256, references, networks: { generator: OWN_GENERATOR } });
    expect(at(await decoder.decode(cartoonGeometry()), 0.5, 0.5)).toBe(50);
    expect(state.opened - state.closed).toBe(1);
    await decoder.close();
    expect(state.opened).toBe(state.closed);
  });

  it('blurs the background, or puts another in its place', async () => {
    const shown = async (background: NonNullable<DecoderOptions['background']>) => {
      const { create } = platform({ background });
      const decoder = create();
      await decoder.setIdentity({ size: 256, references: [reference(0, 200)] });
      const picture = await decoder.decode(cartoonGeometry());
      await decoder.close();
      return [0.02, 0.46, 0.54, 0.98].map((x) => at(picture, x, 0.1));
    };
    expect(await shown('keep')).toEqual([0, 0, 200, 200]);
    const [left, nearLeft, nearRight, right] = await shown('blur');
    expect([left, right]).toEqual([0, 200]);
    expect(nearLeft).toBeGreaterThan(5);
    expect(nearRight).toBeGreaterThan(nearLeft);
    expect(nearRight).toBeLessThan(195);
    const beach = createPicture(300, 100);
    beach.data.fill(77);
    expect(await shown(beach)).toEqual([77, 77, 77, 77]);
  });

  it('a bad background is a TypeError that names it', () => {
    const bad = (background: unknown) => () =>
      platform({ background: background as 'keep' }).create();
    expect(bad('green')).toThrow(
      new TypeError("background: must be 'keep', 'blur' or a picture, not green"),
    );
    expect(bad(null)).toThrow(TypeError);
    expect(bad({ width: 2, height: 2, data: new Uint8ClampedArray(3) })).toThrow(
      new TypeError('background: must be a picture: width × height × 4 bytes of data'),
    );
  });

  it('decodes while it prepares other references, and another person goes before them', async () => {
    const { state, create } = platform();
    const decoder = create();
    await decoder.setIdentity({ size: 256, references: [reference(100)] });
    const changing = decoder.changeReferences!([reference(200), reference(220)]);
    await decoder.decode(cartoonGeometry());
    const networks = { generator: OWN_GENERATOR };
    await decoder.setIdentity({ size: 256, references: [reference(10)], networks });
    await changing;
    expect(at(await decoder.decode(cartoonGeometry()), 0.1, 0.1)).toBe(10);
    await decoder.close();
    expect(state.opened).toBe(state.closed);
  });

  it('says what it lacks, and knows nobody after it is closed', async () => {
    const { state, create } = platform();
    const decoder = create();
    const face = cartoonGeometry();
    await expect(decoder.decode(face)).rejects.toThrow(InvalidStateError);
    await expect(decoder.setIdentity({ size: 256, references: [] })).rejects.toThrow(
      'identity.references: must be one at least',
    );
    const setting = decoder.setIdentity({ size: 256, references: [reference(1)] });
    await decoder.close();
    await expect(setting).rejects.toThrow(InvalidStateError);
    await expect(decoder.decode(face)).rejects.toThrow(InvalidStateError);
    expect(state.opened).toBe(state.closed);
    const networks = { embedder: EMBEDDER, generator: GENERATOR };
    const open = async () => expect.unreachable('nothing is opened');
    expect(() => createFamilyDecoder('head2head', networks, open)).toThrow(PackError);
    expect(() => createFamilyDecoder('head2head', { embedder: EMBEDDER }, open)).toThrow(
      'no network "generator", which the family head2head needs',
    );
  });
});
