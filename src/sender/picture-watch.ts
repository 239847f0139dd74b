import { RunningMedian } from './running-median.js';

/** What a look at the camera's picture beside the receiver's told. */
export interface Look {
  readonly nowMs: number;
  readonly face: 'none' | 'one' | 'several';
  /** `compareCells` of the two; undefined where there is no face to show. */
  readonly cells: Float32Array | undefined;
  /** `referenceGap` of the references in use. */
  readonly gap: number;
  /** Whether the camera's picture is nearly that of half a second ago. */
  readonly still: boolean;
  /** Whether a still is on show that is more wrong than what the references would show. */
  readonly beatsStill?: boolean | undefined;
}

/**
 * What is to be done: `replace`: a reference that stands alone, as those in use show what is no more; `add`: one
 * beside them, of what none of them shows; `picture`: a still, to be shown as it is.
 */
export type WatchWish = 'replace' | 'add' | 'picture' | undefined;

/** Why: the picture is wrong, shows what no reference shows, or cannot be shown by any. */
export type WatchReason = 'changed' | 'uncovered' | 'no-face' | 'several-faces' | 'restless';

export interface WatchVerdict {
  readonly wish: WatchWish;
  readonly reason: WatchReason | undefined;
  /** Whether the receiver's picture is as right as it mostly is. */
  readonly right: boolean;
  /** Whether it shows something else altogether. */
  readonly surelyWrong: boolean;
  /** Whether references of before that are right are to be gone back to. */
  readonly recall: boolean;
  /** Whether what is on its way is not wanted any more: the picture is right without. */
  readonly cancel: boolean;
}

interface Wrongness {
  /** 1 and more is wrong. */
  readonly wrong: number;
  /** It shows something else altogether. */
  readonly sure: boolean;
}

/** Looks that the normal difference is the median of. */
const NORMAL_LOOKS = 25;
/**
 * Levels (0–255) of difference, over all cells and over the four worst, that are never wrong; and times the normal
 * that are not. Explored (docs/decisions.md): 0.3–5 and 1–16 on quiet clips, 4 and 17 of new glasses, 4–8 and 17–40
 * of a hand, 19 and more of another light, 60 and more of another person.
 */
const LEAST_WRONG = { all: 4, worst: 10 } as const;
const TIMES_NORMAL = 2.5;
/** However poor the picture normally is, this is wrong; and this is so at first sight. */
const SURELY_WRONG = { all: 12, worst: 60 } as const;
/** Right again below this share of wrong. */
const HYSTERESIS = 0.8;
/** How long a picture must be wrong: surely; and otherwise, where it is just wrong, and the less the more it is. */
const SURE_MS = 100;
const UNSURE_MS = 500;
const LEAST_UNSURE_MS = 200;
/** The gap from which on a face is one that no reference shows. */
const UNCOVERED = 1;
/** No face for so long: the tracker may lose one for a frame or two. */
const NO_FACE_MS = 300;
/** After a reference has come into use, the picture has so long to be right; and not to be surely wrong. */
const SETTLE_MS = 400;
const SURELY_SETTLE_MS = 100;
/** What is on its way is called off when the picture has been right without it for so long. */
const CANCEL_MS = 200;
/** References that did not help in so long, and no more are sent while the picture is restless. */
const FUTILE = 2;
const FUTILE_MS = 6000;
/**
 * The picture must be right, or still, for so long until references are trusted again; right longer where they did
 * not help, or as long less wrong than the stills.
 */
const TRUST_MS = { 'no-face': 100, 'several-faces': 400, restless: 400 } as const;
const STILL_MS = 800;
/** Between references that are only better to have. */
const ADD_INTERVAL_MS = 2000;
/** What is on its way is waited for no longer than this. */
const LOST_MS = 15_000;
const WORST_CELLS = 4;

/**
 * Judges, look by look, whether the receiver's picture is right and what would make it so. Sans IO: times are
 * milliseconds of any clock that does not run backwards.
 */
export class PictureWatch {
  readonly #all = new RunningMedian(NORMAL_LOOKS);
  readonly #worst = new RunningMedian(NORMAL_LOOKS);
  #wrongSince: number | undefined;
  #rightSince: number | undefined;
  #beatsSince: number | undefined;
  #stillSince: number | undefined;
  #faceAt: number | undefined;
  #uncovered = 0;
  /** What is on its way, and since when. */
  #sent: { readonly atMs: number; readonly urgent: boolean } | undefined;
  #usedAt = -Infinity;
  /** Whether what came into use then has been seen to help or not. */
  #judged = true;
  /** What is in use was right before: it is trusted at once. */
  #recalled = false;
  #addedAt = -Infinity;
  #futile: number[] = [];
  #mode: 'motion' | 'pictures' = 'motion';
  /** Why pictures are shown. */
  #why: 'no-face' | 'several-faces' | 'restless' = 'restless';
  #reason: WatchReason | undefined;

  /** `pictures`: frames go without a face, so that the stills are shown. */
  get mode(): 'motion' | 'pictures' {
    return this.#mode;
  }

  /** A reference or a choice of them is on its way; `urgent`: to replace what is wrong. */
  sent(nowMs: number, urgent: boolean): void {
    this.#sent = { atMs: nowMs, urgent };
    this.#uncovered = 0;
  }

  /** It is in use; `kind`: a new one in the place of all others or beside them, or those of before. Or it never will be. */
  answered(nowMs: number, used: boolean, kind: 'replaces' | 'adds' | 'recalls'): void {
    this.#sent = undefined;
    if (!used) return;
    this.#usedAt = nowMs;
    this.#wrongSince = undefined;
    this.#recalled = kind === 'recalls';
    if (kind === 'replaces') this.#judged = false;
  }

