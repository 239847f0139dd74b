import type { EnrolmentFrame } from './enrolment.js';
import {
  EXPRESSION_PROMPTS,
  type ExpressionPrompt,
  type FaceMeasures,
  frameRank,
  fulfilment,
  isAtRest,
  meanMeasures,
  restRank,
} from './enrolment-prompts.js';
import { FRONTAL_DEGREES } from './face-distance.js';

/** One face of a frame, alone and continuing the one before. */
export interface SeenFace {
  readonly measures: FaceMeasures;
  /** Since the last frame, ms; 0 after a pause. */
  readonly stepMs: number;
  /** Face sizes a second. */
  readonly speed: number;
}

/** A part of an enrolment: what is asked for until it is done, and the frames it has of it. */
export interface EnrolmentStage {
  readonly prompt: 'hold-still' | ExpressionPrompt;
  /** 0–1, never falling; 1 where `isDone` by what was seen. */
  readonly progress: number;
  readonly isDone: boolean;
  readonly frames: readonly EnrolmentFrame[];
  /** Whether the frame is to be kept. */
  look(face: SeenFace): boolean;
  /** A frame that it wanted, at once or never. */
  keep(frame: EnrolmentFrame): void;
  skip(): void;
}

/** Time with the face from the front that makes an enrolment. */
const REST_MS = 1000;
/** Pictures of that time, spread over it: twelve of 1280×720 are 44 MB. */
const MAX_REST_FRAMES = 12;
const MIN_REST_FRAMES = 3;
/** Of these, a guided enrolment goes on with so many. */
const BEST_REST_FRAMES = 3;
/** After this time a prompt is left with what there is. */
const LIMIT_MS = 5000;
/** An expression is reached when it is seen for so long. */
const HOLD_MS = 200;
/** Share of an expression's progress that is reaching it; the rest is holding it. */
const REACHING = 0.8;
/** A frame that fulfils less of its prompt than this shows nothing that the rest does not. */
const WORTH_KEEPING = 0.5;
/** Only a frame better by this replaces one: each costs a copy of a picture. */
const RANK_STEP = 0.05;
/** What a face size a second, which blurs a picture, takes from a frame's rank. */
const BLUR_RANK = 0.5;

/**
 * Gathers a second of a face from the front. `strict`: at rest, in the first five seconds, and of the
 * frames the three whose eyes are open and mouth is closed most, marked `atRest`.
 */
export class RestStage implements EnrolmentStage {
  readonly prompt = 'hold-still';
  readonly #strict: boolean;
  #frames: { readonly frame: EnrolmentFrame; readonly measures: FaceMeasures }[] = [];
  #wanted: FaceMeasures | undefined;
  #gatheredMs = 0;
  #elapsedMs = 0;
  #sinceKeptMs = Number.POSITIVE_INFINITY;
  #lenient: boolean;
  #done = false;

  constructor(strict: boolean) {
    this.#strict = strict;
    this.#lenient = !strict;
  }

  get progress(): number {
    return Math.min(1, this.#gatheredMs / REST_MS, this.#frames.length / MIN_REST_FRAMES);
  }

  get isDone(): boolean {
    return this.#done;
  }

  get frames(): readonly EnrolmentFrame[] {
    return this.#frames.map(({ frame }) => frame);
  }

  /** The mean of the frames. */
  get measures(): FaceMeasures {
    return meanMeasures(this.#frames.map(({ measures }) => measures));
  }

  look({ measures, stepMs }: SeenFace): boolean {
    this.#wanted = undefined;
    this.#elapsedMs += stepMs;
    this.#sinceKeptMs += stepMs;
    if (this.#elapsedMs >= LIMIT_MS) this.#lenient = true;
    const frontal = Math.abs(measures.turn) <= FRONTAL_DEGREES;
    if (!frontal || !(this.#lenient || isAtRest(measures))) return false;
    this.#gatheredMs += stepMs;
    if (this.#gatheredMs >= REST_MS && this.#frames.length >= MIN_REST_FRAMES) {
      this.#finish();
      return false;
    }
    const due = this.#sinceKeptMs >= REST_MS / MAX_REST_FRAMES;
    if (!due || this.#frames.length === MAX_REST_FRAMES) return false;
    this.#wanted = measures;
    return true;
  }

  keep(frame: EnrolmentFrame): void {
    if (!this.#wanted) return;
    this.#frames.push({ frame, measures: this.#wanted });
    this.#sinceKeptMs = 0;
  }

  /** Strict: takes what there is, or what comes where there is too little. */
  skip(): void {
    if (!this.#strict) return;
    this.#lenient = true;
    if (this.#frames.length >= MIN_REST_FRAMES) this.#finish();
  }

  #finish(): void {
    this.#done = true;
    if (!this.#strict) return;
    const best = this.#frames
      .toSorted((a, b) => restRank(b.measures) - restRank(a.measures))
      .slice(0, BEST_REST_FRAMES);
    this.#frames = this.#frames
      .filter((kept) => best.includes(kept))
      .map((kept) => ({ ...kept, frame: { ...kept.frame, atRest: true } }));
  }
}

/** Waits for one expression or turn, and keeps its best frame. */
class ExpressionStage implements EnrolmentStage {
  readonly prompt: ExpressionPrompt;
  readonly #rest: FaceMeasures;
  #frame: EnrolmentFrame | undefined;
  #rank = Number.NEGATIVE_INFINITY;
  #wantedRank = 0;
  #progress = 0;
  #elapsedMs = 0;
  #heldMs: number | undefined;
  #done = false;

  constructor(prompt: ExpressionPrompt, rest: FaceMeasures) {
    this.prompt = prompt;
    this.#rest = rest;
  }

  get progress(): number {
    return this.#progress;
  }

  get isDone(): boolean {
    return this.#done;
  }

  get frames(): readonly EnrolmentFrame[] {
    return this.#frame ? [this.#frame] : [];
  }

  look({ measures, stepMs, speed }: SeenFace): boolean {
    const fulfilled = fulfilment(this.prompt, measures, this.#rest);
    this.#elapsedMs += stepMs;
    if (fulfilled < 1) this.#heldMs = undefined;
    else this.#heldMs = this.#heldMs === undefined ? 0 : this.#heldMs + stepMs;
    const held = Math.min(1, (this.#heldMs ?? 0) / HOLD_MS);
    const reached = Math.max(0, Math.min(1, fulfilled));
    this.#progress = Math.max(this.#progress, REACHING * reached + (1 - REACHING) * held);
    this.#done = held === 1 || this.#elapsedMs >= LIMIT_MS;
    this.#wantedRank = frameRank(this.prompt, fulfilled) - BLUR_RANK * speed;
    return fulfilled >= WORTH_KEEPING && this.#wantedRank >= this.#rank + RANK_STEP;
  }

  keep(frame: EnrolmentFrame): void {
    this.#frame = frame;
    this.#rank = this.#wantedRank;
  }

  skip(): void {
    this.#done = true;
  }
}

/** The stages after the face at rest, in turn. */
export const expressionStages = (rest: FaceMeasures): EnrolmentStage[] =>
  EXPRESSION_PROMPTS.map((prompt) => new ExpressionStage(prompt, rest));
