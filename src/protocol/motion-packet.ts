import { ByteReader, ByteWriter } from './bytes.js';
import type { Parsed } from './errors.js';

/** Frames that one message carries at most. */
export const MAX_FRAMES_PER_PACKET = 4;
/** Earlier messages that one message repeats at most. */
export const MAX_REDUNDANCY = 3;
/** How far back a packet's reference frame may lie. */
export const MAX_REFERENCE_DISTANCE = 64;
/** A packet's frames lie so far apart at most: the receiver interpolates those between. */
export const MAX_STRIDE = 4;
/** Bit of the reference distance's byte: the frames of the packet are as far apart as that. */
const STRIDED = 0x80;
/** Largest quantiser index: steps of b · 2^((15 − 4) / 4). */
export const MAX_QUANTISER = 15;
/** A motion message that is read is larger only by mistake: four frames of nothing but escapes are 3 kB. */
export const MAX_MOTION_PACKET_BYTES = 4096;

const PREDICTED = 0;
const INDEPENDENT = 1;
/** The two-bit type of a feedback message (feedback.ts). */
export const FEEDBACK_TYPE = 2;

/** One bundle of motion frames with what is needed to place and check it. */
export interface MotionPacket {
  /** Number of the first frame, modulo 2^16. */
  readonly sequence: number;
  /** Capture time of the first frame in milliseconds, modulo 2^16. */
  readonly timestamp: number;
  /** Frames in the body, 1–4. */
  readonly frameCount: number;
  /**
   * From each frame's number to the next one's, 1–4; above 1 the sender leaves the frames between out.
   * In a predicted packet it is 1 or the reference distance.
   */
  readonly stride: number;
  /**
   * Milliseconds from each frame to the next (`frameCount − 1` of them, 0–65535); undefined where
   * the frames are spaced by `stride` nominal intervals.
   */
  readonly intervals: readonly number[] | undefined;
  readonly coding:
    | {
        readonly kind: 'predicted';
        /** The first frame is predicted from frame `sequence − referenceDistance`, 1–64. */
        readonly referenceDistance: number;
        /** Low 8 bits of the state digest after the last frame. */
        readonly digest: number;
      }
    | {
        readonly kind: 'independent';
        /** Quantiser index 0–15. */
        readonly quantiser: number;
        /** State digest after the last frame, 32 bits. */
        readonly digest: number;
      };
  /** The range-coded frames. */
  readonly body: Uint8Array;
}

/** A message: a packet, and verbatim copies of earlier packets, oldest first (as RFC 2198). */
export interface MotionMessage {
  readonly packet: MotionPacket;
  readonly redundant: readonly Uint8Array[];
}

/** The bytes of a message on the motion channel (spec/bitstream.md, "Motion packet"). */
export function serialiseMotion(
  packet: MotionPacket,
  redundant: readonly Uint8Array[],
): Uint8Array {
  const { coding, stride } = packet;
  const explicit = coding.kind === 'predicted' && coding.referenceDistance !== 1;
  const writer = new ByteWriter(64);
  writer.u8(
    ((coding.kind === 'independent' ? INDEPENDENT : PREDICTED) << 6) |
      ((packet.frameCount - 1) << 4) |
      (redundant.length << 2) |
      (explicit ? 2 : 0) |
      (packet.intervals ? 1 : 0),
  );
  writer.u16(packet.sequence).u16(packet.timestamp);
  if (coding.kind === 'independent') {
    writer.u8(((stride - 1) << 4) | coding.quantiser).u32(coding.digest);
  } else {
    if (explicit) writer.u8(coding.referenceDistance | (stride > 1 ? STRIDED : 0));
    writer.u8(coding.digest);
  }
  for (const interval of packet.intervals ?? []) writer.varint(interval);
  for (const copy of redundant) writer.varint(copy.length).bytes(copy);
  return writer.bytes(packet.body).finish();
}

/** Reads a message from the wire; the body and the copies are views of it. */
export function parseMotion(message: Uint8Array): Parsed<MotionMessage> {
  if (message.length > MAX_MOTION_PACKET_BYTES) return { ok: false, drop: 'over-limit' };
  const reader = new ByteReader(message);
  const first = reader.u8();
  const type = first >> 6;
  if (reader.drop === undefined && type !== PREDICTED && type !== INDEPENDENT) {
    return { ok: false, drop: 'unknown-type' };
  }
  const frameCount = ((first >> 4) & 3) + 1;
  const redundancy = (first >> 2) & 3;
  const explicit = (first & 2) !== 0;
  const sequence = reader.u16();
  const timestamp = reader.u16();
  let coding: MotionPacket['coding'];
  let stride = 1;
  if (type === INDEPENDENT) {
    const byte = reader.u8();
    stride = (byte >> 4) + 1;
    if (explicit) reader.fail('malformed');
    coding = { kind: 'independent', quantiser: byte & 0xf, digest: reader.u32() };
  } else {
    const byte = explicit ? reader.u8() : 1;
    const referenceDistance = byte & ~STRIDED;
    if (referenceDistance < 1 || referenceDistance > MAX_REFERENCE_DISTANCE) {
      reader.fail('malformed');
    }
    if (byte & STRIDED) {
      stride = referenceDistance;
      if (stride === 1) reader.fail('malformed');
    }
    coding = { kind: 'predicted', referenceDistance, digest: reader.u8() };
  }
  if (stride > MAX_STRIDE) reader.fail('malformed');
  let intervals: number[] | undefined;
  if (first & 1) {
    intervals = Array.from({ length: frameCount - 1 }, () => reader.varint());
    if (intervals.some((interval) => interval > 0xffff)) reader.fail('malformed');
  }
  const redundant: Uint8Array[] = [];
  for (let copy = 0; copy < redundancy; copy++) redundant.push(reader.bytes(reader.varint()));
  const body = reader.bytes(reader.remaining);
  if (reader.drop !== undefined) return { ok: false, drop: reader.drop };
  const packet = { sequence, timestamp, frameCount, stride, intervals, coding, body };
  return { ok: true, value: { packet, redundant } };
}
