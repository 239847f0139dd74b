import { describe, expect, it } from 'vitest';
import { withAppearance } from '../src/geometry/appearance.js';
import { CANONICAL_FACE } from '../src/geometry/canonical-face.js';
import type { Landmarks } from '../src/geometry/landmarks.js';
import { SURROUND_VALUES } from '../src/geometry/motion-model.js';
import type { Picture } from '../src/geometry/picture.js';
import { withSurround } from '../src/geometry/surround.js';
import type { DecoderReference } from '../src/models/decoder.js';
import { FADE_FRAMES } from '../src/models/families/cross-fade.js';
import { createFaceWarp, type FaceWarp } from '../src/models/families/face-warp.js';
import { createDecoder, createFamilyDecoder } from '../src/models/families/index.js';
import { createPortraitDecoder } from '../src/models/families/portrait.js';
import {
  composePortrait,
  GRID_SIZE,
  type PortraitOutputs,
} from '../src/models/families/portrait-compose.js';
import { NETWORK_SIZE } from '../src/models/families/portrait-inputs.js';
import type { InferenceSession, OpenSession, Tensor } from '../src/models/inference.js';
import { PackError } from '../src/models/pack.js';
import { openPack } from '../src/models/pack-node.js';
import { InvalidStateError } from '../src/protocol/errors.js';
import { cartoonGeometry, cartoonReference } from './support/cartoon-face.js';
import { syntheticPicture } from './synthetic-face.js';

const GRID = GRID_SIZE * GRID_SIZE;
const PLANE = NETWORK_SIZE * NETWORK_SIZE;

/** What a network says that leaves everything to the geometry. */
const nothing = (count: number): PortraitOutputs => ({
  flow: new Float32Array(2 * count * GRID),
  hold: new Float32Array(count * GRID),
  blend: new Float32Array(count * GRID).fill(1),
  paint: new Float32Array(4 * PLANE),
});

/** Planes of one value each. */
const planes = (size: number, ...values: readonly number[]) =>
  Float32Array.from({ length: values.length * size }, (_, i) => values[Math.floor(i / size)]);

function warpOf(references: readonly DecoderReference[], geometry: Landmarks): FaceWarp {
  const warp = createFaceWarp(references, references[0].picture.width);
  for (let i = 0; i < 4; i++) warp.update(geometry);
  return warp;
}

/** The references by their shares, pixel by pixel. */
function blended(warp: FaceWarp, count: number, size: number): Float64Array {
  const out = new Float64Array(4 * size * size);
  for (let i = 0; i < size * size; i++) {
    const [x, y] = [(i % size) + 0.5, Math.floor(i / size) + 0.5];
    for (let k = 0; k < count; k++) {
      warp.locate(k, x, y, i);
      const colour = warp.colour(k, warp.at.x, warp.at.y);
      const share = warp.share(k, x, y, i);
      for (let c = 0; c < 3; c++) out[4 * i + c] += share * ((colour >>> (8 * c)) & 255);
    }
    out[4 * i + 3] = 255;
  }
  return out;
}

function worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i] - b[i]));
  return most;
}

