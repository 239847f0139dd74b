/**
 * Bytes on the wire, IP and UDP headers counted, of a call without loss between werift peers over
 * IPv4. `npx tsx bench/connect.ts` prints what a message costs forward: 97 bytes beside its own. The
 * rest was measured with the same call at 6.2 messages of 40 bytes a second, ten seconds each: idle
 * 204 B/s forward and 206 back; with motion 856 and 319; with a feedback every six messages 955 and
 * 432. README's real calls agree: 8.9 kbps forward and 4.1 back, here 8.7 and 3.8 for 1.9 kbps of motion at 30 fps.
 */

/** What goes with each motion message: SCTP, DTLS, UDP and IP headers, and a datagram's padding. */
const FORWARD_PER_MESSAGE = 97;
/** Connectivity checks and answers to the feedback, a second. */
const FORWARD_PER_SECOND = 120;
/** Connectivity checks, a second. */
const BACK_PER_SECOND = 206;
/** A share of an SCTP acknowledgement. */
const BACK_PER_MESSAGE = 18;
/** A feedback message, and the frames from one to the next (src/receiver/feedback-scheduler.ts). */
const BACK_PER_FEEDBACK = 110;
const FRAMES_PER_FEEDBACK = 25;

/** Motion messages of a stream. */
export interface MotionTraffic {
  /** Bytes and number of the messages. */
  readonly bytes: number;
  readonly messages: number;
  readonly frames: number;
  /** Frames a second. */
  readonly fps: number;
}

/** Rates of a stream once the identity is there, in kbps. */
export interface Rates {
  /** The motion messages alone. */
  readonly payloadKbps: number;
  /** Sender to receiver, all headers. */
  readonly forwardKbps: number;
  /** Both directions, all headers. */
  readonly wireKbps: number;
}

/** The rates of a stream at its own frame rate. */
export function ratesOf({ bytes, messages, frames, fps }: MotionTraffic): Rates {
  const seconds = frames / fps;
  const forward = bytes + FORWARD_PER_MESSAGE * messages + FORWARD_PER_SECOND * seconds;
  const back =
    BACK_PER_SECOND * seconds +
    BACK_PER_MESSAGE * messages +
    (BACK_PER_FEEDBACK * frames) / FRAMES_PER_FEEDBACK;
  const kbps = (amount: number) => (amount * 8) / 1000 / seconds;
  return {
    payloadKbps: kbps(bytes),
    forwardKbps: kbps(forward),
    wireKbps: kbps(forward + back),
  };
}
