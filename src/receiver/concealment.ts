import { POSE_VALUES, SURROUND_VALUES } from '../geometry/motion-model.js';
import type { MotionState } from '../protocol/motion-codec.js';

/** How a shown frame came about. */
export type FrameOrigin = 'decoded' | 'interpolated' | 'extrapolated' | 'held';

/** Frames that motion goes on for after the last one known: longer guesses look worse than stills. */
const EXTRAPOLATED_FRAMES = 4;
/** Of the velocity of each extrapolated frame, what the next one keeps. */
const VELOCITY_KEPT = 0.6;
/** Frames after the last one known until the face has come to rest and is held. */
const REST_FRAMES = 25;
/** Of expression and gaze, what each frame on the way to rest keeps. */
const EXPRESSION_KEPT = 0.9;

/** A frame made up where none came. */
export interface Concealed {
  readonly origin: FrameOrigin;
  /** Values of the frame; undefined where the last picture stays on show. */
  readonly values: Int16Array | undefined;
}

/**
 * The ladder for a missing frame (spec/bitstream.md, "Concealment"): between two known frames,
 * interpolate; after the last one, extrapolate with damped velocity, let the expression come to rest
 * under a still head, then hold the picture.
 *
 * `before` is the last known frame, `previous` the one before it; `after` the next known one, with
 * `gap` frames from `before` to it; `position` counts from `before`, 1 for the frame after it. Values
 * from `faceValues` on are the surround's, which stays where it is, and the appearance's, which rests.
 */
export function conceal(
  position: number,
  before: MotionState,
  previous: MotionState | undefined,
  faceValues: number,
  after?: { readonly state: MotionState; readonly gap: number },
): Concealed {
  if (after?.state.quantiser === before.quantiser) {
    const t = position / after.gap;
    const values = before.values.map((value, v) =>
      Math.round(value + t * (after.state.values[v] - value)),
    );
    return { origin: 'interpolated', values };
  }
  if (position > REST_FRAMES) return { origin: 'held', values: undefined };
  const travelled = Math.min(position, EXTRAPOLATED_FRAMES);
  // Σ kept^i for i = 1…travelled.
  const reach = (VELOCITY_KEPT * (1 - VELOCITY_KEPT ** travelled)) / (1 - VELOCITY_KEPT);
  const rest = EXPRESSION_KEPT ** Math.max(0, position - EXTRAPOLATED_FRAMES);
  const usable = previous?.quantiser === before.quantiser ? previous : undefined;
  const values = before.values.map((value, v) => {
    const moved = value + reach * (usable ? value - usable.values[v] : 0);
    const stays = v < POSE_VALUES || (v >= faceValues && v < faceValues + SURROUND_VALUES);
    return Math.round(stays ? moved : moved * rest);
  });
  return { origin: 'extrapolated', values };
}