describe('a picture as the network says', () => {
  const geometry = cartoonGeometry([0, 0.1, 0], 4);
  const referencesOf = (size: number) =>
    Promise.all(
      [cartoonGeometry([0, 0.3, 0]), cartoonGeometry([0, -0.2, 0], 10)].map((pose) =>
        cartoonReference(pose, size),
      ),
    );

  it.each([256, 512])('says nothing: the references by their shares (%i)', async (size) => {
    const references = await referencesOf(size);
    const warp = warpOf(references, geometry);
    const shown = composePortrait(warp, 2, size, nothing(2));
    expect([shown.width, shown.height]).toEqual([size, size]);
    expect(worst(shown.data, blended(warp, 2, size))).toBeLessThanOrEqual(1.5);
  });

  it.each([256, 512])('the same outputs shift by the same part of any size (%i)', (size) => {
    const picture = syntheticPicture(size);
    const warp = warpOf([{ picture, landmarks: CANONICAL_FACE }], CANONICAL_FACE);
    const flow = planes(GRID, 3, -2);
    const shown = composePortrait(warp, 1, size, { ...nothing(1), flow });
    const [right, down] = [(3 * size) / 256, (-2 * size) / 256];
    let most = 0;
    for (let y = 8; y < size - 8; y++)
      for (let x = 8; x < size - 8; x++)
        for (let c = 0; c < 3; c++) {
          const from = picture.data[4 * ((y + down) * size + x + right) + c];
          most = Math.max(most, Math.abs(shown.data[4 * (y * size + x) + c] - from));
        }
    expect(most).toBeLessThanOrEqual(3);
    // The border is what there is beyond it.
    expect(worst(row(shown, size - 1), row(picture, size - 1, down, right))).toBeLessThanOrEqual(3);
  });

  it('what it holds rests where the reference has it', async () => {
    const [reference] = await referencesOf(256);
    const warp = warpOf([reference], geometry);
    const held = { ...nothing(1), hold: planes(GRID, 1) };
    const shown = composePortrait(warp, 1, 256, held);
    expect(worst(shown.data, reference.picture.data)).toBeLessThanOrEqual(1);
    expect(worst(composePortrait(warp, 1, 256, nothing(1)).data, shown.data)).toBeGreaterThan(50);
  });

  it('a reference that is blended out is not seen', async () => {
    const references = await referencesOf(256);
    const warp = warpOf(references, geometry);
    const only = composePortrait(warp, 2, 256, { ...nothing(2), blend: planes(GRID, 1, 1e-6) });
    const first = warpOf([references[0]], geometry);
    const one = composePortrait(first, 1, 256, nothing(1));
    // Both warps lay out one mesh; where it is folded they may choose otherwise.
    const unlike = [...only.data].filter((value, i) => Math.abs(value - one.data[i]) > 12).length;
    expect(unlike / only.data.length).toBeLessThan(0.02);
    const both = composePortrait(warp, 2, 256, nothing(2));
    expect(worst(both.data, only.data)).toBeGreaterThan(20);
  });

  it.each([256, 512])('paint stands in for what it drops (%i)', async (size) => {
    const references = await referencesOf(size);
    const warp = warpOf(references, geometry);
    const base = blended(warp, 2, size);
    const paint = (...values: readonly number[]) =>
      composePortrait(warp, 2, size, { ...nothing(2), paint: planes(PLANE, ...values) });
    const flat = paint(0.2, 0.4, 0.6, 1);
    expect(flat.data.every((value, i) => value === [51, 102, 153, 255][i % 4])).toBe(true);
    const half = paint(0.1, 0.1, 0.1, 0.5);
    const expected = base.map((value, i) => (i % 4 === 3 ? 255 : 0.5 * value + 25.5));
    expect(worst(half.data, expected)).toBeLessThanOrEqual(1.5);
    // More than full scale is full scale.
    expect(paint(2, -3, 2, 0).data.slice(0, 4)).toEqual(new Uint8ClampedArray([255, 0, 255, 255]));
  });

  it('paint grows with the picture, without steps', async () => {
    const size = 512;
    const [reference] = await referencesOf(size);
    const ramp = new Float32Array(4 * PLANE).map((_, i) =>
      i < PLANE ? (i % 256) / 255 : i < 3 * PLANE ? 0 : 1,
    );
    const shown = composePortrait(warpOf([reference], geometry), 1, size, {
      ...nothing(1),
      paint: ramp,
    });
    const reds = Array.from({ length: size }, (_, x) => shown.data[4 * (100 * size + x)]);
    for (let x = 1; x < size; x++) expect(reds[x] - reds[x - 1], `${x}`).toBeOneOf([0, 1]);
    expect([reds[0], reds[size - 1]]).toEqual([0, 255]);
  });
});

/** A row of a picture, or what lies beside it, the border going on for ever. */
function row({ width, data }: Picture, y: number, down = 0, right = 0): number[] {
  const clamped = (value: number) => Math.min(width - 1, Math.max(0, value));
  return Array.from({ length: width }, (_, x) =>
    [0, 1, 2].map((c) => data[4 * (clamped(y + down) * width + clamped(x + right)) + c]),
  ).flat();
}

