import { ByteReader, ByteWriter } from './bytes.js';
import type { Parsed } from './errors.js';
import { FEEDBACK_TYPE } from './motion-packet.js';

/** What the receiver tells the sender now and then, and at once when it needs something. */
export interface Feedback {
  /** Newest frame decoded, modulo 2^16; undefined before the first. */
  readonly newestSequence: number | undefined;
  /**
   * Frames whose own message did not come since the previous feedback, be they known by a copy, in 1/255 of
   * those expected (0–255).
   */
  readonly lossFraction: number;
  /**
   * For how long messages wait in a queue of the network: 0–2040 ms, in steps of 8; undefined where that is not
   * known.
   */
  readonly queueMs?: number;
  /** The chain of prediction is broken: send an independent frame, or predict from `newestSequence`. */
  readonly needsRecovery: boolean;
  /** No frame can be decoded from any state held: only an independent frame helps. */
  readonly needsIndependent: boolean;
  /** The identity is missing or unusable: offer it again. */
  readonly needsIdentity: boolean;
}

const HAS_SEQUENCE = 1;
const NEEDS_RECOVERY = 2;
const NEEDS_INDEPENDENT = 4;
const NEEDS_IDENTITY = 8;
const QUEUE_STEP_MS = 8;
/** Milliseconds of queue that can be said at most. */
export const MAX_QUEUE_MS = 255 * QUEUE_STEP_MS;

/** The 4 or 5 bytes of a feedback message on the motion channel (spec/bitstream.md, "Feedback"). */
export function serialiseFeedback(feedback: Feedback): Uint8Array {
  const flags =
    (feedback.newestSequence === undefined ? 0 : HAS_SEQUENCE) |
    (feedback.needsRecovery ? NEEDS_RECOVERY : 0) |
    (feedback.needsIndependent ? NEEDS_INDEPENDENT : 0) |
    (feedback.needsIdentity ? NEEDS_IDENTITY : 0);
  const writer = new ByteWriter(5)
    .u8((FEEDBACK_TYPE << 6) | flags)
    .u16((feedback.newestSequence ?? 0) & 0xffff)
    .u8(feedback.lossFraction);
  const { queueMs } = feedback;
  if (queueMs !== undefined) writer.u8(Math.round(Math.min(queueMs, MAX_QUEUE_MS) / QUEUE_STEP_MS));
  return writer.finish();
}

/** Reads a feedback message; bytes after the fifth are for later versions and ignored. */
export function parseFeedback(message: Uint8Array): Parsed<Feedback> {
  const reader = new ByteReader(message);
  const first = reader.u8();
  const sequence = reader.u16();
  const lossFraction = reader.u8();
  const queue = reader.remaining > 0 ? reader.u8() : undefined;
  if (reader.drop !== undefined) return { ok: false, drop: reader.drop };
  if (first >> 6 !== FEEDBACK_TYPE) return { ok: false, drop: 'unknown-type' };
  return {
    ok: true,
    value: {
      newestSequence: first & HAS_SEQUENCE ? sequence : undefined,
      lossFraction,
      ...(queue !== undefined && { queueMs: queue * QUEUE_STEP_MS }),
      needsRecovery: (first & NEEDS_RECOVERY) !== 0,
      needsIndependent: (first & NEEDS_INDEPENDENT) !== 0,
      needsIdentity: (first & NEEDS_IDENTITY) !== 0,
    },
  };
}
