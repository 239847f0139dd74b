import type { Picture } from '../../geometry/picture.js';
import type { DecoderReference } from '../decoder.js';
import type { InferenceSession, OpenSession, Tensor } from '../inference.js';
import type { PortraitOutputs } from './portrait-compose.js';
import {
  CONDITIONING_CHANNELS,
  CONDITIONING_SIZE,
  createPortraitInputs,
  NETWORK_SIZE,
  type PortraitInputs,
  TRUST_CHANNELS,
} from './portrait-inputs.js';
import { pause } from './portrait-references.js';

/** The networks of a pack of the family, and what opens them. */
export interface PortraitNetworks {
  /**
   * `pictures` K × 3 × 128 × 128 (0–1) and `conditioning` K × 7 × 128 × 128 → `layout` and `style`,
   * codes of 1 × n: the means over the K references, which are given one by one.
   */
  readonly encoder: Uint8Array;
  /**
   * `warped` 1 × K × 3 × 256 × 256, `trust` 1 × K × 4 × 128 × 128, `conditioning`
   * 1 × 7 × 128 × 128, `layout`, `style` → `flow`, `hold`, `blend`, `paint` (`PortraitOutputs`).
   */
  readonly generator: Uint8Array;
  readonly open: OpenSession;
}

/** A person's network of the frames. */
export interface PortraitGenerator {
  /** Its file, and the network itself. */
  readonly graph: Uint8Array;
  readonly session: InferenceSession;
  /** What it says of a frame with these inputs, which must not change until it has said so. */
  run(inputs: PortraitInputs): Promise<PortraitOutputs>;
}

/** A person's codes, or a reference's. */
interface Codes {
  readonly layout: Tensor;
  readonly style: Tensor;
}

/** Codes of references that an encoder has seen. */
export type KnownCodes = WeakMap<Picture, Codes>;

/**
 * The generator of a person with these references (pictures of 256 × 256); the session of the one
 * `before` goes on where its graph is the same, and `known` codes are not made again.
 */
export async function openGenerator(
  { encoder, generator: graph, open }: PortraitNetworks,
  references: readonly DecoderReference[],
  known: KnownCodes,
  before?: PortraitGenerator,
): Promise<PortraitGenerator> {
  const kept = before?.graph === graph ? before.session : undefined;
  const session = kept ?? (await open(graph));
  try {
    const unknown = references.filter(({ picture }) => !known.has(picture));
    if (unknown.length > 0) await encode(await open(encoder), unknown, known);
    const codes = meanCodes(references.map(({ picture }) => known.get(picture)!));
    const run = async (inputs: PortraitInputs) =>
      outputsOf(await session.run({ ...frameInputs(inputs, references.length), ...codes }));
    return { graph, session, run };
  } catch (error) {
    if (!kept) await session.close();
    throw error;
  }
}

/** Runs the encoder on each reference, and closes it. */
async function encode(
  encoder: InferenceSession,
  references: readonly DecoderReference[],
  known: KnownCodes,
): Promise<void> {
  try {
    for (const reference of references) {
      await pause();
      const { layout, style } = await encoder.run(encoderInputs(reference));
      known.set(reference.picture, { layout, style });
    }
  } finally {
    await encoder.close();
  }
}

/** A person's codes: the means over the references. */
function meanCodes(codes: readonly Codes[]): Record<keyof Codes, Tensor> {
  const mean = (name: keyof Codes): Tensor => {
    const { data, dims } = codes[0][name];
    const sum = new Float32Array(data.length);
    for (const { [name]: code } of codes) {
      for (let i = 0; i < sum.length; i++) sum[i] += code.data[i] / codes.length;
    }
    return tensor(sum, ...dims);
  };
  return { layout: mean('layout'), style: mean('style') };
}

const tensor = (data: Float32Array, ...dims: number[]): Tensor => ({ data, dims });

function frameInputs({ warped, trust, conditioning }: PortraitInputs, count: number) {
  const side = CONDITIONING_SIZE;
  return {
    warped: tensor(warped, 1, count, 3, NETWORK_SIZE, NETWORK_SIZE),
    trust: tensor(trust, 1, count, TRUST_CHANNELS, side, side),
    conditioning: tensor(conditioning, 1, CONDITIONING_CHANNELS, side, side),
  };
}

const outputsOf = ({ flow, hold, blend, paint }: Record<string, Tensor>): PortraitOutputs => ({
  flow: flow.data,
  hold: hold.data,
  blend: blend.data,
  paint: paint.data,
});

/** A reference at half size, and its own conditioning. */
function encoderInputs(reference: DecoderReference): Record<string, Tensor> {
  const own = createPortraitInputs([reference]);
  own.update(reference.landmarks);
  const side = CONDITIONING_SIZE;
  return {
    pictures: tensor(halved(reference.picture), 1, 3, side, side),
    conditioning: tensor(own.conditioning, 1, CONDITIONING_CHANNELS, side, side),
  };
}

/** A 256 × 256 picture at half its size, as planes, 0–1: what the encoder sees. */
function halved({ width, data }: Picture): Float32Array {
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
