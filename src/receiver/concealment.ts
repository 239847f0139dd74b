import type { ValueRanges } from '../geometry/frame-model.js';
import { SURROUND_VALUES } from '../geometry/motion-model.js';
import type { MotionState } from '../protocol/motion-codec.js';

/** How a shown frame came about. */
export type FrameOrigin = 'decoded' | 'interpolated' | 'extrapolated' | 'held';

/**
 * What is shown for want of frames: 'none' where they come, or those around a gap do; 'extrapolated', guesses from
 * the last one; 'held', the last picture, from a second without any on.
 */
export type Concealment = 'none' | 'extrapolated' | 'held';

/** Frames that motion goes on for after the last one known: longer guesses look worse than stills. */
const EXTRAPOLATED_FRAMES = 4;
/**
 * Of the velocity of each extrapolated frame, what the next one keeps: heads keep moving, faces do not. Of all
 * pairs of 0–0.9 and 0–0.6 those nearest to what came at the lips over 13 clips.
 */
const POSE_VELOCITY_KEPT = 0.6;
const VELOCITY_KEPT = 0.3;
/** Frames after the last one known until the face has come to rest and is held. */
const REST_FRAMES = 25;
/** Of expression and gaze, what each frame on the way to rest keeps. */
const EXPRESSION_KEPT = 0.9;
/** Two frames farther apart say nothing of the velocity at one of them. */
const MAX_VELOCITY_DISTANCE = 4;

/** A frame that is known, by its number. */
export interface KnownFrame {
  readonly sequence: number;
  readonly state: MotionState;
}

/** What is known around a frame that is not there. */
export interface Surroundings {
  /** The last frame known before it, with a face, and the one known before that. */
  readonly last: KnownFrame;
  readonly previous: KnownFrame | undefined;
  /** The first frame known after it, and the one known after that. */
  readonly after?: KnownFrame | undefined;
  readonly next?: KnownFrame | undefined;
}

/** A frame made up where none came. */
export interface Concealed {
  readonly origin: FrameOrigin;
  /** Values of the frame; undefined where the last picture stays on show. */
  readonly values: Int16Array | undefined;
}

/**
 * The ladder for the missing frame `sequence` (spec/bitstream.md, "Concealment"): between two known
 * frames, interpolate; after the last one, extrapolate with damped velocity, let the expression come to
 * rest under a still head, then hold the picture.
 *
 * `ranges`: which values stay where they are, pose and surround; the others come to rest.
 */
export function conceal(
  sequence: number,
  { last, previous, after, next }: Surroundings,
  ranges: ValueRanges,
): Concealed {
  const comes = after && velocity(last, after, Infinity);
  const goes = velocity(previous, last);
  if (comes) {
    const gap = after.sequence - last.sequence;
    const leaves = velocity(after, next);
    const t = (sequence - last.sequence) / gap;
    const values = last.state.values.map((value, v) => {
      const step = gap * comes(v);
      const from = goes ? (step + gap * goes(v)) / 2 : step;
      const to = leaves ? (step + gap * leaves(v)) / 2 : step;
      return Math.round(hermite(value, from, value + step, to, t));
    });
    return { origin: 'interpolated', values };
  }
  const position = sequence - last.sequence;
  if (position > REST_FRAMES) return { origin: 'held', values: undefined };
  const reach = travelled(POSE_VELOCITY_KEPT, position);
  const faceReach = travelled(VELOCITY_KEPT, position);
  const rest = EXPRESSION_KEPT ** Math.max(0, position - EXTRAPOLATED_FRAMES);
  const values = last.state.values.map((value, v) => {
    const isPose = v < ranges.pose;
    const moved = value + (goes ? (isPose ? reach : faceReach) * goes(v) : 0);
    const stays = isPose || (v >= ranges.surround && v < ranges.surround + SURROUND_VALUES);
    return Math.round(stays ? moved : moved * rest);
  });
  return { origin: 'extrapolated', values };
}

/** What each value changes by in a frame from one known frame to another; undefined where that says nothing. */
function velocity(
  from: KnownFrame | undefined,
  to: KnownFrame | undefined,
  maxDistance = MAX_VELOCITY_DISTANCE,
): ((value: number) => number) | undefined {
  if (!from?.state.facePresent || !to?.state.facePresent) return undefined;
  const distance = to.sequence - from.sequence;
  if (distance > maxDistance || from.state.quantiser !== to.state.quantiser) return undefined;
  return (value) => (to.state.values[value] - from.state.values[value]) / distance;
}

/** Σ kept^i for the frames that passed, as far as motion goes on. */
function travelled(kept: number, position: number): number {
  const frames = Math.min(position, EXTRAPOLATED_FRAMES);
  return (kept * (1 - kept ** frames)) / (1 - kept);
}

/** The cubic from `a` to `b` with slopes `slopeA` and `slopeB` at its ends (Catmull–Rom's, over uneven gaps). */
function hermite(a: number, slopeA: number, b: number, slopeB: number, t: number): number {
  const [t2, t3] = [t * t, t * t * t];
  return (
    (2 * t3 - 3 * t2 + 1) * a +
    (t3 - 2 * t2 + t) * slopeA +
    (3 * t2 - 2 * t3) * b +
    (t3 - t2) * slopeB
  );
}
