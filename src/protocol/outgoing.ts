/** A message for one of the two channels of a call. */
export interface Outgoing {
  /** `control`: reliable and ordered. `motion`: neither. */
  readonly channel: 'control' | 'motion';
  readonly bytes: Uint8Array;
}

/**
 * Feature (`Capabilities.features`) of a sender that does not pace its frames by a clock: the
 * receiver shows each as soon as it can, and acknowledges what it has shown.
 */
export const UNPACED = 'unpaced';

/** Feature of a sender whose identity may hold a personal pack's differences, and of a receiver that applies them. */
export const PERSONAL = 'personal';

/** Feature of a receiver that takes packets whose frames lie apart, and of a sender that may send such. */
export const STRIDE = 'stride';

/** Feature of a sender that sends pictures during the call, and of a receiver that takes them. */
export const PICTURES = 'pictures';
