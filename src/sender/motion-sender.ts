import type { Feedback } from '../protocol/feedback.js';
import type { MotionState } from '../protocol/motion-codec.js';
import { MotionPacketizer, type PacketizerSettings } from '../protocol/motion-packetizer.js';
import type { MotionTables } from '../protocol/motion-tables.js';
import {
  DEFAULT_FRAMES_PER_PACKET,
  DEFAULT_INDEPENDENT_INTERVAL,
  DEFAULT_QUANTISER,
} from './defaults.js';
import { RateController, type RateDecision } from './rate-control.js';
import { type MotionSettings, WERIFT_WIRE, type WireProfile } from './rate-model.js';
import { MAX_BITRATE_BPS, type RateOptions, rateAims } from './rate-presets.js';

/** How motion is sent, as far as the application says. */
export interface MotionSenderOptions extends RateOptions {
  /** Frames a message, 1–4, whatever the preset; default: as rate control chooses. */
  readonly framesPerPacket?: number;
  /** Earlier messages repeated in each message, 0–3, whatever gets lost; default: as rate control chooses. */
  readonly redundancy?: number;
  /** What the transport adds to messages; that of werift by default. */
  readonly wire?: WireProfile;
}

/** Where nothing is chosen by time. */
const AS_THEY_COME = {
  framesPerPacket: DEFAULT_FRAMES_PER_PACKET,
  stride: 1,
  quantiser: DEFAULT_QUANTISER,
  redundancy: 0,
};

/** One frame a message at 30 a second, and as much again. */
const FIXED_BUNDLING_BPS = 50_000;

interface Stream {
  readonly tables: MotionTables;
  readonly fps: number;
  readonly firstSequence: number;
  /** Frames come as fast as they can be read: nothing is chosen by time. */
  readonly unpaced: boolean;
}

/** Messages that wait to be polled at most: a shell that does not poll loses the oldest motion. */
const MAX_QUEUED_MOTION = 32;
/** Frame intervals that a bundle waits for its next frame: beyond, the source has paused. */
const BUNDLE_WAIT_FRAMES = 2;

/** Motion frames in, messages out: packetizer, rate control and the time between them. Sans-IO. */
export class MotionSender {
  readonly #packetizer: MotionPacketizer;
  readonly #control: RateController;
  /** How long a bundle waits for its next frame; undefined where there is no clock to wait by. */
  readonly #bundleWaitMs: number | undefined;
  readonly #messages: Uint8Array[] = [];
  /** When the newest frame of the open bundle was there, as soon as `advance` has told. */
  #bundledMs: number | 'now' | undefined;
  #nowMs = 0;

