import type { AppearanceBasis } from '../../geometry/appearance.js';
import type { Landmarks } from '../../geometry/landmarks.js';
import type { Picture } from '../../geometry/picture.js';
import { resampleSquare } from '../../geometry/resample.js';
import { checkOption } from '../../protocol/check-options.js';
import { InvalidStateError } from '../../protocol/errors.js';
import { checkGeometry, checkPicture } from '../check-options.js';
import type { DecoderIdentity, DecoderReference, FaceDecoder } from '../decoder.js';
import type { InferenceSession, OpenSession, Tensor } from '../inference.js';
import { createFaceWarp, type FaceWarp } from './face-warp.js';
import { composePortrait } from './portrait-compose.js';
import {
  CONDITIONING_CHANNELS,
  CONDITIONING_SIZE,
  createPortraitInputs,
  NETWORK_SIZE,
  type PortraitInputs,
  TRUST_CHANNELS,
} from './portrait-inputs.js';
import { alignReferences } from './surround-fit.js';

/** The networks of a pack of the family. */
export interface PortraitGraphs {
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
}

interface Person {
  readonly size: number;
  readonly count: number;
  readonly inputs: PortraitInputs;
  /** The references at the size to show. */
  readonly warp: FaceWarp;
  /** The network's file, and the network itself. */
  readonly graph: Uint8Array;
  readonly generator: InferenceSession;
  readonly layout: Tensor;
  readonly style: Tensor;
}

/**
 * The `portrait` family: LSR's layout and style codes (Meshry et al. 2021) with warped references.
 * The networks work at 256 × 256; what they say is applied to the references at the size to show. It
 * keeps state from frame to frame, so one decoder serves one stream. `decode` before `setIdentity`
 * or after `close` rejects with an `InvalidStateError`, what is no identity or geometry with a
 * TypeError.
 */
export function createPortraitDecoder(
  graphs: PortraitGraphs,
  open: OpenSession,
  appearance?: AppearanceBasis,
): FaceDecoder {
  let person: Person | undefined;
  let closed = false;
  /** The run that is under way, or the last one. */
  let running: Promise<unknown> = Promise.resolve();

  return {
    async setIdentity(identity: DecoderIdentity): Promise<void> {
      if (closed) throw new InvalidStateError('the decoder is closed');
      const references = checkedReferences(identity);
      const { encoder, generator } = { ...graphs, ...identity.networks };
      const before = person;
      const kept = before?.graph === generator ? before.generator : undefined;
      const session = kept ?? (await open(generator));
      const codes = await open(encoder);
      try {
        const prepared = await prepare(identity.size, references, codes, appearance);
        if (closed) throw new InvalidStateError('the decoder is closed');
        person = { ...prepared, graph: generator, generator: session };
      } catch (error) {
        if (!kept) await session.close();
        throw error;
      } finally {
        await codes.close();
      }
      // A frame may still be under way with the one before.
      if (before && !kept) {
        await running.catch(() => undefined);
        await before.generator.close();
      }
    },
    async decode(geometry: Landmarks): Promise<Picture> {
      if (closed) throw new InvalidStateError('the decoder is closed');
      if (!person) throw new InvalidStateError('the decoder has no identity yet');
      checkGeometry('geometry', geometry);
      const { size, count, inputs, warp, generator, layout, style } = person;
      inputs.update(geometry);
      const made = generator.run({
        warped: tensor(inputs.warped, 1, count, 3, NETWORK_SIZE, NETWORK_SIZE),
        trust: tensor(inputs.trust, 1, count, TRUST_CHANNELS, CONDITIONING_SIZE, CONDITIONING_SIZE),
        conditioning: tensor(
          inputs.conditioning,
          1,
          CONDITIONING_CHANNELS,
          CONDITIONING_SIZE,
          CONDITIONING_SIZE,
        ),
        layout,
        style,
      });
      running = made;
      if (warp !== inputs.warp) warp.update(geometry);
      const { flow, hold, blend, paint } = await made;
      inputs.addAppearance(paint.data);
      return composePortrait(warp, count, size, {
        flow: flow.data,
        hold: hold.data,
        blend: blend.data,
        paint: paint.data,
      });
    },
    async close(): Promise<void> {
      if (closed) return;
      closed = true;
      const last = person;
      person = undefined;
      await last?.generator.close();
    },
  };
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

async function prepare(
  size: number,
  references: readonly DecoderReference[],
  encoder: InferenceSession,
  appearance: AppearanceBasis | undefined,
): Promise<Omit<Person, 'graph' | 'generator'>> {
  const small = references.map((reference) => ({
    ...reference,
    picture:
      size === NETWORK_SIZE
        ? reference.picture
        : resampleSquare(reference.picture, { x: 0, y: 0, side: size }, NETWORK_SIZE),
  }));
  const aligned = alignReferences(small);
  const inputs = createPortraitInputs(aligned, appearance);
  const { layout, style } = await encoder.run(encoderInputs(small));
  const sized = aligned.map(({ landmarks }, k) => ({ ...references[k], landmarks }));
  return {
    size,
    count: references.length,
    inputs,
    warp: size === NETWORK_SIZE ? inputs.warp : createFaceWarp(sized, size),
    layout,
    style,
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
