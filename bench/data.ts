import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One clip of `splits.json`. */
export interface Clip {
  /** Path under `dataRoot()`. */
  readonly file: string;
  /** Label of the person; empty where unknown. */
  readonly identity: string;
  /** Rights: A open licence, B public address, C unclear. */
  readonly tier: 'A' | 'B' | 'C';
  readonly width: number;
  readonly height: number;
  /** Frames per second. */
  readonly fps: number;
  readonly frames: number;
}

/** The four sets of clips and what each is for: see the data's README. */
export type Splits = Record<'train' | 'validation' | 'hard' | 'negative', Clip[]>;

/** The data folder: `$VISAVIS_DATA/data`, `../shared/data` beside the repository by default. */
export function dataRoot(): string {
  const repository = fileURLToPath(new URL('..', import.meta.url));
  return resolve(repository, process.env.VISAVIS_DATA ?? '../shared', 'data');
}

/** Reads `splits.json`. Throws where the data folder is not there. */
export function splits(): Splits {
  return JSON.parse(readFileSync(resolve(dataRoot(), 'splits.json'), 'utf8')) as Splits;
}
