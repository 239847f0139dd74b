import { CHROMIUM_WIRE } from '../../src/sender/rate-model.js';
import { type MotionTraffic, ratesOf } from '../quality/wire.js';

/**
 * What goes with a video packet over IPv4: RTP's fixed header (RFC 3550, 5.1), SRTP's tag of 80 bits
 * (RFC 3711, 5.2), UDP and IP. Payload descriptors, header extensions and retransmissions are left
 * out, in favour of the codecs.
 */
const RTP_BYTES = 12;
const SRTP_TAG_BYTES = 10;
const UDP_IP_BYTES = 28;
/** Bytes of a UDP payload at most: libwebrtc's limit. */
const MAX_DATAGRAM = 1200;
/**
 * What a receiver of video answers: libwebrtc's transport-wide feedback, 68 bytes all told, each 250 ms
 * at rates below 43 kbps and up to 5 % of the rate above (its remote_estimator_proxy.cc), at least
 * every 50 ms.
 */
const FEEDBACK_BYTES = 68;
const FEEDBACK_SHARE = 0.05;
const FEEDBACKS_PER_SECOND = { least: 4, most: 20 };
/** Bytes of identity in a datagram, and what goes with them: a motion message's, at most. */
const IDENTITY_CHUNK = 1100;
const IDENTITY_OVERHEAD = 97;
/** A call, for what is sent once. */
const CALL_SECONDS = 300;

/**
 * Rates of a stream in kbps, IP and UDP headers and all above counted, unless said otherwise. A stream
 * begins with an identity, or with a keyframe and a second in which it settles.
 */
export interface WireRates {
  /** Compressed bytes alone, once it has begun. */
  readonly payload: number;
  /** Sender to receiver, once it has begun. */
  readonly forward: number;
  /** Bytes on the wire of its beginning. */
  readonly startBytes: number;
  /** Sender to receiver over a call of five minutes, the beginning included. */
  readonly call: number;
  /** As `call`, both directions added. */
  readonly callBoth: number;
  /** Sender to receiver over the clip alone, the beginning included. */
  readonly clip: number;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const kbps = (bytes: number, seconds: number) => (bytes * 8) / 1000 / seconds;

const identityOnWire = (bytes: number) =>
  bytes + Math.ceil(bytes / IDENTITY_CHUNK) * IDENTITY_OVERHEAD;

/** Rates of our own stream between werift peers, with an identity of so many bytes. */
export function motionRates(traffic: MotionTraffic, identityBytes: number): WireRates {
  const { payloadKbps, forwardKbps, wireKbps } = ratesOf(traffic);
  const startBytes = identityOnWire(identityBytes);
  const call = forwardKbps + kbps(startBytes, CALL_SECONDS);
  return {
    payload: payloadKbps,
    forward: forwardKbps,
    startBytes,
    call,
    callBoth: call + wireKbps - forwardKbps,
    clip: forwardKbps + kbps(startBytes, traffic.frames / traffic.fps),
  };
}

/** Messages of a call between browsers, bytes of each. */
export interface MessageTraffic {
  readonly forward: readonly number[];
  readonly back: readonly number[];
  readonly seconds: number;
}

/** SCTP pads a chunk to a multiple of so many bytes (RFC 9260, 3.2). */
const SCTP_ALIGNMENT = 4;
/** An acknowledgement in a datagram of its own for every second message (RFC 9260, 6.2): as long as the headers of one. */
const MESSAGES_PER_SACK = 2;

/** Rates of a stream of ours between Chromium peers, with the headers that rate control counts. */
export function messageRates(
  { forward, back, seconds }: MessageTraffic,
  identityBytes: number,
): WireRates {
  const { messageBytes, backgroundBps } = CHROMIUM_WIRE;
  const wire = (own: readonly number[], others: readonly number[]) => {
    const padded = own.map((bytes) => Math.ceil(bytes / SCTP_ALIGNMENT) * SCTP_ALIGNMENT);
    const sacks = others.length / MESSAGES_PER_SACK;
    return kbps(sum(padded) + (own.length + sacks) * messageBytes, seconds) + backgroundBps / 1000;
  };
  const startBytes = identityOnWire(identityBytes);
  const steady = wire(forward, back);
  const call = steady + kbps(startBytes, CALL_SECONDS);
  return {
    payload: kbps(sum(forward), seconds),
    forward: steady,
    startBytes,
    call,
    callBoth: call + wire(back, forward),
    clip: steady + kbps(startBytes, seconds),
  };
}

/** A coded frame in packets, their headers counted. */
function packetised(bytes: number): number {
  const room = MAX_DATAGRAM - RTP_BYTES - SRTP_TAG_BYTES;
  const headers = RTP_BYTES + SRTP_TAG_BYTES + UDP_IP_BYTES;
  return bytes + Math.ceil(bytes / room) * headers;
}

/**
 * Rates of a video stream: bytes of each coded frame, the keyframe first. The first `settling` frames are
 * its beginning; there must be more.
 */
export function videoRates(
  frameBytes: readonly number[],
  fps: number,
  settling: number,
): WireRates {
  const settled = frameBytes.slice(settling);
  const forward = kbps(sum(settled.map(packetised)), settled.length / fps);
  const startBytes = sum(frameBytes.slice(0, settling).map(packetised));
  const feedbackKbps = Math.min(
    kbps(FEEDBACK_BYTES, 1 / FEEDBACKS_PER_SECOND.most),
    Math.max(kbps(FEEDBACK_BYTES, 1 / FEEDBACKS_PER_SECOND.least), FEEDBACK_SHARE * forward),
  );
  const call = forward * (1 - settling / fps / CALL_SECONDS) + kbps(startBytes, CALL_SECONDS);
  return {
    payload: kbps(sum(settled), settled.length / fps),
    forward,
    startBytes,
    call,
    callBoth: call + feedbackKbps,
    clip: kbps(sum(frameBytes.map(packetised)), frameBytes.length / fps),
  };
}
