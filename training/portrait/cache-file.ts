import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Picture } from '../../src/geometry/picture.js';
import { halved } from '../../src/models/families/portrait.js';
import {
  CONDITIONING_CHANNELS,
  CONDITIONING_SIZE,
  NETWORK_SIZE,
  type PortraitInputs,
  TRUST_CHANNELS,
} from '../../src/models/families/portrait-inputs.js';

/** References of a set, at most; where there are fewer the rest of a record is zero. */
export const MAX_COUNT = 4;

const PLANE = NETWORK_SIZE * NETWORK_SIZE;
const SMALL = CONDITIONING_SIZE * CONDITIONING_SIZE;
/** Conditioning is kept as int16: 1 is 8192. */
const CONDITIONING_UNIT = 8192;

/** What the training knows of a sample beside its record. */
export interface SampleEntry {
  /** Index of its set of references. */
  readonly set: number;
  readonly person: string;
  /** Where it comes from: `clip`, `hard`, `still`. */
  readonly source: string;
  /** Boxes in pixels of the picture: left, top, right, bottom. */
  readonly mouth: readonly number[];
  readonly eyes: readonly (readonly number[])[];
}

/** Writes the training cache that `training/portrait/data.py` reads; record layouts are there. */
export function createCache(folder: string) {
  const samples = openSync(join(folder, 'samples.bin'), 'w');
  const sets = openSync(join(folder, 'sets.bin'), 'w');
  const entries: SampleEntry[] = [];
  const counts: number[] = [];

  return {
    addSet(references: readonly Picture[], conditionings: readonly Float32Array[]): number {
      const pictures = new Uint8Array(MAX_COUNT * 3 * SMALL);
      const conditioning = new Int16Array(MAX_COUNT * CONDITIONING_CHANNELS * SMALL);
      references.forEach((picture, k) => {
        pictures.set(
          halved(picture).map((value) => Math.round(255 * value)),
          3 * k * SMALL,
        );
        conditioning.set(quantised(conditionings[k]), k * CONDITIONING_CHANNELS * SMALL);
      });
      writeSync(sets, pictures);
      writeSync(sets, new Uint8Array(conditioning.buffer));
      return counts.push(references.length) - 1;
    },
    addSample(target: Picture, inputs: PortraitInputs, entry: SampleEntry): void {
      const pixels = new Uint8Array(3 * PLANE);
      for (let i = 0; i < PLANE; i++)
        for (let c = 0; c < 3; c++) pixels[c * PLANE + i] = target.data[4 * i + c];
      const warped = new Uint8Array(MAX_COUNT * 3 * PLANE);
      inputs.warped.forEach((value, i) => {
        warped[i] = Math.round(255 * value);
      });
      const trust = new Uint8Array(MAX_COUNT * TRUST_CHANNELS * SMALL);
      inputs.trust.forEach((value, i) => {
        const isShare = Math.floor(i / SMALL) % TRUST_CHANNELS === 0;
        trust[i] = Math.round(isShare ? 255 * value : 127.5 * (value + 1));
      });
      for (const part of [pixels, warped, trust]) writeSync(samples, part);
      writeSync(samples, new Uint8Array(quantised(inputs.conditioning).buffer));
      entries.push(entry);
    },
    get length(): number {
      return entries.length;
    },
    close(): void {
      closeSync(samples);
      closeSync(sets);
      const index = { maxCount: MAX_COUNT, size: NETWORK_SIZE, counts, samples: entries };
      writeFileSync(join(folder, 'index.json'), JSON.stringify(index));
    },
  };
}

export type Cache = ReturnType<typeof createCache>;

const quantised = (values: Float32Array): Int16Array =>
  Int16Array.from(values, (value) => Math.round(CONDITIONING_UNIT * value));
