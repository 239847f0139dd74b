import type { Machine } from '../../src/cli/report/schema.js';
import { type Figures, KEYS, type Key, meanFigures } from '../quality/figures.js';
import { mean } from '../quality/statistics.js';
import type { CallFigures } from './call.js';
import type { SizeFigures } from './own-size.js';
import type { PackCost } from './pack-cost.js';
import type { DecoderTime } from './timing.js';

/** Columns of bench/quality but its decoding times, which other decoders and the judge share the machine with. */
export const QUALITY_KEYS: readonly Key[] = KEYS.filter(
  (key) => key !== 'decodeP50' && key !== 'decodeP95',
);

/** What is measured of a pack on a clip. */
export interface PackFigures {
  /** `QUALITY_KEYS` at the stream's size. */
  readonly quality: Figures;
  readonly sizes: readonly SizeFigures[];
  readonly call: CallFigures;
  readonly time: PackTime;
}

export interface PackTime {
  /** The sender's part of a frame, tracker left out: median. */
  readonly senderMs: number;
  /** By execution provider. */
  readonly cpu: DecoderTime;
  readonly cuda?: DecoderTime;
}

export interface PackOnClip extends PackFigures {
  readonly name: string;
}

/** One clip's part of the report. */
export interface ClipReport {
  /** The clip's path in the data. */
  readonly file: string;
  readonly fps: number;
  /** After the enrolment. */
  readonly frames: number;
  readonly references: number;
  readonly packs: readonly PackOnClip[];
}

/** What is true of a pack whatever the clip. */
export interface PackReport {
  readonly name: string;
  readonly family: string;
  readonly sha256: string;
  /** Across the pictures that its networks make; the stream's where they make none. */
  readonly pixels: number;
  /** As its manifest says. */
  readonly trainingData: string;
  readonly cost: PackCost;
  /** Of a network that nobody has trained: how long it takes is all that can be said of it. */
  readonly untrained?: PackTime;
}

/** `families.json`. */
export interface FamiliesReport {
  readonly bench: 'families';
  readonly version: string;
  readonly date: string;
  readonly machine: Machine;
  readonly options: { readonly seconds: number; readonly stride: number; readonly size: number };
  readonly tracker: string;
  /** Why networks did not run on CUDA; absent where they did. */
  readonly noCuda?: string;
  /** What could not be measured, a line each. */
  readonly leftOut: readonly string[];
  readonly packs: readonly PackReport[];
  readonly clips: readonly ClipReport[];
  /** Means over the clips. */
  readonly means: readonly PackOnClip[];
}

/** Mean of each number of objects of one shape, over those that have it. */
function meanOf<T extends object>(values: readonly T[]): T {
  const keys = [...new Set(values.flatMap((value) => Object.keys(value)))] as (keyof T)[];
  const entries = keys.map((key) => [key, mean(values.map((value) => value[key] as number))]);
  return Object.fromEntries(entries) as T;
}

/** Means over clips, pack by pack. */
export function meansOf(clips: readonly ClipReport[]): PackOnClip[] {
  const names = [...new Set(clips.flatMap(({ packs }) => packs.map(({ name }) => name)))];
  return names.map((name) => {
    const found = clips.flatMap(({ packs }) => packs.filter((each) => each.name === name));
    const cuda = found.flatMap(({ time }) => (time.cuda ? [time.cuda] : []));
    return {
      name,
      quality: meanFigures(found.map(({ quality }) => quality)),
      sizes: found[0].sizes.map((_, at) => meanOf(found.map(({ sizes }) => sizes[at]))),
      call: meanOf(found.map(({ call }) => call)),
      time: {
        senderMs: mean(found.map(({ time }) => time.senderMs))!,
        cpu: meanOf(found.map(({ time }) => time.cpu)),
        ...(cuda.length > 0 && { cuda: meanOf(cuda) }),
      },
    };
  });
}
