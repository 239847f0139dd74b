import type { AppearanceBasis } from '../../geometry/appearance.js';
import type { Landmarks } from '../../geometry/landmarks.js';
import type { Picture } from '../../geometry/picture.js';
import { resampleSquare, whole } from '../../geometry/resample.js';
import { checkOption } from '../../protocol/check-options.js';
import { InvalidStateError } from '../../protocol/errors.js';
import { checkGeometry, checkPicture } from '../check-options.js';
import type { DecoderIdentity, DecoderOptions, DecoderReference, FaceDecoder } from '../decoder.js';
import type { InferenceSession, OpenSession, Tensor } from '../inference.js';
import { createFaceWarp, type FaceWarp } from './face-warp.js';
import { createNetworkBudget } from './network-budget.js';
import { composePortrait, GRID_SIZE, type PortraitOutputs } from './portrait-compose.js';
import {
  CONDITIONING_CHANNELS,
  CONDITIONING_SIZE,
  createPortraitInputs,
  NETWORK_SIZE,
  type PortraitInputs,
  TRUST_CHANNELS,
} from './portrait-inputs.js';
import { alignReferences } from './surround-fit.js';

/** The networks of a pack of the family, and what opens them. */
export interface PortraitNetworks {
  /**
   * `pictures` K × 3 × 128 × 128 (0–1) and `conditioning` K × 7 × 128 × 128 → `layout` and `style`,
   * the person's codes, 1 × n: the means over the K references.
   */
  readonly encoder: Uint8Array;
  /**
   * `warped` 1 × K × 3 × 256 × 256, `trust` 1 × K × 4 × 128 × 128, `conditioning`
   * 1 × 7 × 128 × 128, `layout`, `style` → `flow`, `hold`, `blend`, `paint` (`PortraitOutputs`).
   */
  readonly generator: Uint8Array;
  readonly open: OpenSession;
}

interface Person {
  readonly size: number;
  readonly count: number;
  readonly inputs: PortraitInputs;
  /** The references at the size to show. */
  readonly warp: FaceWarp;
  readonly generator: Generator | undefined;
  /** What it said last. */
  said: PortraitOutputs | undefined;
}

/** A person's network. */
interface Generator {
  /** Its file, and the network itself. */
  readonly graph: Uint8Array;
  readonly session: InferenceSession;
  readonly layout: Tensor;
  readonly style: Tensor;
}

/**
 * The `portrait` family: LSR's layout and style codes (Meshry et al. 2021) with warped references.
 * The networks work at 256 × 256; what they say is applied to the references at the size to show.
 * Without networks the references are shown as the motion alone says. It keeps state from frame to
 * frame, so one decoder serves one stream. `decode` before `setIdentity` or after `close` rejects with
 * an `InvalidStateError`, what is no identity or geometry with a TypeError.
 */
export function createPortraitDecoder(
  networks?: PortraitNetworks,
  appearance?: AppearanceBasis,
  { networkBudget, networkWaitMs = Infinity, now = () => performance.now() }: DecoderOptions = {},
): FaceDecoder {
  let person: Person | undefined;
  let closed = false;
  /** The run that is under way, or the last one. */
  let running: Promise<unknown> = Promise.resolve();
  let isRunning = false;
  /** How a run failed that no frame waited for. */
  let failure: Error | undefined;
  const budget = createNetworkBudget(networkBudget, now);
  const stats = { frames: 0, networkRuns: 0 };

  async function ask(
    { session, layout, style }: Generator,
    { warped, trust, conditioning }: Pick<PortraitInputs, 'warped' | 'trust' | 'conditioning'>,
    count: number,
  ): Promise<PortraitOutputs> {
    const side = CONDITIONING_SIZE;
    const startedAt = now();
    isRunning = true;
    const run = session.run({
      warped: tensor(warped, 1, count, 3, NETWORK_SIZE, NETWORK_SIZE),
      trust: tensor(trust, 1, count, TRUST_CHANNELS, side, side),
      conditioning: tensor(conditioning, 1, CONDITIONING_CHANNELS, side, side),
      layout,
      style,
    });
    running = run;
    const { flow, hold, blend, paint } = await run.finally(() => {
      isRunning = false;
    });
    budget.ran(startedAt);
    stats.networkRuns++;
    return { flow: flow.data, hold: hold.data, blend: blend.data, paint: paint.data };
  }

  return {
    stats,
    async setIdentity(identity: DecoderIdentity): Promise<void> {
      if (closed) throw new InvalidStateError('the decoder is closed');
      const references = checkedReferences(identity);
      const before = person?.generator;
      const { small, ...prepared } = prepare(identity.size, references, appearance);
      const generator =
        networks && (await openGenerator({ ...networks, ...identity.networks }, before, small));
      if (closed) {
        await generator?.session.close();
        throw new InvalidStateError('the decoder is closed');
      }
      person = { ...prepared, generator, said: undefined };
      // A frame may still be under way with the one before.
      if (before && before.session !== generator?.session) {
        await running.catch(() => undefined);
        await before.session.close();
      }
    },
    async decode(geometry: Landmarks): Promise<Picture> {
      if (closed) throw new InvalidStateError('the decoder is closed');
      if (!person) throw new InvalidStateError('the decoder has no identity yet');
      checkGeometry('geometry', geometry);
      const shown = person;
      const { size, count, inputs, warp, generator } = shown;
      inputs.update(geometry);
      if (failure) throw failure;
      const waits = budget.tookMs <= networkWaitMs;
      const asked =
        generator && !isRunning && budget.allows()
          ? ask(generator, waits ? inputs : copied(inputs), count)
          : undefined;
      if (warp !== inputs.warp) warp.update(geometry);
      if (waits) shown.said = (await asked) ?? shown.said;
      else
        asked?.then(
          (said) => {
            shown.said = said;
          },
          (error: Error) => {
            failure = error;
          },
        );
      stats.frames++;
      const { paint, ...outputs } = shown.said ?? silence(count);
      const painted = paint.slice();
      inputs.addAppearance(painted);
      return composePortrait(warp, count, size, { ...outputs, paint: painted });
    },
    async close(): Promise<void> {
      if (closed) return;
      closed = true;
      const last = person;
      person = undefined;
      await running.catch(() => undefined);
      await last?.generator?.session.close();
    },
  };
}

