import { COLUMNS, type Figures, KEYS, type Key, printed } from './figures.js';
import { type Comparison, comparisonRows } from './targets.js';

/** Characters of a clip's name, from its start, and of a decoder's, to its end (a folder's path). */
const NAME_WIDTH = 30;
const DECODER_WIDTH = 18;

const width = (key: Key) => Math.max(COLUMNS[key].heading.length, COLUMNS[key].unit.length, 6) + 1;

const line = (name: string, decoder: string, cells: readonly string[]) =>
  name.slice(0, NAME_WIDTH).padEnd(NAME_WIDTH) +
  ` ${decoder.slice(-DECODER_WIDTH).padEnd(DECODER_WIDTH)}` +
  cells.join('');

/** The two lines above the table. */
export function tableHead(): string[] {
  const cells = (of: 'heading' | 'unit') =>
    KEYS.map((key) => COLUMNS[key][of].padStart(width(key)));
  return [line('clip', 'decoder', cells('heading')), line('', '', cells('unit'))];
}

/** One line of the table. */
export function tableLine(name: string, decoder: string, figures: Figures): string {
  return line(
    name,
    decoder,
    KEYS.map((key) => printed(key, figures[key]).padStart(width(key))),
  );
}

/** The lines of a comparison. */
export function comparisonLines(comparison: Comparison): string[] {
  const rows = comparisonRows(comparison).map(([heading, unit, delta, text, verdict]) =>
    [
      heading.padEnd(12),
      unit.padEnd(9),
      delta.padStart(9),
      verdict === '' ? '' : `   ${verdict.padEnd(5)} (${text})`,
    ].join(' '),
  );
  return [`${comparison.own} − ${comparison.other}, means`, ...rows.map((row) => row.trimEnd())];
}
