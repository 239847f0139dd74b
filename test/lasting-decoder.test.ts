import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { DecoderReference } from '../src/models/decoder.js';
import { FADE_FRAMES } from '../src/models/families/cross-fade.js';
import { createPortraitDecoder } from '../src/models/families/portrait.js';
import { GRID_SIZE } from '../src/models/families/portrait-compose.js';
import { NETWORK_SIZE } from '../src/models/families/portrait-inputs.js';
import type { InferenceSession, OpenSession, Tensor } from '../src/models/inference.js';
import { untilLost } from '../src/models/until-lost.js';
import { InvalidStateError } from '../src/protocol/errors.js';
import {
  type ChosenDecoder,
  LastingDecoder,
  type Substitutes,
} from '../src/worker/lasting-decoder.js';
import { cartoonGeometry, cartoonReference } from './support/cartoon-face.js';

const [GRID, PLANE] = [GRID_SIZE * GRID_SIZE, NETWORK_SIZE * NETWORK_SIZE];
const ENCODER = Uint8Array.of(1);
const GENERATOR = Uint8Array.of(2);
const geometry = cartoonGeometry([0, 0.1, 0], 4);
let references: readonly [DecoderReference, DecoderReference];

beforeAll(async () => {
  references = await Promise.all([
    cartoonReference(cartoonGeometry([0, 0.3, 0]), 256),
    cartoonReference(cartoonGeometry([0, -0.2, 0], 10), 256),
  ]);
});

/** What runs a network that paints all pictures red, while it does. */
function platform() {
  const state = { does: 'run' as 'run' | 'fail' | 'hang', opened: 0, closed: 0 };
  const tensor = (data: Float32Array): Tensor => ({ data, dims: [data.length] });
  const open: OpenSession = async (graph): Promise<InferenceSession> => {
    if (state.does === 'fail') throw new Error('it is gone');
    state.opened++;
    return {
      async run({ warped }) {
        if (state.does === 'hang') return new Promise(() => undefined);
        if (state.does === 'fail') throw new Error('it is gone');
        const code = () => tensor(new Float32Array(8));
        if (graph === ENCODER) return { layout: code(), style: code() };
        const count = warped.dims[1];
        const paint = new Float32Array(4 * PLANE);
        // Red, and all of the references dropped.
        paint.fill(1, 0, PLANE).fill(1, 3 * PLANE);
        return {
          flow: tensor(new Float32Array(2 * count * GRID)),
          hold: tensor(new Float32Array(count * GRID)),
          blend: tensor(new Float32Array(count * GRID).fill(1)),
          paint: tensor(paint),
        };
      },
      async close() {
        state.closed++;
      },
    };
  };
  return { state, open };
}

/** Networks on a device that can be lost. */
function losable(open: OpenSession) {
  let tell: (error: Error) => void = () => undefined;
  const lost = new Promise<Error>((resolve) => {
    tell = resolve;
  });
  const lose = async () => {
    tell(new Error('the device is lost'));
    await lost;
  };
  return { open: untilLost(open, lost), lose };
}

function chosen(runtime: ChosenDecoder['runtime'], reason: string, open?: OpenSession) {
  const networks = open && { encoder: ENCODER, generator: GENERATOR, open };
  const made = { closed: false, abandoned: false };
  const decoder = createPortraitDecoder(networks);
  const close = () => {
    made.closed = true;
    return decoder.close();
  };
  const abandon = () => {
    made.abandoned = true;
  };
  const threads = open ? 1 : 0;
  return Object.assign(made, { runtime, threads, reason, decoder: { ...decoder, close }, abandon });
}

/** A decoder on a GPU that can be lost, and all that took its place. */
function lasting(open: OpenSession, network: Substitutes['network'] = () => undefined) {
  const first = chosen('webgpu', 'an adapter', open);
  const plain: ReturnType<typeof chosen>[] = [];
  const decoder = new LastingDecoder(first, {
    warp(reason) {
      plain.push(chosen('warp', reason));
      return plain.at(-1)!;
    },
    network,
  });
  return { decoder, first, plain };
}

const person = (which = [references[0]]) => ({ size: 256, references: which });
const isRed = ({ data }: { data: Uint8ClampedArray }) => data[0] > 250 && data[1] + data[2] < 6;

/** What is shown without a network. */
async function plainPicture(which = [references[0]]) {
  const decoder = createPortraitDecoder();
  await decoder.setIdentity(person(which));
  return decoder.decode(geometry);
}

/** Waits for what goes on in the background. */
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 20_000 });