  /** Throws a TypeError that names a bad option. */
  constructor(options: MotionSenderOptions, { tables, fps, firstSequence, unpaced }: Stream) {
    const { framesPerPacket, redundancy, wire = WERIFT_WIRE } = options;
    const aims = rateAims(
      unpaced ? { ...options, maxBitrateBps: MAX_BITRATE_BPS } : pacedOptions(options),
      wire,
    );
    this.#bundleWaitMs = unpaced ? undefined : (BUNDLE_WAIT_FRAMES * 1000) / fps;
    const fixed = {
      ...(unpaced && AS_THEY_COME),
      ...(framesPerPacket !== undefined && { framesPerPacket }),
      ...(redundancy !== undefined && { redundancy }),
    };
    this.#packetizer = new MotionPacketizer({
      ...AS_THEY_COME,
      ...fixed,
      tables,
      independentInterval: DEFAULT_INDEPENDENT_INTERVAL,
      frameIntervalMs: 1000 / fps,
      firstSequence,
    });
    this.#control = new RateController({ fps, aims, wire, fixed });
    this.#packetizer.settings = settled(this.#control.decision);
  }

  /** The receiver takes frames that lie apart. */
  allowStrides(): void {
    this.#control.strides = true;
  }

  /** Number of the next frame. */
  get sequence(): number {
    return this.#packetizer.sequence;
  }

  /** Newest frame that the receiver says it decoded. */
  get acknowledged(): number | undefined {
    return this.#packetizer.acknowledged;
  }

  /** What rate control has chosen. */
  get decision(): RateDecision {
    return this.#control.decision;
  }

  /** Bits a second that are left for pictures, their headers included. */
  get pictureBps(): number {
    return this.#control.pictureBps;
  }

  /** The same while an urgent picture waits. */
  get urgentPictureBps(): number {
    return this.#control.urgentPictureBps;
  }

  /** What the next frame is coded against; undefined where a stride leaves it out. */
  get next(): { readonly base: MotionState; readonly predicted: boolean } | undefined {
    return this.#packetizer.due ? this.#packetizer.next : undefined;
  }

  /** Takes the next frame's values, as `MotionPacketizer.add`. */
  add(values: Int16Array | undefined, captureMs: number): void {
    this.#control.frameCaptured(captureMs);
    const isLeftOut = !this.#packetizer.due;
    const message = this.#packetizer.add(values, captureMs);
    if (message) this.#queue(message);
    else if (!isLeftOut || this.#bundledMs !== undefined) this.#bundledMs = 'now';
  }

  /** Takes the receiver's feedback. */
  handleFeedback(feedback: Feedback): void {
    const { lossFraction, queueMs } = feedback;
    this.#queue(this.#packetizer.handleFeedback(feedback));
    const newestFrame = this.#packetizer.acknowledged;
    this.#control.report({ loss: lossFraction / 255, queueMs, newestFrame }, this.#nowMs);
    this.#decide();
  }

  /** Notes a message of the control channel that leaves now. */
  sent(bytes: number): void {
    this.#control.messageSent(bytes, this.#nowMs);
  }

  /** Lets the time pass; says whether pictures wait to be sent. */
  advance(nowMs: number, picturesPending: boolean | 'urgent'): void {
    this.#nowMs = nowMs;
    this.#control.picturesPending = picturesPending;
    if (this.#bundledMs === 'now') this.#bundledMs = nowMs;
    const { bundleAt } = this;
    if (bundleAt !== undefined && nowMs >= bundleAt) this.flush();
  }

  /** When the open bundle leaves though it is not full; −Infinity: `advance` must be called at once. */
  get bundleAt(): number | undefined {
    if (this.#bundledMs === undefined || this.#bundleWaitMs === undefined) return undefined;
    return this.#bundledMs === 'now' ? -Infinity : this.#bundledMs + this.#bundleWaitMs;
  }

  /** Closes the open bundle, however few frames it has. */
  flush(): void {
    this.#bundledMs = undefined;
    this.#queue(this.#packetizer.flush());
  }

  /** The next message. */
  poll(): Uint8Array | undefined {
    const message = this.#messages.shift();
    if (message) {
      this.#control.messageSent(message.length, this.#nowMs, this.#packetizer.sequence - 1);
    }
    return message;
  }

  #queue(message: Uint8Array | undefined): void {
    if (!message) return;
    this.#bundledMs = undefined;
    this.#messages.push(message);
    if (this.#messages.length > MAX_QUEUED_MOTION) this.#messages.shift();
    const { newest } = this.#packetizer;
    if (newest) this.#control.packetMade(newest);
    this.#decide();
  }

  #decide(): void {
    this.#packetizer.settings = settled(this.#control.decide(this.#nowMs));
    if (this.#control.wantsIndependent) this.#packetizer.restart();
  }
}

/** Where messages carry copies, each is to be decoded by itself: a loss costs the lost frames alone. */
const settled = (settings: MotionSettings): PacketizerSettings => ({
  ...settings,
  selfContained: settings.redundancy > 0,
});

/** Who fixes the bundling and gives no limit is not to lose frames to one. */
function pacedOptions(options: MotionSenderOptions): RateOptions {
  const { framesPerPacket, maxBitrateBps } = options;
  if (framesPerPacket === undefined || maxBitrateBps !== undefined) return options;
  return { ...options, maxBitrateBps: FIXED_BUNDLING_BPS };
}
