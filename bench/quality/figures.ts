import { mean } from './statistics.js';

/** One column of the table: docs/quality.md defines each. */
export interface Column {
  readonly heading: string;
  readonly unit: string;
  readonly digits: number;
}

/** The columns, in the order of the table. */
export const COLUMNS = {
  psnr: { heading: 'PSNR', unit: 'dB', digits: 2 },
  ssim: { heading: 'SSIM', unit: '', digits: 4 },
  msSsim: { heading: 'MS-SSIM', unit: '', digits: 4 },
  l1: { heading: 'L1', unit: '0–255', digits: 2 },
  butteraugli: { heading: 'Butteraugli', unit: '3-norm', digits: 3 },
  sharpness: { heading: 'sharpness', unit: '× source', digits: 3 },
  akd: { heading: 'AKD', unit: 'px', digits: 2 },
  lips: { heading: 'lips', unit: 'px', digits: 2 },
  irises: { heading: 'irises', unit: 'px', digits: 2 },
  opening: { heading: 'opening', unit: 'r', digits: 3 },
  lost: { heading: 'lost', unit: '%', digits: 1 },
  mouthPsnr: { heading: 'mouth', unit: 'dB', digits: 2 },
  eyesPsnr: { heading: 'eyes', unit: 'dB', digits: 2 },
  identity: { heading: 'identity', unit: 'cos', digits: 3 },
  flicker: { heading: 'flicker', unit: '0–510', digits: 2 },
  payloadKbps: { heading: 'payload', unit: 'kbps', digits: 2 },
  wireKbps: { heading: 'wire', unit: 'kbps', digits: 1 },
  decodeP50: { heading: 'decode', unit: 'ms p50', digits: 1 },
  decodeP95: { heading: 'decode', unit: 'ms p95', digits: 1 },
} as const satisfies Record<string, Column>;

export type Key = keyof typeof COLUMNS;
export const KEYS = Object.keys(COLUMNS) as Key[];

/** What one decoder gave on one clip, or on the mean; absent: not measured. */
export type Figures = Partial<Record<Key, number>>;

/** Builds figures, leaving out what was not measured. */
export function figuresOf(value: (key: Key) => number | undefined): Figures {
  const figures: Figures = {};
  for (const key of KEYS) {
    const measured = value(key);
    if (measured !== undefined) figures[key] = measured;
  }
  return figures;
}

/** Mean of each figure over the clips that have it. */
export function meanFigures(clips: readonly Figures[]): Figures {
  return figuresOf((key) => mean(clips.map((figures) => figures[key])));
}

/** A figure as it is printed; – where there is none. */
export function printed(key: Key, value: number | undefined): string {
  return value === undefined ? '–' : value.toFixed(COLUMNS[key].digits);
}
