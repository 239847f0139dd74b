import { meanSquaredError, psnrOf } from '../../src/cli/report/quality.js';
import type { Picture } from '../../src/geometry/picture.js';
import { compareCells } from '../../src/sender/picture-difference.js';
import { compared } from '../../src/sender/shadow-decoder.js';

/** A frame that was shown, beside the camera's. */
export interface JudgedFrame {
  readonly capturedMs: number;
  readonly shownMs: number;
  /** dB. */
  readonly psnr: number;
  /** Of the 64 cells of the picture, those that show something else than the camera's. */
  readonly wrongCells: number;
}

/** What a right frame has: chosen, not measured. */
export interface Limits {
  readonly leastPsnr: number;
  readonly mostWrongCells: number;
}

/** Levels (0–255) of `compareCells` from which on a cell shows something else: a hand's are 17–40. */
const WRONG_LEVELS = 10;
/** How much poorer than nine of ten frames before the splice a right one may be. */
const TOLERANCE_DB = 2;
const TOLERATED_CELLS = 1;
/** So much is right whatever was before. */
const ALWAYS_RIGHT_DB = 28;
/** Frames of which most must be right. */
const WINDOW = 8;
const MOST = 6;

/** How far what is shown is from the camera's picture. */
export function judge(source: Picture, shown: Picture): Pick<JudgedFrame, 'psnr' | 'wrongCells'> {
  const cells = compareCells(compared(source), compared(shown));
  return {
    psnr: psnrOf(meanSquaredError(source, shown)),
    // Of a hand the PSNR of the whole picture tells little.
    wrongCells: cells.filter((cell) => cell >= WRONG_LEVELS).length,
  };
}

/** What is right in a call, from frames before the splice. */
export function limitsOf(before: readonly JudgedFrame[]): Limits {
  const tenth = Math.floor(before.length / 10);
  const psnr = before.map((frame) => frame.psnr).sort((a, b) => a - b);
  const wrong = before.map(({ wrongCells }) => wrongCells).sort((a, b) => b - a);
  return {
    leastPsnr: Math.min(psnr[tenth] - TOLERANCE_DB, ALWAYS_RIGHT_DB),
    mostWrongCells: wrong[tenth] + TOLERATED_CELLS,
  };
}

/** What is right by one of two. */
export const loosest = (one: Limits, other: Limits): Limits => ({
  leastPsnr: Math.min(one.leastPsnr, other.leastPsnr),
  mostWrongCells: Math.max(one.mostWrongCells, other.mostWrongCells),
});

const isRight = ({ psnr, wrongCells }: JudgedFrame, limits: Limits): boolean =>
  psnr >= limits.leastPsnr && wrongCells <= limits.mostWrongCells;

const between = (frames: readonly JudgedFrame[], fromMs: number, toMs: number) =>
  frames.filter(({ capturedMs }) => capturedMs >= fromMs && capturedMs < toMs);

/**
 * Milliseconds from `fromMs` until a frame that was captured since is shown right and most of the next
 * third of a second are; undefined where none before `toMs` is.
 */
export function rightAfter(
  frames: readonly JudgedFrame[],
  fromMs: number,
  toMs: number,
  limits: Limits,
): number | undefined {
  const within = between(frames, fromMs, toMs);
  const right = within.find(
    (first, i) =>
      isRight(first, limits) &&
      within.slice(i, i + WINDOW).filter((frame) => isRight(frame, limits)).length >= MOST,
  );
  return right && right.shownMs - fromMs;
}

/** The share of the frames captured in that time that are shown right. */
export function rightShare(
  frames: readonly JudgedFrame[],
  fromMs: number,
  toMs: number,
  limits: Limits,
): number {
  const within = between(frames, fromMs, toMs);
  return within.filter((frame) => isRight(frame, limits)).length / within.length;
}
