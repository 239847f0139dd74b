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

/** A person's network of the frames. */
export interface PortraitGenerator {
  /** Its file, and the network itself. */
  readonly graph: Uint8Array;
  readonly session: InferenceSession;
  /** What it says of a frame with these inputs, which must not change until it has said so. */
  run(inputs: PortraitInputs): Promise<PortraitOutputs>;
}

/**
 * The generator of a person with these references (pictures of 256 × 256); the session of the one
 * `before` goes on where its graph is the same.
 */
export async function openGenerator(
  { encoder, generator: graph, open }: PortraitNetworks,
  references: readonly DecoderReference[],
  before?: PortraitGenerator,
): Promise<PortraitGenerator> {
  const kept = before?.graph === graph ? before.session : undefined;
  const session = kept ?? (await open(graph));
  try {
    const codes = await personCodes(await open(encoder), references);
    const run = async (inputs: PortraitInputs) =>
      outputsOf(await session.run({ ...frameInputs(inputs, references.length), ...codes }));
    return { graph, session, run };
  } catch (error) {
    if (!kept) await session.close();
    throw error;
  }
}

/** Runs the encoder, and closes it. */
async function personCodes(encoder: InferenceSession, references: readonly DecoderReference[]) {
  try {
    const { layout, style } = await encoder.run(encoderInputs(references));
    return { layout, style };
  } finally {
    await encoder.close();
  }
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
