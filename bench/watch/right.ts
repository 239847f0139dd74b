/** A frame that was shown, beside the camera's. */
export interface JudgedFrame {
  readonly capturedMs: number;
  readonly shownMs: number;
  /** dB. */
  readonly psnr: number;
}

/**
 * A picture is right where its PSNR is at most 2 dB below what nine of ten frames had before the splice. 28 dB are
 * always right: chosen, not measured; a hand before the face changes PSNR by a decibel only, and needs another judge.
 */
const TOLERANCE_DB = 2;
const ALWAYS_RIGHT_DB = 28;
/** Frames of which most must be right. */
const WINDOW = 8;
const MOST = 6;

/** The least PSNR of a right picture, from frames before the splice. */
export function leastRight(before: readonly JudgedFrame[]): number {
  const values = before.map(({ psnr }) => psnr).sort((a, b) => a - b);
  return Math.min(values[Math.floor(values.length / 10)] - TOLERANCE_DB, ALWAYS_RIGHT_DB);
}

/**
 * Milliseconds from `fromMs` until a frame that was captured since is shown right and most of the next
 * third of a second are; undefined where none before `toMs` is.
 */
export function rightAfter(
  frames: readonly JudgedFrame[],
  fromMs: number,
  toMs: number,
  least: number,
): number | undefined {
  const within = frames.filter(({ capturedMs }) => capturedMs >= fromMs && capturedMs < toMs);
  const right = within.find(
    ({ psnr }, i) =>
      psnr >= least &&
      within.slice(i, i + WINDOW).filter((frame) => frame.psnr >= least).length >= MOST,
  );
  return right && right.shownMs - fromMs;
}