describe('a decoder whose network fails', () => {
  it('goes on without it, with the frame that failed', async () => {
    const { state, open } = platform();
    const { decoder, first, plain } = lasting(open);
    await decoder.setIdentity(person());
    expect(isRed(await decoder.decode(geometry))).toBe(true);
    expect(decoder.facts).toEqual({ runtime: 'webgpu', threads: 1, reason: 'an adapter' });
    state.does = 'fail';
    expect(await decoder.decode(geometry)).toEqual(await plainPicture());
    expect(decoder.facts).toEqual({
      runtime: 'warp',
      threads: 0,
      reason: 'the network failed on webgpu (it is gone)',
    });
    expect(first).toMatchObject({ abandoned: true, closed: false });
    expect(plain).toHaveLength(1);
    await decoder.close();
    expect(plain[0].closed).toBe(true);
  });

  it('and takes a person whose networks cannot be opened', async () => {
    const { state, open } = platform();
    const { decoder } = lasting(open);
    state.does = 'fail';
    await decoder.setIdentity(person());
    expect(await decoder.decode(geometry)).toEqual(await plainPicture());
    await decoder.close();
  });

  it('does not wait for a run that never ends, once the device is lost', async () => {
    const { state, open } = platform();
    const device = losable(open);
    const { decoder } = lasting(device.open);
    await decoder.setIdentity(person());
    state.does = 'hang';
    const shown = decoder.decode(geometry);
    await device.lose();
    expect(await shown).toEqual(await plainPicture());
    expect(decoder.facts.reason).toBe('the network failed on webgpu (the device is lost)');
    await decoder.close();
  });

  it('closes where the device was lost and no frame has noticed', async () => {
    const { open, lose } = losable(platform().open);
    const { decoder, plain } = lasting(open);
    await decoder.setIdentity(person());
    await lose();
    await decoder.close();
    expect(plain).toHaveLength(0);
  });

  it('has the references that were on their way to it', async () => {
    const { state, open } = platform();
    const { decoder } = lasting(open);
    await decoder.setIdentity(person());
    await decoder.decode(geometry);
    state.does = 'fail';
    const both = [...references];
    await Promise.all([decoder.changeReferences(both), decoder.decode(geometry)]);
    for (let i = 0; i < FADE_FRAMES; i++) await decoder.decode(geometry);
    const fresh = createPortraitDecoder();
    await fresh.setIdentity(person(both));
    const [ours, theirs] = [await decoder.decode(geometry), await fresh.decode(geometry)];
    const apart = ours.data.filter((value, i) => Math.abs(value - theirs.data[i]) > 24).length;
    expect(apart / ours.data.length).toBeLessThan(0.01);
    await decoder.close();
  });

  it('goes over to another way to run it when that is ready', async () => {
    const [gpu, wasm] = [platform(), platform()];
    const asked: string[] = [];
    const second = chosen('wasm', 'the processor', wasm.open);
    const { decoder, plain } = lasting(gpu.open, ({ runtime }, reason) => {
      asked.push(runtime, reason);
      return runtime === 'webgpu' ? Promise.resolve(second) : undefined;
    });
    await decoder.setIdentity(person());
    gpu.state.does = 'fail';
    expect(isRed(await decoder.decode(geometry))).toBe(false);
    await eventually(() => expect(plain[0].closed).toBe(true));
    expect(decoder.facts).toMatchObject({ runtime: 'wasm', reason: 'the processor' });
    expect(isRed(await decoder.decode(geometry))).toBe(true);
    // That one can fail too, and nothing is left but to do without.
    wasm.state.does = 'fail';
    expect(await decoder.decode(geometry)).toEqual(await plainPicture());
    expect(decoder.facts).toMatchObject({
      runtime: 'warp',
      reason: 'the network failed on wasm (it is gone)',
    });
    expect(asked).toEqual([
      'webgpu',
      'the network failed on webgpu (it is gone)',
      'wasm',
      'the network failed on wasm (it is gone)',
    ]);
    await decoder.close();
  });

  it.each(['cannot be had', 'fails at its first picture'])(
    'stays without where the other way %s',
    async (how) => {
      const { state, open } = platform();
      const broken = chosen('wasm', '', () => Promise.reject(new Error('no memory')));
      let tried = false;
      const { decoder } = lasting(open, () => {
        tried = true;
        return how === 'cannot be had' ? Promise.reject(new Error()) : Promise.resolve(broken);
      });
      await decoder.setIdentity(person());
      state.does = 'fail';
      await decoder.decode(geometry);
      await eventually(() => expect(tried).toBe(true));
      if (how !== 'cannot be had') await eventually(() => expect(broken.abandoned).toBe(true));
      expect(decoder.facts.runtime).toBe('warp');
      expect(await decoder.decode(geometry)).toEqual(await plainPicture());
      await decoder.close();
    },
  );

  it('lets the other way go that is ready after the end', async () => {
    const { state, open } = platform();
    let ready: (chosen: ChosenDecoder) => void = () => undefined;
    const network = new Promise<ChosenDecoder>((resolve) => {
      ready = resolve;
    });
    const { decoder } = lasting(open, () => network);
    await decoder.setIdentity(person());
    state.does = 'fail';
    await decoder.decode(geometry);
    await decoder.close();
    const late = chosen('wasm', '', platform().open);
    ready(late);
    await eventually(() => expect(late.abandoned).toBe(true));
    await expect(decoder.decode(geometry)).rejects.toThrow(InvalidStateError);
  });

  it('lets errors of its caller pass', async () => {
    const { decoder, plain } = lasting(platform().open);
    await expect(decoder.decode(geometry)).rejects.toThrow(InvalidStateError);
    await expect(decoder.changeReferences([references[0]])).rejects.toThrow(InvalidStateError);
    await expect(decoder.setIdentity({ size: 256, references: [] })).rejects.toThrow(TypeError);
    await decoder.setIdentity(person());
    await expect(decoder.decode(new Float32Array(3))).rejects.toThrow(TypeError);
    expect(plain).toHaveLength(0);
    await decoder.close();
  });
});
