import type { Landmarks } from '../geometry/landmarks.js';
import type { FrameOrigin } from './concealment.js';
import type { OfferedPicture } from './picture-receiver.js';

/** A frame to show now. */
export interface PresentedFrame {
  /**
   * Number of the frame, counted from the sender's first. Where origin is `extrapolated` or `held`
   * it may be a guess, and the frame of that number may still come.
   */
  readonly sequence: number;
  /** `still`: one of `pictures`, which was used, is to be shown as it is. */
  readonly origin: FrameOrigin | 'still';
  /** Where `still`: which. */
  readonly still?: OfferedPicture;
  /** Geometry to decode, crop units, the caller's; undefined: the last picture stays on show. */
  readonly landmarks: Landmarks | undefined;
  /** Capture time on the sender's clock, less a multiple of 2^16 that is the same for all frames. */
  readonly captureMs: number;
  /**
   * Capture time on this side's clock, made-up frames' too, to play sound of the same moment with it; undefined
   * until the sender's clock was measured, a round trip after the handshake.
   */
  readonly capturedMs: number | undefined;
  /** When it arrived; undefined where it was made up. */
  readonly receivedMs: number | undefined;
  /** When the jitter buffer let it go. */
  readonly playoutMs: number;
}
