import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Picture } from '../../geometry/picture.js';
import {
  CONDITIONING_CHANNELS,
  CONDITIONING_SIZE,
  NETWORK_SIZE,
  type PortraitInputs,
  TRUST_CHANNELS,
} from '../../models/families/portrait-inputs.js';

/** References of a set, at most; where there are fewer the rest of a record is zero. */
export const MAX_COUNT = 4;

const PLANE = NETWORK_SIZE * NETWORK_SIZE;
const SMALL = CONDITIONING_SIZE * CONDITIONING_SIZE;
/** Conditioning and trust are kept as int16: 1 is 8192. */
const UNIT = 8192;
/** Positions in references are kept as int16, this many to a pixel. */
const POSITION_UNIT = 64;

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
      const pictures = new Uint8Array(MAX_COUNT * 3 * PLANE);
      const conditioning = new Int16Array(MAX_COUNT * CONDITIONING_CHANNELS * SMALL);
      references.forEach((picture, k) => {
        pictures.set(planes(picture), 3 * k * PLANE);
        conditioning.set(quantised(conditionings[k]), k * CONDITIONING_CHANNELS * SMALL);
      });
      writeSync(sets, pictures);
      writeSync(sets, new Uint8Array(conditioning.buffer));
      return counts.push(references.length) - 1;
    },
    addSample(target: Picture, inputs: PortraitInputs, entry: SampleEntry): void {
      writeSync(samples, planes(target));
      writeSync(samples, new Uint8Array(positions(inputs, counts[entry.set]).buffer));
      const trust = new Int16Array(MAX_COUNT * TRUST_CHANNELS * SMALL);
      trust.set(quantised(inputs.trust));
      writeSync(samples, new Uint8Array(trust.buffer));
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
  Int16Array.from(values, (value) => Math.round(UNIT * value));

/** A picture's colours as planes. */
function planes({ data }: Picture): Uint8Array {
  const out = new Uint8Array(3 * PLANE);
  for (let i = 0; i < PLANE; i++) for (let c = 0; c < 3; c++) out[c * PLANE + i] = data[4 * i + c];
  return out;
}

/** Where each pixel comes from in each reference, as the geometry says: x plane, then y plane. */
function positions({ warp }: PortraitInputs, count: number): Int16Array {
  const out = new Int16Array(MAX_COUNT * 2 * PLANE);
  const quantise = (value: number) =>
    Math.round(POSITION_UNIT * Math.min(2 * NETWORK_SIZE - 1, Math.max(-NETWORK_SIZE, value)));
  for (let k = 0; k < count; k++) {
    for (let i = 0; i < PLANE; i++) {
      warp.locate(k, (i % NETWORK_SIZE) + 0.5, Math.floor(i / NETWORK_SIZE) + 0.5, i);
      out[2 * k * PLANE + i] = quantise(warp.at.x);
      out[(2 * k + 1) * PLANE + i] = quantise(warp.at.y);
    }
  }
  return out;
}
