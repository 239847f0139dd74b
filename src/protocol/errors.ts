/**
 * Why bytes from the wire were dropped: stable, documented in spec/bitstream.md, counted in
 * `getStats()`. Never thrown.
 */
export type DropCode =
  /** Shorter than its header or its own lengths say. */
  | 'truncated'
  /** A field holds a value the specification does not allow. */
  | 'malformed'
  /** Longer, or more of them, than the limits allow. */
  | 'over-limit'
  /** A message type this version does not know. */
  | 'unknown-type'
  /** Already received. */
  | 'duplicate'
  /** Older than anything still of use. */
  | 'too-old'
  /** Predicted from a frame that this side does not have. */
  | 'missing-reference'
  /** Valid, but not in this state (motion before the identity, say). */
  | 'unexpected'
  /** The identity's bytes, or a personal pack's differences, do not give the announced hash. */
  | 'hash-mismatch'
  /** The state digest of a motion packet does not match. */
  | 'digest-mismatch';

/** The outcome of reading bytes from the wire: a value, or the reason for the drop. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly drop: DropCode };

/** The caller used an object in a state that does not allow it (closed, not yet open). */
export class InvalidStateError extends Error {
  override readonly name = 'InvalidStateError';
}