  look(look: Look): WatchVerdict {
    const { nowMs, face, cells, still, beatsStill } = look;
    if (face !== 'none') this.#faceAt = nowMs;
    this.#faceAt ??= nowMs;
    this.#stillSince = still ? (this.#stillSince ?? nowMs) : undefined;
    this.#beatsSince = beatsStill ? (this.#beatsSince ?? nowMs) : undefined;
    const wrongness = cells === undefined ? { wrong: 0, sure: false } : this.#wrongness(cells);
    if (face === 'one' && cells) this.#note(wrongness, cells, nowMs);
    else this.#rightSince = undefined;
    const right = this.#rightSince !== undefined;
    const wish = this.#wish(look, wrongness);
    const recall = face === 'one' && (this.#wrongSince !== undefined || this.#mode === 'pictures');
    const cancel = this.#sent?.urgent === true && right && nowMs - this.#rightSince! >= CANCEL_MS;
    const surelyWrong = wrongness.sure && this.#wrongSince !== undefined;
    return { wish, reason: wish && this.#reason, right, surelyWrong, recall, cancel };
  }

  #note({ wrong, sure }: Wrongness, cells: Float32Array, nowMs: number): void {
    if (wrong < (this.#wrongSince === undefined ? 1 : HYSTERESIS)) {
      this.#wrongSince = undefined;
      this.#rightSince ??= nowMs;
      this.#judged = true;
      const { all, worst } = measure(cells);
      this.#all.add(all);
      this.#worst.add(worst);
      return;
    }
    this.#rightSince = undefined;
    if (nowMs < this.#usedAt + (sure ? SURELY_SETTLE_MS : SETTLE_MS)) return;
    this.#wrongSince ??= nowMs;
    if (!this.#judged) this.#futile.push(nowMs);
    this.#judged = true;
  }

  #wish({ nowMs, face, gap }: Look, { wrong, sure }: Wrongness): WatchWish {
    this.#futile = this.#futile.filter((at) => nowMs - at < FUTILE_MS);
    if (this.#sent && nowMs - this.#sent.atMs > LOST_MS) this.#sent = undefined;
    const gone = nowMs - this.#faceAt! >= NO_FACE_MS;
    if (face === 'several' || gone || this.#futile.length >= FUTILE) {
      this.#mode = 'pictures';
      this.#why = gone ? 'no-face' : face === 'several' ? 'several-faces' : 'restless';
      this.#reason = this.#why;
    }
    if (this.#mode === 'pictures') return this.#wishOfPictures(nowMs, face);
    if (this.#sent?.urgent || face !== 'one') return undefined;
    const wrongMs = this.#wrongSince === undefined ? -1 : nowMs - this.#wrongSince;
    const unsureMs = Math.max(LEAST_UNSURE_MS, UNSURE_MS / wrong);
    if (wrongMs >= (sure ? SURE_MS : unsureMs)) {
      this.#reason = 'changed';
      return 'replace';
    }
    const isRight = this.#rightSince !== undefined;
    this.#uncovered = gap >= UNCOVERED && isRight ? this.#uncovered + 1 : 0;
    if (this.#sent || this.#uncovered < 2 || nowMs - this.#addedAt < ADD_INTERVAL_MS)
      return undefined;
    this.#addedAt = nowMs;
    this.#reason = 'uncovered';
    return 'add';
  }

  #wishOfPictures(nowMs: number, face: Look['face']): WatchWish {
    if (face === 'one') {
      const trustMs = TRUST_MS[this.#recalled ? 'no-face' : this.#why];
      const lasts = (since: number | undefined) => since !== undefined && nowMs - since >= trustMs;
      const beats = this.#why === 'restless' && lasts(this.#beatsSince);
      if (beats || lasts(this.#rightSince)) {
        this.#mode = 'motion';
        this.#futile = [];
        return undefined;
      }
      const calm = this.#stillSince !== undefined && nowMs - this.#stillSince >= STILL_MS;
      if (this.#sent) return undefined;
      if (calm) {
        this.#reason = 'changed';
        return 'replace';
      }
    }
    this.#reason = this.#why;
    return 'picture';
  }

  /** How wrong, by what is normal. */
  #wrongness(cells: Float32Array): Wrongness {
    const { all, worst } = measure(cells);
    const limit = (least: number, sure: number, normal = 0) =>
      Math.min(sure, Math.max(least, TIMES_NORMAL * normal));
    const wrong = Math.max(
      all / limit(LEAST_WRONG.all, SURELY_WRONG.all, this.#all.value),
      worst / limit(LEAST_WRONG.worst, SURELY_WRONG.worst, this.#worst.value),
    );
    return { wrong, sure: all >= SURELY_WRONG.all || worst >= SURELY_WRONG.worst };
  }
}

/** How wrong a picture is that differs like this, whatever is normal: 1 and more may be. */
export function wrongness(cells: Float32Array): number {
  const { all, worst } = measure(cells);
  return Math.max(all / LEAST_WRONG.all, worst / LEAST_WRONG.worst);
}

/** Mean difference over all cells, and over the worst. */
function measure(cells: Float32Array): { all: number; worst: number } {
  const sorted = cells.toSorted((a, b) => b - a);
  const mean = (values: Float32Array) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  return { all: mean(sorted), worst: mean(sorted.subarray(0, WORST_CELLS)) };
}