describe('the portrait decoder', () => {
  const encoder = Uint8Array.of(1);
  const generator = Uint8Array.of(2);
  const landmarks = CANONICAL_FACE;

  /** A platform whose networks leave everything to the geometry; it counts what is open. */
  function platform() {
    const state = { opened: 0, closed: 0, seen: [] as Record<string, readonly number[]>[] };
    const open = async (graph: Uint8Array): Promise<InferenceSession> => {
      state.opened++;
      let isOpen = true;
      return {
        async run(inputs) {
          expect(isOpen).toBe(true);
          const dims = Object.entries(inputs).map(([name, { dims, data }]) => {
            expect(data.length, name).toBe(dims.reduce((product, side) => product * side, 1));
            return [name, dims];
          });
          state.seen.push(Object.fromEntries(dims));
          const code = (): Tensor => ({ data: new Float32Array(8), dims: [1, 8] });
          if (graph === encoder) return { layout: code(), style: code() };
          const outputs = Object.entries(nothing(inputs.warped.dims[1]));
          return Object.fromEntries(outputs.map(([name, data]) => [name, { data, dims: [] }]));
        },
        async close() {
          if (isOpen) state.closed++;
          isOpen = false;
        },
      };
    };
    return { state, decoder: createPortraitDecoder({ encoder, generator, open }) };
  }

  const reference = (size: number) => ({ picture: syntheticPicture(size), landmarks });

  it.each([
    [256, 1],
    [512, 3],
  ])('asks the networks at 256 and shows at its size (%i, %i references)', async (size, count) => {
    const { state, decoder } = platform();
    const references = Array.from({ length: count }, () => reference(size));
    await decoder.setIdentity({ size, references });
    const shown = await decoder.decode(landmarks);
    expect(worst(shown.data, reference(size).picture.data)).toBeLessThanOrEqual(2);
    const one = { pictures: [1, 3, 128, 128], conditioning: [1, 7, 128, 128] };
    expect(state.seen).toEqual([
      ...references.map(() => one),
      {
        warped: [1, count, 3, 256, 256],
        trust: [1, count, 4, 128, 128],
        conditioning: [1, 7, 128, 128],
        layout: [1, 8],
        style: [1, 8],
      },
    ]);
    await decoder.close();
    await decoder.close();
    expect(state).toMatchObject({ opened: 2, closed: 2 });
  });

  it('takes another person, and closes what it opened', async () => {
    const { state, decoder } = platform();
    await decoder.setIdentity({ size: 256, references: [reference(256)] });
    const other = reference(256);
    other.picture.data.fill(90);
    await decoder.setIdentity({ size: 256, references: [other] });
    expect((await decoder.decode(landmarks)).data[0]).toBe(90);
    await decoder.close();
    expect(state.opened).toBe(state.closed);
  });

  it('fades to other references, and asks the encoder of new ones alone', async () => {
    const { state, decoder } = platform();
    const [first, second] = [reference(256), reference(256)];
    await decoder.setIdentity({ size: 256, references: [first, second] });
    await decoder.decode(landmarks);
    const before = state.seen.length;
    const grey = reference(256);
    grey.picture.data.fill(90);
    await decoder.changeReferences!([grey, second]);
    const encoded = state.seen.slice(before).filter((inputs) => 'pictures' in inputs);
    expect(encoded.length).toBe(1);
    const start = first.picture.data[0];
    const shown: number[] = [];
    const seen = state.seen.length;
    for (let n = 0; n < FADE_FRAMES + 2; n++) shown.push((await decoder.decode(landmarks)).data[0]);
    // One run of the generator a frame, also where two versions show.
    expect(state.seen.length - seen).toBe(FADE_FRAMES + 2);
    expect(Math.abs(shown[0] - start)).toBeLessThan(0.1 * Math.abs(90 - start) + 1);
    const steps = shown.map((value, n) => Math.abs(value - (shown[n - 1] ?? start)));
    expect(Math.max(...steps)).toBeLessThan(0.25 * Math.abs(90 - start) + 1);
    expect(shown.slice(FADE_FRAMES - 1)).toEqual([90, 90, 90]);
    await decoder.close();
    expect(state.opened).toBe(state.closed);
    await expect(decoder.changeReferences!([grey])).rejects.toThrow(InvalidStateError);
  });

  it('decodes while it prepares other references, and another person goes before them', async () => {
    const { state, decoder } = platform();
    await decoder.setIdentity({ size: 256, references: [reference(256)] });
    await decoder.decode(landmarks);
    const [grey, other] = [reference(256), reference(256)];
    grey.picture.data.fill(90);
    other.picture.data.fill(30);
    const changing = decoder.changeReferences!([grey]);
    await decoder.decode(landmarks);
    await decoder.setIdentity({ size: 256, references: [other] });
    await changing;
    expect((await decoder.decode(landmarks)).data[0]).toBe(30);
    expect((await decoder.decode(landmarks)).data[0]).toBe(30);
    await decoder.close();
    expect(state.opened).toBe(state.closed);
  });

  it('knows nobody before it is told, and nothing after it is closed', async () => {
    const { decoder } = platform();
    await expect(decoder.decode(landmarks)).rejects.toThrow(InvalidStateError);
    await decoder.setIdentity({ size: 256, references: [reference(256)] });
    await decoder.close();
    await expect(decoder.decode(landmarks)).rejects.toThrow(InvalidStateError);
    await expect(decoder.setIdentity({ size: 256, references: [reference(256)] })).rejects.toThrow(
      InvalidStateError,
    );
  });

  it('a bad identity or geometry is named by its path, and opens nothing', async () => {
    const { state, decoder } = platform();
    const { picture } = reference(256);
    const bad: [string, readonly DecoderReference[], number][] = [
      ['identity.references: must be one at least', [], 256],
      [
        'identity.references[0].landmarks: must be 1434 numbers',
        [{ picture, landmarks: new Float32Array(9) }],
        256,
      ],
      ['identity.references[1].picture: must be 512×512', [reference(512), reference(256)], 512],
      [
        'identity.references[0].picture: must be a picture',
        [{ picture: { ...picture, data: picture.data.slice(4) }, landmarks }],
        256,
      ],
    ];
    for (const [message, references, size] of bad) {
      const set = decoder.setIdentity({ size, references });
      await expect(set).rejects.toThrow(TypeError);
      await expect(set).rejects.toThrow(message);
    }
    expect(state.opened).toBe(0);
    await decoder.setIdentity({ size: 256, references: [reference(256)] });
    await expect(decoder.decode(new Float32Array(3))).rejects.toThrow(
      'geometry: must be 1434 numbers',
    );
    await decoder.close();
  });

  it('a pack without one of the networks is a PackError that names it', async () => {
    for (const [networks, lacks] of [
      [{}, 'encoder'],
      [{ encoder }, 'generator'],
    ] as const) {
      const open = async () => expect.unreachable('nothing is opened');
      const create = () => createFamilyDecoder('portrait', networks, open);
      expect(create).toThrow(PackError);
      expect(create).toThrow(`no network "${lacks}", which the family portrait needs`);
    }
  });
});

