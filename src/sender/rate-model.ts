import { DEFAULT_INDEPENDENT_INTERVAL, DEFAULT_QUANTISER } from './defaults.js';

/** How the motion stream is sent: what the rate controller chooses. */
export interface MotionSettings {
  /** Frames a message, 1–4. */
  readonly framesPerPacket: number;
  /** Each n-th frame is sent, 1–4; the receiver interpolates those between. */
  readonly stride: number;
  /** Quantiser index, 0–15. */
  readonly quantiser: number;
  /** Earlier messages repeated in each message, 0–3. */
  readonly redundancy: number;
}

/** What a transport adds to the bytes of a message. */
export interface WireProfile {
  /** IP, UDP, DTLS and SCTP headers of a message. */
  readonly messageBytes: number;
  /** Bits a second that go forward without a message: consent checks (RFC 7675) and their answers. */
  readonly backgroundBps: number;
  /** What the preset `lowest` may take: with what comes back, 10 kbps between browsers, 12 between werift peers. */
  readonly lowestBps: number;
}

/**
 * Between werift peers over IPv4 (`bench/bandwidth.ts`): IP 20, UDP 8, DTLS 1.2 with AES-GCM 37, SCTP 12 and
 * its DATA chunk 16; a consent check about every 5 s, and an answer to each of the peer's.
 */
export const WERIFT_WIRE: WireProfile = {
  messageBytes: 93,
  backgroundBps: 350,
  lowestBps: 8_800,
};

/** From a loss to the recovery from it, on a path of 100 ms there and back. */
const RECOVERY_MS = 130;
/** Between Chromium peers (`bench/bandwidth.ts`): DTLS 1.3 takes 22 bytes; a consent check goes out every 2.5 s. */
export const CHROMIUM_WIRE: WireProfile = {
  messageBytes: 78,
  backgroundBps: 640,
  lowestBps: 7_000,
};

/** SCTP pads a chunk to four bytes: so many in the mean. */
const MEAN_PADDING_BYTES = 1.5;
/** A predicted packet's header; one more where it has a reference distance, as with a stride. */
const PACKET_HEADER_BYTES = 6;

/**
 * Bytes of a frame beside those of one with the default quantiser and a stride of 1. Least squares over
 * `bench/motion.ts --pack portrait-256-cpu`, strides 1–3: a quantiser index takes off 15 %, and frames twice as
 * far apart take 1.45 times the bytes.
 */
export function frameBytesFactor(quantiser: number, stride: number): number {
  return 2 ** (-0.24 * (quantiser - DEFAULT_QUANTISER)) * stride ** 0.53;
}

/**
 * Mean distance of the lips from where they were, in pixels at 256×256, interpolated frames among them: that of
 * quantising and that of interpolating, which grows with the time between frames. From the same runs.
 */
function lipError(quantiser: number, stride: number, frameIntervalMs: number): number {
  const quantising = 0.335 * 2 ** (0.178 * (quantiser - DEFAULT_QUANTISER));
  const between = Math.max(0, stride * frameIntervalMs - 40) / 40;
  return Math.hypot(quantising, stride > 1 ? 0.3 * between ** 0.65 : 0);
}

/** An independent frame has so many times the bytes of a predicted one (the same pack, two validation clips). */
export const INDEPENDENT_RATIO = 3;

/** Messages that the receiver lets be too late (`JitterBuffer`). */
const LATE_SHARE = 0.03;
/** What a guess comes to in the end, and how soon: least squares over `bench/made-up.ts`, within 0.25 px to 640 ms. */
const MADE_UP_PX = 10;
const MADE_UP_MS = 300;

/** Pixels at 256×256 that the lips of a made-up frame are off by, so long after the last frame that came. */
export function madeUpError(ms: number): number {
  return MADE_UP_PX * (1 - Math.exp(-ms / MADE_UP_MS));
}

/** Copies that the receiver's jitter buffer waits for: until no more than 3 % of the messages come too late. */
function awaited(redundancy: number, loss: number): number {
  const needed = loss > LATE_SHARE ? (loss * loss > LATE_SHARE ? 2 : 1) : 0;
  return Math.min(needed, redundancy);
}

/** What the choice is between, for a stream of this rate. */
export class RateModel {
  /** Milliseconds from one frame of the source to the next. */
  frameIntervalMs: number;
  readonly #wire: WireProfile;

  constructor(fps: number, wire: WireProfile) {
    this.frameIntervalMs = 1000 / fps;
    this.#wire = wire;
  }

  /**
   * Bits a second on the wire, where a predicted frame with the default settings has `frameBytes` bytes. Where
   * messages carry copies, of as many as one holds one begins with an independent frame.
   */
  wireBps(settings: MotionSettings, frameBytes: number): number {
    const { framesPerPacket, stride, quantiser, redundancy } = settings;
    const independentShare =
      redundancy > 0
        ? 1 / (redundancy + 1)
        : (framesPerPacket * stride) / DEFAULT_INDEPENDENT_INTERVAL;
    const frames = framesPerPacket + (INDEPENDENT_RATIO - 1) * independentShare;
    const body = frames * frameBytes * frameBytesFactor(quantiser, stride);
    const packet = PACKET_HEADER_BYTES + (stride > 1 ? 1 : 0) + body;
    const payload = packet + redundancy * (packet + 1) + MEAN_PADDING_BYTES;
    const perSecond = 1000 / (this.frameIntervalMs * stride * framesPerPacket);
    return 8 * perSecond * (this.#wire.messageBytes + payload) + this.#wire.backgroundBps;
  }

  /** Milliseconds for which the first frame of a message, or the one left out before it, waits. */
  bundlingMs({ framesPerPacket, stride }: MotionSettings): number {
    return (framesPerPacket * stride - 1) * this.frameIntervalMs;
  }

  /** Milliseconds that a receiver waits for frames which come by copies. */
  repairMs({ framesPerPacket, stride, redundancy }: MotionSettings, loss: number): number {
    return awaited(redundancy, loss) * framesPerPacket * stride * this.frameIntervalMs;
  }

  /**
   * Pixels of lip error, with what lost messages cost: their frames are made up, and where a message cannot be
   * decoded by itself those after them until the receiver's request is answered. Losses come in bursts: a copy is
   * lost with its original at least each fourth time.
   */
  error(settings: MotionSettings, loss: number): number {
    const { framesPerPacket, stride, quantiser, redundancy } = settings;
    const missing = loss * Math.max(loss, 0.25) ** awaited(redundancy, loss);
    const span = framesPerPacket * stride;
    const hole = this.#madeUp(span);
    const afterwards = this.#madeUp(span + RECOVERY_MS / this.frameIntervalMs) - hole;
    // By the frames that are sent: fewer of them are no answer to loss.
    const repair = redundancy > 0 ? 0 : afterwards / framesPerPacket;
    return lipError(quantiser, stride, this.frameIntervalMs) + missing * (hole / span + repair);
  }

  /** Pixels that the frames of a hole are off by, all together. */
  #madeUp(frames: number): number {
    const kept = Math.exp(-this.frameIntervalMs / MADE_UP_MS);
    return MADE_UP_PX * (frames - (kept * (1 - kept ** frames)) / (1 - kept));
  }
}
