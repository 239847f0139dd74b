import { expect, it } from 'vitest';
import { CANONICAL_FACE } from '../src/geometry/canonical-face.js';
import { createPortraitDecoder } from '../src/models/families/portrait.js';
import { GRID_SIZE } from '../src/models/families/portrait-compose.js';
import { NETWORK_SIZE } from '../src/models/families/portrait-inputs.js';
import type { InferenceSession, Tensor } from '../src/models/inference.js';
import { syntheticPicture } from './synthetic-face.js';

const ENCODER = Uint8Array.of(1);
const GENERATOR = Uint8Array.of(2);
/** What a network on a thread of its own takes, in milliseconds of the test's clock. */
const SLOW_MS = 80;

/** A platform whose generator paints `colour` over everything, and answers when it is told to. */
function platform() {
  const clock = { ms: 0 };
  const asked: { colour: number; answer(): void; fail(): void }[] = [];
  const state = { colour: 0, answersAtOnce: true };
  const open = async (graph: Uint8Array): Promise<InferenceSession> => ({
    async run(inputs): Promise<Record<string, Tensor>> {
      const tensor = (data: Float32Array): Tensor => ({ data, dims: [] });
      if (graph === ENCODER) {
        return { layout: tensor(new Float32Array(1)), style: tensor(new Float32Array(1)) };
      }
      const before = inputs.warped.data.slice();
      const { colour } = state;
      if (!state.answersAtOnce) {
        await new Promise<void>((resolve, reject) => {
          asked.push({ colour, answer: resolve, fail: () => reject(new Error('no memory')) });
        });
      }
      clock.ms += SLOW_MS;
      // What it was given has not changed meanwhile (`InferenceSession.run`).
      expect(inputs.warped.data).toEqual(before);
      const grid = GRID_SIZE * GRID_SIZE;
      const paint = new Float32Array(4 * NETWORK_SIZE * NETWORK_SIZE).fill(1);
      paint.fill(colour, 0, 3 * NETWORK_SIZE * NETWORK_SIZE);
      return {
        flow: tensor(new Float32Array(2 * grid)),
        hold: tensor(new Float32Array(grid)),
        blend: tensor(new Float32Array(grid).fill(1)),
        paint: tensor(paint),
      };
    },
    async close() {},
  });
  const networks = { encoder: ENCODER, generator: GENERATOR, open };
  const options = { networkWaitMs: 25, now: () => clock.ms };
  return { state, asked, decoder: createPortraitDecoder(networks, undefined, options) };
}

const shift = (by: number) => CANONICAL_FACE.map((value) => value + by);

it('a frame does not wait for a slow network, and has what it said last', async () => {
  const { state, asked, decoder } = platform();
  const reference = { picture: syntheticPicture(256), landmarks: CANONICAL_FACE };
  await decoder.setIdentity({ size: 256, references: [reference] });
  const shown = async (by: number) => (await decoder.decode(shift(by))).data[0];
  state.colour = 0.2;
  // Until it is known how long it takes nobody waits: the first frame is the reference alone.
  expect(await shown(0)).toBe(reference.picture.data[0]);
  await new Promise(setImmediate);
  expect(await shown(0)).toBe(51);
  await new Promise(setImmediate);
  state.answersAtOnce = false;
  state.colour = 0.4;
  expect(await shown(1)).toBe(51);
  state.colour = 0.6;
  expect(await shown(2)).toBe(51);
  expect(asked.map(({ colour }) => colour)).toEqual([0.4]);
  asked[0].answer();
  await new Promise(setImmediate);
  expect(await shown(3)).toBe(102);
  expect(asked.map(({ colour }) => colour)).toEqual([0.4, 0.6]);
  expect(decoder.stats).toEqual({ frames: 5, networkRuns: 3 });
  const closed = decoder.close();
  asked[1].answer();
  await closed;
});

it('a network that fails meanwhile fails the next frame', async () => {
  const { state, asked, decoder } = platform();
  const reference = { picture: syntheticPicture(256), landmarks: CANONICAL_FACE };
  await decoder.setIdentity({ size: 256, references: [reference] });
  state.answersAtOnce = false;
  await decoder.decode(CANONICAL_FACE);
  expect(asked).toHaveLength(1);
  asked[0].fail();
  await new Promise(setImmediate);
  await expect(decoder.decode(CANONICAL_FACE)).rejects.toThrow('no memory');
  await decoder.close();
});