describe('a portrait decoder with little time', () => {
  const identity = () => ({
    size: 256,
    references: [{ picture: syntheticPicture(256), landmarks: CANONICAL_FACE }],
  });
  const [encoder, generator] = [Uint8Array.of(1), Uint8Array.of(2)];

  /** A network of 100 ms that paints everything in the grey of its run's number. */
  function slowPlatform(networkBudget?: number) {
    const state = { now: 0, runs: 0, open: 0, failing: false, hold: Promise.resolve() };
    const open = async (graph: Uint8Array): Promise<InferenceSession> => {
      let isOpen = true;
      state.open++;
      return {
        async run() {
          const code = (): Tensor => ({ data: new Float32Array(8), dims: [1, 8] });
          if (graph === encoder) return { layout: code(), style: code() };
          await state.hold;
          expect(isOpen).toBe(true);
          if (state.failing) throw new Error('out of memory');
          state.now += 100;
          const grey = ++state.runs / 255;
          const said = { ...nothing(1), paint: planes(PLANE, grey, grey, grey, 1) };
          return Object.fromEntries(
            Object.entries(said).map(([name, data]) => [name, { data, dims: [] }]),
          );
        },
        async close() {
          if (isOpen) state.open--;
          isOpen = false;
        },
      };
    };
    const options = { now: () => state.now, ...(networkBudget && { networkBudget }) };
    const decoder = createPortraitDecoder({ encoder, generator, open }, undefined, options);
    /** The grey of the next frame, 40 ms later. */
    const next = async () => {
      state.now += 40;
      return (await decoder.decode(CANONICAL_FACE)).data[0];
    };
    return { state, decoder, next };
  }
  const idle = () => new Promise((resolve) => setTimeout(resolve));

  it('without a budget shows of every frame what the network says of it', async () => {
    const { decoder, next } = slowPlatform();
    await decoder.setIdentity(identity());
    for (let frame = 1; frame <= 5; frame++) expect(await next()).toBe(frame);
    expect(decoder.stats).toEqual({ frames: 5, networkRuns: 5 });
    await decoder.close();
  });

  it('with one lets a network rest that does not keep up, and times it now and then', async () => {
    const { state, decoder, next } = slowPlatform(0.5);
    await decoder.setIdentity(identity());
    const [alone] = syntheticPicture(256).data;
    for (let frame = 0; frame < 200; frame++) {
      const shown = await next();
      if (frame >= 20) expect(shown).toBe(alone);
      await idle();
    }
    const { networkRuns, frames } = decoder.stats!;
    expect(frames).toBe(200);
    expect(networkRuns).toBe(0);
    // All were for the time that they took: two at once, then one every three seconds.
    expect(state.runs).toBeGreaterThanOrEqual(4);
    expect(state.runs).toBeLessThanOrEqual(5);
    await decoder.close();
    expect(state.open).toBe(0);
  });

  /** A decoder whose network rests. */
  async function resting() {
    const slow = slowPlatform(0.5);
    await slow.decoder.setIdentity(identity());
    for (let frame = 0; frame < 40; frame++) {
      await slow.next();
      await idle();
    }
    return slow;
  }

  it('says why such a run failed, at the next frame', async () => {
    const { state, decoder, next } = await resting();
    state.failing = true;
    await expect(
      (async () => {
        for (let frame = 0; frame < 100; frame++) {
          await next();
          await idle();
        }
      })(),
    ).rejects.toThrow('out of memory');
    await decoder.close();
  });

  it('closes no network that such a run still uses', async () => {
    const { state, decoder, next } = await resting();
    let release = () => {};
    state.hold = new Promise((resolve) => {
      release = resolve;
    });
    for (let frame = 0; frame < 100; frame++) {
      await next();
      await idle();
    }
    const { runs } = state;
    const closed = decoder.close();
    expect(state.open).toBe(1);
    release();
    await closed;
    expect([state.open, state.runs]).toEqual([0, runs + 1]);
  });

  it.each([0, -1, 1.5, Number.NaN])('a budget of %f is a TypeError', (networkBudget) => {
    expect(() =>
      createFamilyDecoder('portrait', {}, undefined, undefined, { networkBudget }),
    ).toThrow(new TypeError(`networkBudget: must be above 0 and at most 1, not ${networkBudget}`));
  });
});

