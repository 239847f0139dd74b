import { COLUMNS, type Figures, figuresOf, KEYS, type Key, printed } from './figures.js';
import { mean } from './statistics.js';

/** What a decoder's mean must be beside another's. */
interface Target {
  readonly key: Key;
  /** What is asked for, for people. */
  readonly text: string;
  readonly hit: (own: number, other: number) => boolean;
}

const atLeast = (key: Key, gain: number): Target => ({
  key,
  text: `at least +${gain.toFixed(1)} ${COLUMNS[key].unit}`,
  hit: (own, other) => own - other >= gain,
});
const notAbove = (key: Key): Target => ({
  key,
  text: 'not higher',
  hit: (own, other) => own <= other,
});
const notBelow = (key: Key): Target => ({
  key,
  text: 'not lower',
  hit: (own, other) => own >= other,
});

/** Means of a neural decoder beside `warp`'s: the issue's terms. */
const BESIDE_WARP: readonly Target[] = [
  atLeast('psnr', 1.5),
  atLeast('mouthPsnr', 1.5),
  atLeast('eyesPsnr', 1),
  { key: 'butteraugli', text: 'at least −12 %', hit: (own, other) => own <= 0.88 * other },
  { key: 'sharpness', text: 'between 0.8 and 1.1', hit: (own) => own >= 0.8 && own <= 1.1 },
  notAbove('akd'),
  notAbove('lips'),
  notAbove('irises'),
  notBelow('identity'),
];

/** Means of `portrait-256` beside those of `portrait-256-cpu`. */
const BESIDE_SMALL: readonly Target[] = [
  { key: 'psnr', text: 'higher', hit: (own, other) => own > other },
  { key: 'butteraugli', text: 'lower', hit: (own, other) => own < other },
  { key: 'identity', text: 'higher', hit: (own, other) => own > other },
];

/** How a target was met. */
export interface Verdict {
  readonly key: Key;
  readonly text: string;
  readonly hit: boolean;
}

/** Two decoders on the same clips. */
export interface Comparison {
  readonly own: string;
  readonly other: string;
  /** Mean over the clips of the first's figures less the second's. */
  readonly deltas: Figures;
  readonly verdicts: readonly Verdict[];
}

/** Figures of the decoders on one clip, by name. */
export type ByDecoder = Readonly<Record<string, Figures>>;

/** The deltas of one decoder over another, over the clips that have a figure of both. */
function compare(
  clips: readonly ByDecoder[],
  own: string,
  other: string,
  targets: readonly Target[],
): Comparison {
  const both = (key: Key) =>
    clips.flatMap(({ [own]: a, [other]: b }) => {
      const [left, right] = [a?.[key], b?.[key]];
      return left === undefined || right === undefined ? [] : [{ left, right }];
    });
  return {
    own,
    other,
    deltas: figuresOf((key) => mean(both(key).map(({ left, right }) => left - right))),
    verdicts: targets.flatMap(({ key, text, hit }) => {
      const left = mean(both(key).map((pair) => pair.left));
      const right = mean(both(key).map((pair) => pair.right));
      if (left === undefined || right === undefined) return [];
      return [{ key, text, hit: hit(left, right) }];
    }),
  };
}

/** Every decoder but `static` beside `warp`, and `portrait-256` beside `portrait-256-cpu`. */
export function comparisons(
  clips: readonly ByDecoder[],
  decoders: readonly string[],
): Comparison[] {
  const has = (name: string) => decoders.includes(name);
  const neural = decoders.filter((name) => name !== 'static' && name !== 'warp');
  return [
    ...(has('warp') ? neural.map((name) => compare(clips, name, 'warp', BESIDE_WARP)) : []),
    ...(has('portrait-256') && has('portrait-256-cpu')
      ? [compare(clips, 'portrait-256', 'portrait-256-cpu', BESIDE_SMALL)]
      : []),
  ];
}

/** One row for each figure that both have: heading, unit, difference, target, verdict. */
export function comparisonRows({ deltas, verdicts }: Comparison): string[][] {
  return KEYS.filter((key) => deltas[key] !== undefined).map((key) => {
    const delta = deltas[key]!;
    const verdict = verdicts.find((each) => each.key === key);
    const { heading, unit } = COLUMNS[key];
    const sign = delta > 0 ? '+' : '';
    return [
      heading,
      unit,
      sign + printed(key, delta),
      verdict?.text ?? '',
      verdict ? (verdict.hit ? 'hit' : 'miss') : '',
    ];
  });
}
