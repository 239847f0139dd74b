import { describe, expect, it } from 'vitest';
import { CANONICAL_FACE } from '../src/geometry/canonical-face.js';
import { drawContours68 } from '../src/geometry/contours-68.js';
import { createPicture } from '../src/geometry/picture.js';
import type { DecoderReference } from '../src/models/decoder.js';
import { FADE_FRAMES } from '../src/models/families/cross-fade.js';
import { createFamilyDecoder } from '../src/models/families/index.js';
import type { InferenceSession, Tensor } from '../src/models/inference.js';
import { PackError } from '../src/models/pack.js';
import { InvalidStateError } from '../src/protocol/errors.js';
import { cartoonGeometry } from './support/cartoon-face.js';

const SIDE = 64;
const PLANE = SIDE * SIDE;
const ENCODER = Uint8Array.of(1);
const GENERATOR = Uint8Array.of(2);
const OWN_GENERATOR = Uint8Array.of(3);

/** A reference in one grey. */
function reference(grey: number, size = 256): DecoderReference {
  const picture = createPicture(size, size);
  picture.data.fill(grey);
  return { picture, landmarks: CANONICAL_FACE };
}

/**
 * A platform whose encoder gives a reference's grey as its code and whose generator paints the code over all three
 * channels where there is no contour, a person's own half as bright; it counts what is open.
 */
function platform(size: number | undefined = SIDE) {
  const state = { opened: 0, closed: 0, encoded: 0, contours: new Float32Array() };
  const open = async (graph: Uint8Array): Promise<InferenceSession> => {
    state.opened++;
    let isOpen = true;
    return {
      async run(inputs): Promise<Record<string, Tensor>> {
        expect(isOpen).toBe(true);
        expect(inputs.contours.dims).toEqual([1, 3, SIDE, SIDE]);
        await new Promise((resolve) => setTimeout(resolve));
        expect(isOpen).toBe(true);
        if (graph === ENCODER) {
          state.encoded++;
          expect(inputs.pictures.dims).toEqual([1, 3, SIDE, SIDE]);
          return { adaptive: { data: inputs.pictures.data.slice(0, 2), dims: [1, 2] } };
        }
        state.contours = inputs.contours.data.slice();
        const [code] = inputs.adaptive.data;
        const share = graph === OWN_GENERATOR ? 0.5 : 1;
        const data = inputs.contours.data.map((line) => (line > 0 ? 0 : share * code));
        return { picture: { data, dims: [1, 3, SIDE, SIDE] } };
      },
      async close() {
        if (isOpen) state.closed++;
        isOpen = false;
      },
    };
  };
  const networks = { encoder: ENCODER, generator: GENERATOR };
  const create = () => createFamilyDecoder('fsth', networks, open, undefined, {}, size);
  return { state, create };
}

const face = cartoonGeometry([0, 0.2, 0], 4);
/** What is shown in the corner, where no contour is. */
const grey = async (decoder: ReturnType<typeof createFamilyDecoder>) =>
  (await decoder.decode(face)).data[0];

describe('a decoder of contours and codes', () => {
  it.each([256, 512])(
    'shows what its networks make of contours and the references’ mean (%i)',
    async (size) => {
      const { state, create } = platform();
      const decoder = create();
      await decoder.setIdentity({ size, references: [reference(50, size), reference(150, size)] });
      const { width, height, data } = await decoder.decode(face);
      expect([width, height]).toEqual([size, size]);
      expect([...data.subarray(0, 4)]).toEqual([100, 100, 100, 255]);
      const wanted = new Float32Array(3 * PLANE);
      drawContours68(face, SIDE, wanted);
      expect(state.contours).toEqual(wanted);
      expect(state.encoded).toBe(2);
      expect(decoder.stats).toEqual({ frames: 1, networkRuns: 1 });
      await decoder.close();
      await decoder.close();
      expect(state.opened).toBe(state.closed);
    },
  );

  it('fades to other references, and asks the encoder of new ones alone', async () => {
    const { state, create } = platform();
    const decoder = create();
    const [first, second] = [reference(40), reference(60)];
    await decoder.setIdentity({ size: 256, references: [first, second] });
    expect(await grey(decoder)).toBe(50);
    await decoder.changeReferences!([reference(240), second]);
    expect(state.encoded).toBe(3);
    const shown: number[] = [];
    for (let n = 0; n < FADE_FRAMES + 2; n++) shown.push(await grey(decoder));
    const steps = shown.map((value, n) => value - (shown[n - 1] ?? 50));
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...steps)).toBeLessThan(0.25 * 100);
    expect(shown.slice(FADE_FRAMES - 1)).toEqual([150, 150, 150]);
    await decoder.close();
    expect(state.opened).toBe(state.closed);
  });

  it('takes another person and their own network, also while a frame is under way', async () => {
    const { state, create } = platform();
    const decoder = create();
    await decoder.setIdentity({ size: 256, references: [reference(80)] });
    const under = grey(decoder);
    const networks = { generator: OWN_GENERATOR };
    await decoder.setIdentity({ size: 256, references: [reference(40)], networks });
    expect([await under, await grey(decoder)]).toEqual([80, 20]);
    await decoder.setIdentity({ size: 256, references: [reference(40)] });
    expect(await grey(decoder)).toBe(40);
    const closing = grey(decoder);
    await decoder.close();
    expect(await closing).toBe(40);
    expect(state.opened).toBe(state.closed);
  });

  it('another person goes before references that are still looked at', async () => {
    const { state, create } = platform();
    const decoder = create();
    await decoder.setIdentity({ size: 256, references: [reference(80)] });
    const changing = decoder.changeReferences!([reference(200)]);
    await decoder.setIdentity({ size: 256, references: [reference(30)] });
    await changing;
    expect(await grey(decoder)).toBe(30);
    await decoder.close();
    expect(state.opened).toBe(state.closed);
  });

  it('knows nobody before it is told, and nothing after it is closed', async () => {
    const { state, create } = platform();
    const decoder = create();
    await expect(decoder.decode(face)).rejects.toThrow(InvalidStateError);
    await expect(decoder.changeReferences!([reference(1)])).rejects.toThrow(InvalidStateError);
    await expect(decoder.setIdentity({ size: 256, references: [] })).rejects.toThrow(
      'identity.references: must be one at least',
    );
    await decoder.setIdentity({ size: 256, references: [reference(80)] });
    await expect(decoder.decode(new Float32Array(3))).rejects.toThrow(TypeError);
    const late = decoder.setIdentity({ size: 256, references: [reference(90)] });
    const closed = decoder.close();
    await expect(late).rejects.toThrow(InvalidStateError);
    await closed;
    await expect(decoder.decode(face)).rejects.toThrow(InvalidStateError);
    expect(state.opened).toBe(state.closed);
  });

  it('a pack without a size is a PackError that says so', () => {
    const open = async () => expect.unreachable('nothing is opened');
    const networks = { encoder: ENCODER, generator: GENERATOR };
    const create = () => createFamilyDecoder('fsth', networks, open);
    expect(create).toThrow(PackError);
    expect(create).toThrow('has no "size", which the family fsth needs');
  });
});