describe('a portrait decoder without networks', () => {
  it.each([256, 512])('shows what a silent network would (%i)', async (size) => {
    const pack = await openPack('portrait-256-cpu');
    const values = pack.moreValues - SURROUND_VALUES;
    const amounts = Float32Array.from({ length: values }, (_, i) => 2 * Math.sin(3 * i + 1));
    const rest = new Float32Array(SURROUND_VALUES);
    const geometry = withAppearance(
      withSurround(cartoonGeometry([0, 0.1, 0], 4), rest.fill(3)),
      amounts,
    );
    const references = () =>
      Promise.all(
        [cartoonGeometry([0, 0.3, 0]), cartoonGeometry([0, -0.2, 0], 10)].map((pose) =>
          cartoonReference(pose, size),
        ),
      );
    const silent: OpenSession = async () => ({
      async run({ warped }) {
        const code = { data: new Float32Array(8), dims: [1, 8] };
        const said = warped ? Object.entries(nothing(2)) : [];
        const outputs = said.map(([name, data]) => [name, { data, dims: [] }]);
        return { layout: code, style: code, ...Object.fromEntries(outputs) };
      },
      async close() {},
    });
    const [own, told] = [createDecoder(pack), createDecoder(pack, silent)];
    await own.setIdentity({ size, references: await references() });
    await told.setIdentity({ size, references: await references() });
    for (let frame = 1; frame <= 4; frame++) {
      const [shown, wanted] = [await own.decode(geometry), await told.decode(geometry)];
      expect(worst(shown.data, wanted.data)).toBeLessThanOrEqual(1);
      expect(own.stats).toEqual({ frames: frame, networkRuns: 0 });
    }
    await own.close();
    await told.close();
    await expect(own.decode(geometry)).rejects.toThrow(InvalidStateError);
  });
});
