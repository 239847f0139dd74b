import type { Picture } from '../geometry/picture.js';
import type { StreamSize } from '../protocol/limits.js';
import type { EnrolmentFrame } from './enrolment.js';
import type { TrackedFace } from './tracker.js';

/** What the person is asked for; left and right are their own. */
export type EnrolmentPrompt =
  | 'hold-still'
  | 'turn-left'
  | 'turn-right'
  | 'smile'
  | 'open-mouth'
  | 'close-eyes'
  | 'done';

export interface EnrolmentStatus {
  readonly prompt: EnrolmentPrompt;
  /** 0–1. */
  readonly progress: number;
  /** What the last frame showed. */
  readonly face: 'none' | 'one' | 'several';
}

export interface LiveEnrolmentOptions {
  readonly mode: 'quick' | 'guided';
  /** Pixels across the crop. */
  readonly size: StreamSize;
}

export interface LiveEnrolment {
  readonly status: EnrolmentStatus;
  /** Whether the picture of a frame with these faces is to be handed to `keep`. */
  look(faces: readonly TrackedFace[], nowMs: number): 'keep' | 'drop';
  /** The picture of the frame just looked at. */
  keep(picture: Picture): void;
  /** Goes on with the next prompt. */
  skip(nowMs: number): void;
  /** The frames to `enrol` from, once the prompt is `done`. */
  finish(): EnrolmentFrame[];
}

export declare function createLiveEnrolment(options: LiveEnrolmentOptions): LiveEnrolment;
