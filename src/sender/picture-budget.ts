/**
 * What a picture is for: `replace`, a reference that stands alone; `add`, one more, for what none shows; `finer`, in the
 * place of a coarse one; `picture`, a still.
 */
export type PictureKind = 'replace' | 'add' | 'finer' | 'picture';

/** Bits a second on the wire for pictures, and for those without which something else is shown: below 1000 none are sent. */
export interface PictureRates {
  readonly pictureBps: number;
  readonly urgentPictureBps: number;
}

/** Seconds of the pictures' rate that each may take. */
const SECONDS: Readonly<Record<PictureKind, number>> = {
  replace: 1,
  add: 4,
  finer: 6,
  picture: 0.6,
};
const URGENT: ReadonlySet<PictureKind> = new Set(['replace', 'picture']);
/** Of the bytes on the wire, those that are a picture's; and what is beside it in its messages. */
const PICTURE_SHARE = 0.78;
const BESIDE_BYTES = 100;
const MOST_BYTES = 24_000;
const LEAST_BYTES = 600;

/** Whether what is shown is wrong until it is there. */
export const isUrgent = (kind: PictureKind): boolean => URGENT.has(kind);

/** Bytes that a picture's file may have. */
export function pictureBytes(kind: PictureKind, rates: PictureRates): number {
  const bps = isUrgent(kind) ? rates.urgentPictureBps : rates.pictureBps;
  const bytes = (PICTURE_SHARE * bps * SECONDS[kind]) / 8 - BESIDE_BYTES;
  return Math.min(MOST_BYTES, Math.max(LEAST_BYTES, bytes));
}
