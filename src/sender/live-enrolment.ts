import type { Landmarks } from '../geometry/landmarks.js';
import type { Picture } from '../geometry/picture.js';
import { checkOption, checkStreamSize } from '../protocol/check-options.js';
import { InvalidStateError } from '../protocol/errors.js';
import type { StreamSize } from '../protocol/limits.js';
import { faceBox } from './crop.js';
import type { EnrolmentFrame } from './enrolment.js';
import { EXPRESSION_PROMPTS, type ExpressionPrompt, measureFace } from './enrolment-prompts.js';
import { type EnrolmentStage, expressionStages, RestStage } from './enrolment-stages.js';
import { CUT_DISTANCE, continueFace, faceDistance, isCrowded } from './face-distance.js';
import type { TrackedFace } from './tracker.js';

/**
 * What the person is asked for. Left and right are their own: a head turned to its left looks to the
 * right of the camera's picture, and to the left of a mirrored self view.
 */
export type EnrolmentPrompt = 'hold-still' | ExpressionPrompt | 'done';

export interface EnrolmentStatus {
  readonly prompt: EnrolmentPrompt;
  /** 0–1; 1 when done. It stands still while there is no face or more than one, and falls to 0 only on a restart. */
  readonly progress: number;
  /** What the last frame showed. */
  readonly face: 'none' | 'one' | 'several';
}

export interface LiveEnrolmentOptions {
  /**
   * `quick`: a second of one face from the front, 12 pictures of it at most. `guided`: the face at rest, then
   * both turns, a smile, the mouth open and the eyes closed, each until it was held for 200 ms, for five
   * seconds at most: 3–8 pictures, 12 while it lasts.
   */
  readonly mode: 'quick' | 'guided';
  /** Pixels across the crop to be enrolled: a face smaller than an eighth of it is not seen. */
  readonly size: StreamSize;
}

/**
 * An enrolment from a live camera: it is told the faces of successive frames, at any rate, and says what to
 * ask for and which pictures to keep. What it has is forgotten, and it starts again, where another person may
 * have come: after a cut (the face is more than half its size away from its last place), after two seconds
 * without a face, with pictures of another size.
 */
export interface LiveEnrolment {
  readonly status: EnrolmentStatus;
  /**
   * Whether the picture of a frame with these faces (of `FaceTracker.track`, pixels) is to be handed to
   * `keep`. `nowMs`: any clock that does not run backwards.
   */
  look(faces: readonly TrackedFace[], nowMs: number): 'keep' | 'drop';
  /**
   * The picture of the frame just looked at; it belongs to the enrolment from now on. InvalidStateError
   * where `look` did not ask for it.
   */
  keep(picture: Picture): void;
  /**
   * Goes on with the next prompt, with what there is of this one. At `hold-still`, which nothing goes without,
   * any face from the front then will do. Nothing happens in `quick` mode, nor when done.
   */
  skip(nowMs: number): void;
  /** The frames to `enrol` from; InvalidStateError before the prompt is `done`. */
  finish(): EnrolmentFrame[];
}

/** A crop is enlarged at most four times: it is twice as large as the face. */
const SMALLEST_FACE = 1 / 8;
/** Whoever is gone for longer may be another when they come back. */
const LOST_MS = 2000;
/** What a frame counts for at most, so that a stream that stands still does not end a prompt. */
const MAX_STEP_MS = 250;

/** Throws a TypeError that names a bad option. */
export function createLiveEnrolment({ mode, size }: LiveEnrolmentOptions): LiveEnrolment {
  checkOption(mode === 'quick' || mode === 'guided', 'mode', "'quick' or 'guided'");
  checkStreamSize('size', size);
  return new Enrolling(mode === 'guided', size * SMALLEST_FACE);
}

class Enrolling implements LiveEnrolment {
  readonly #guided: boolean;
  readonly #smallest: number;
  #rest!: RestStage;
  /** What is still to come, the present stage first. */
  #stages!: EnrolmentStage[];
  #past!: EnrolmentStage[];
  #seen: EnrolmentStatus['face'] = 'none';
  /** Of the last frame that had one. */
  #face: TrackedFace | undefined;
  #lostMs: number | undefined;
  #lastMs: number | undefined;
  #wanted: { readonly stage: EnrolmentStage; readonly landmarks: Landmarks } | undefined;

  constructor(guided: boolean, smallest: number) {
    this.#guided = guided;
    this.#smallest = smallest;
    this.#restart();
  }

  get status(): EnrolmentStatus {
    const [stage] = this.#stages;
    const count = this.#guided ? 1 + EXPRESSION_PROMPTS.length : 1;
    return {
      prompt: stage?.prompt ?? 'done',
      progress: (this.#past.length + (stage?.progress ?? 0)) / count,
      face: this.#seen,
    };
  }

  look(faces: readonly TrackedFace[], nowMs: number): 'keep' | 'drop' {
    this.#wanted = undefined;
    const large = faces.filter(({ landmarks }) => faceBox(landmarks).size >= this.#smallest);
    const face = this.#face ? continueFace(large, this.#face) : large[0];
    this.#seen = face ? (isCrowded(large) ? 'several' : 'one') : 'none';
    if (this.#stages.length === 0) return 'drop';
    if (!face) {
      this.#lostMs ??= nowMs;
      this.#lastMs = undefined;
      return 'drop';
    }
    const gone = this.#lostMs === undefined ? 0 : nowMs - this.#lostMs;
    const moved = this.#face ? faceDistance(face, this.#face) : 0;
    if (gone > LOST_MS || moved > CUT_DISTANCE) this.#restart();
    const sinceMs = this.#lastMs === undefined ? 0 : nowMs - this.#lastMs;
    this.#face = face;
    this.#lostMs = undefined;
    this.#lastMs = this.#seen === 'one' ? nowMs : undefined;
    if (this.#seen !== 'one') return 'drop';
    const [stage] = this.#stages;
    const wanted = stage.look({
      measures: measureFace(face.landmarks),
      stepMs: Math.min(sinceMs, MAX_STEP_MS),
      speed: sinceMs > 0 ? (1000 * moved) / sinceMs : 0,
    });
    if (wanted) this.#wanted = { stage, landmarks: face.landmarks.slice() };
    this.#goOn();
    return wanted ? 'keep' : 'drop';
  }

  keep(picture: Picture): void {
    if (!this.#wanted) throw new InvalidStateError('the frame looked at last is not to be kept');
    const { stage, landmarks } = this.#wanted;
    this.#wanted = undefined;
    const kept = this.#rest.frames[0]?.picture;
    if (kept && (kept.width !== picture.width || kept.height !== picture.height)) this.#restart();
    else stage.keep({ picture, landmarks });
  }

  skip(nowMs: number): void {
    this.#stages[0]?.skip();
    if (this.#lastMs !== undefined) this.#lastMs = nowMs;
    this.#goOn();
  }

  finish(): EnrolmentFrame[] {
    if (this.#stages.length > 0) throw new InvalidStateError('the enrolment is not done');
    return this.#past.flatMap(({ frames }) => frames);
  }

  /** From a stage that is done to the next. */
  #goOn(): void {
    const [stage] = this.#stages;
    if (!stage?.isDone) return;
    this.#past.push(stage);
    this.#stages.shift();
    if (stage === this.#rest && this.#guided) this.#stages = expressionStages(this.#rest.measures);
  }

  #restart(): void {
    this.#rest = new RestStage(this.#guided);
    this.#stages = [this.#rest];
    this.#past = [];
    this.#lastMs = undefined;
  }
}