/** What a network sees, to stay as it is while the next frame is laid out. */
const copied = ({ warped, trust, conditioning }: PortraitInputs) => ({
  warped: warped.slice(),
  trust: trust.slice(),
  conditioning: conditioning.slice(),
});

/** What a network says that leaves everything to the geometry. */
function silence(count: number): PortraitOutputs {
  const grid = count * GRID_SIZE * GRID_SIZE;
  return {
    flow: new Float32Array(2 * grid),
    hold: new Float32Array(grid),
    blend: new Float32Array(grid).fill(1),
    paint: new Float32Array(4 * NETWORK_SIZE * NETWORK_SIZE),
  };
}

/** A person's generator; the one `before` goes on where the graph is the same. */
async function openGenerator(
  { encoder, generator: graph, open }: PortraitNetworks,
  before: Generator | undefined,
  references: readonly DecoderReference[],
): Promise<Generator> {
  const kept = before?.graph === graph ? before.session : undefined;
  const session = kept ?? (await open(graph));
  const codes = await open(encoder);
  try {
    const { layout, style } = await codes.run(encoderInputs(references));
    return { graph, session, layout, style };
  } catch (error) {
    if (!kept) await session.close();
    throw error;
  } finally {
    await codes.close();
  }
}

const tensor = (data: Float32Array, ...dims: number[]): Tensor => ({ data, dims });

function checkedReferences({ size, references }: DecoderIdentity): readonly DecoderReference[] {
  checkOption(references?.length > 0, 'identity.references', 'one at least');
  references.forEach(({ picture, landmarks }, i) => {
    checkGeometry(`identity.references[${i}].landmarks`, landmarks);
    checkPicture(`identity.references[${i}].picture`, picture);
    const fits = picture.width === size && picture.height === size;
    checkOption(fits, `identity.references[${i}].picture`, `${size}×${size}`);
  });
  return references;
}

/** What can be said of a person without a network, and the references as networks see them. */
function prepare(
  size: number,
  references: readonly DecoderReference[],
  appearance: AppearanceBasis | undefined,
) {
  const small = references.map((reference) => ({
    ...reference,
    picture:
      size === NETWORK_SIZE
        ? reference.picture
        : resampleSquare(reference.picture, whole(reference.picture), NETWORK_SIZE),
  }));
  const aligned = alignReferences(small);
  const inputs = createPortraitInputs(aligned, appearance);
  const sized = aligned.map(({ landmarks }, k) => ({ ...references[k], landmarks }));
  return {
    small,
    size,
    count: references.length,
    inputs,
    warp: size === NETWORK_SIZE ? inputs.warp : createFaceWarp(sized, size),
  };
}

/** The references at half size, each beside its own conditioning. */
function encoderInputs(references: readonly DecoderReference[]): Record<string, Tensor> {
  const count = references.length;
  const plane = CONDITIONING_SIZE * CONDITIONING_SIZE;
  const pictures = new Float32Array(3 * count * plane);
  const conditioning = new Float32Array(CONDITIONING_CHANNELS * count * plane);
  references.forEach((reference, k) => {
    pictures.set(halved(reference.picture), 3 * k * plane);
    const own = createPortraitInputs([reference]);
    own.update(reference.landmarks);
    conditioning.set(own.conditioning, CONDITIONING_CHANNELS * k * plane);
  });
  const side = CONDITIONING_SIZE;
  return {
    pictures: tensor(pictures, count, 3, side, side),
    conditioning: tensor(conditioning, count, CONDITIONING_CHANNELS, side, side),
  };
}

/** A 256 × 256 picture at half its size, as planes, 0–1: what the encoder sees. */
export function halved({ width, data }: Picture): Float32Array {
  const plane = CONDITIONING_SIZE * CONDITIONING_SIZE;
  const out = new Float32Array(3 * plane);
  for (let y = 0, i = 0; y < CONDITIONING_SIZE; y++) {
    for (let x = 0; x < CONDITIONING_SIZE; x++, i++) {
      for (let c = 0; c < 3; c++) {
        const at = 4 * (2 * y * width + 2 * x) + c;
        const below = at + 4 * width;
        out[c * plane + i] = (data[at] + data[at + 4] + data[below] + data[below + 4]) / 1020;
      }
    }
  }
  return out;
}
