import type { Landmarks } from '../geometry/landmarks.js';
import type { Picture } from '../geometry/picture.js';

/** One face found in a picture. */
export interface TrackedFace {
  /** 478 points, in pixels of the picture. */
  readonly landmarks: Landmarks;
  /** How sure the tracker is that this is a face, 0–1. */
  readonly presence: number;
}

/**
 * Finds faces in successive pictures of one stream. A tracker may carry state from picture to
 * picture (the last face box), so one tracker serves one stream.
 */
export interface FaceTracker {
  /**
   * Faces of the picture, largest first, at most two; empty where there is none. With `wanted` 1 a tracker
   * that follows a face looks for no other, which saves time. The picture stays the caller's. Calls must not overlap.
   */
  track(picture: Picture, wanted?: 1 | 2): Promise<TrackedFace[]>;
  /** Frees the tracker. Safe to call twice. */
  close(): Promise<void>;
}
