import { MAX_FRAMES_PER_PACKET, MAX_REDUNDANCY, MAX_STRIDE } from '../protocol/motion-packet.js';
import type { MadePacket } from '../protocol/motion-packetizer.js';
import { DEFAULT_QUANTISER } from './defaults.js';
import { FrameInterval } from './frame-interval.js';
import { LinkEstimate, type LinkReport } from './link-estimate.js';
import {
  frameBytesFactor,
  INDEPENDENT_RATIO,
  type MotionSettings,
  RateModel,
  type WireProfile,
} from './rate-model.js';
import type { RateAims } from './rate-presets.js';

export interface RateControllerOptions {
  /** Nominal frames per second. */
  readonly fps: number;
  readonly aims: RateAims;
  readonly wire: WireProfile;
  /** What the application has chosen. */
  readonly fixed?: Partial<MotionSettings>;
}

/** Why the settings are as they are. */
export type RateReason =
  /** Nothing stands in the way of what the preset aims at. */
  | 'preset'
  /** `maxBitrateBps` takes no more. */
  | 'bitrate'
  /** The path takes no more: a queue built up, or most of what was sent got lost. */
  | 'congestion'
  /** Messages get lost: copies repair that. */
  | 'loss';

/** What the controller has chosen, and the figures that it was chosen by. */
export interface RateDecision extends MotionSettings {
  readonly reason: RateReason;
  /** Bits a second on the wire, forward, that may be used. */
  readonly limitBps: number;
  /** Of them, what motion takes with its headers, as far as can be told. */
  readonly motionBps: number;
  /** What is left for reference pictures, their headers included. */
  readonly pictureBps: number;
  /** Milliseconds that bundling adds. */
  readonly bundlingMs: number;
  /** Mean bytes of a predicted frame, had it the default quantiser and stride. */
  readonly frameBytes: number;
  /** Share of the messages that the network loses, 0–1. */
  readonly loss: number;
  /** Milliseconds for which messages wait in a queue of the network. */
  readonly queueMs: number;
}

/** Coarser than this, the mouth is off by more than half a pixel at 256×256. */
const COARSEST_QUANTISER = 10;
/** A frame's bytes before any was coded: the mean over strangers (`bench/motion.ts`). */
const FIRST_FRAME_BYTES = 14;
/** The mean of the frames' bytes follows what is said now within seconds. */
const FRAME_BYTES_MEMORY_MS = 4_000;
/** Less is a message now and then. */
const NOTABLE_LOSS = 0.02;
/** What does better by less than so many pixels is no reason to change, but for what takes fewer bits. */
const MARGIN_PIXELS = 0.02;
const THRIFTY_MARGIN_PIXELS = 0.004;
/** What would do better but is not urgent has to do so for this long. */
const PATIENCE_MS = 4_000;
/** Motion is planned to take so much of what it may: its bytes vary from second to second. */
const MOTION_SHARE = 0.97;
/** While pictures wait, so much is kept for them: they come slowly, but they come. */
const PENDING_PICTURE_SHARE = 0.1;
/** While what is shown is wrong until a picture comes: a second then brings a kilobyte at 20 kbps. */
const URGENT_PICTURE_SHARE = 0.5;
/** So much beyond the limit does not wait for the next independent frame to bring another quantiser. */
const URGENT = 1.1;

/**
 * Chooses how the motion stream is sent, within the bits that the application and the path allow: of all settings
 * that fit, those with the least error, latency and bytes, each weighted by the preset. Sans-IO: told of
 * packets, messages and reports, asked before each bundle. Protection against loss and less for a path that is full
 * come with the next bundle; what is merely better comes after four seconds.
 */
export class RateController {
  readonly #aims: RateAims;
  readonly #model: RateModel;
  readonly #wire: WireProfile;
  readonly #link: LinkEstimate;
  readonly #interval: FrameInterval;
  readonly #candidates: readonly MotionSettings[];
  /** Whether the receiver takes frames that lie apart. */
  strides = false;
  /** Whether pictures wait to be sent; `urgent`: without them the receiver shows something else. */
  picturesPending: boolean | 'urgent' = false;
  #frameBytes = FIRST_FRAME_BYTES;
  #measuredMs = 0;
  /** Quantiser of the newest packet: another one waits for an independent frame. */
  #quantiser: number | undefined;
  #current: MotionSettings;
  #betterSinceMs: number | undefined;
  /** Something better would be sent if more bits were allowed. */
  #heldBack = false;

  constructor({ fps, aims, wire, fixed = {} }: RateControllerOptions) {
    this.#aims = aims;
    this.#wire = wire;
    this.#model = new RateModel(fps, wire);
    this.#interval = new FrameInterval(fps);
    this.#link = new LinkEstimate(aims.lossyBitrateBps);
    this.#candidates = allSettings(fixed);
    this.#current = this.#best();
  }

  /** Notes a frame of the source, sent or left out by the stride. */
  frameCaptured(captureMs: number): void {
    this.#interval.note(captureMs);
    this.#model.frameIntervalMs = this.#interval.ms;
  }

  /** Notes a packet of motion. */
  packetMade({ bytes, frames, stride, quantiser, independent }: MadePacket): void {
    const spanMs = frames * stride * this.#model.frameIntervalMs;
    const worth = independent ? frames - 1 + INDEPENDENT_RATIO : frames;
    const like = Math.max(1, bytes - 6) / worth / frameBytesFactor(quantiser, stride);
    // A plain mean at first, then one that forgets.
    this.#measuredMs = Math.min(this.#measuredMs + spanMs, FRAME_BYTES_MEMORY_MS);
    this.#frameBytes += (spanMs / this.#measuredMs) * (like - this.#frameBytes);
    this.#quantiser = quantiser;
  }

  /** Notes a message of any channel that left, without its headers; of motion, with the newest frame in it. */
  messageSent(bytes: number, nowMs: number, frame?: number): void {
    this.#link.sent(bytes + this.#wire.messageBytes, nowMs, frame);
  }

  /** Takes what the receiver reported. */
  report(report: LinkReport, nowMs: number): void {
    this.#link.report(report, nowMs);
  }

  /** What the next bundle is to be made with. */
  decide(nowMs: number): MotionSettings {
    const best = this.#best();
    if (this.#isUrgent(best)) {
      this.#take(best);
    } else if (this.#isBetter(best)) {
      this.#betterSinceMs ??= nowMs;
      if (nowMs - this.#betterSinceMs >= PATIENCE_MS) this.#take(best);
    } else this.#betterSinceMs = undefined;
    const wanted = this.#score(this.#best(Infinity));
    this.#heldBack = this.#score(this.#current) - wanted > MARGIN_PIXELS;
    return this.#current;
  }

  /** Whether the quantiser that was decided on cannot wait for the next independent frame. */
  get wantsIndependent(): boolean {
    const coded = this.#quantiser ?? this.#current.quantiser;
    if (coded >= this.#current.quantiser) return false;
    return this.#bps({ ...this.#current, quantiser: coded }) > URGENT * this.#limitBps;
  }

  /** Bits a second that motion leaves for reference pictures. */
  get pictureBps(): number {
    const bare = { ...this.#current, redundancy: 0 };
    const left = this.#limitBps - this.#bps(this.#current);
    return Math.max(0, Math.min(left, this.#ownBps - this.#bps(bare)));
  }

  /** The same while an urgent picture waits. */
  get urgentPictureBps(): number {
    return Math.max(this.pictureBps, URGENT_PICTURE_SHARE * this.#ownBps);
  }

  /** What is in force now. */
  get decision(): RateDecision {
    const { limited, loss, queueMs } = this.#link;
    const motionBps = this.#bps(this.#current);
    const protects = this.#current.redundancy > 0 && loss > 0;
    const bounded = limited ? 'congestion' : protects ? 'loss' : 'bitrate';
    return {
      ...this.#current,
      reason: this.#heldBack ? bounded : protects ? 'loss' : 'preset',
      limitBps: this.#limitBps,
      motionBps,
      pictureBps: this.pictureBps,
      bundlingMs: this.#model.bundlingMs(this.#current),
      frameBytes: this.#frameBytes,
      loss,
      queueMs: Math.round(queueMs),
    };
  }

  #take(settings: MotionSettings): void {
    this.#current = settings;
    this.#betterSinceMs = undefined;
  }

  /** What is in force takes too much, or protects less than it must. */
  #isUrgent(best: MotionSettings): boolean {
    if (!this.#fits(this.#current)) return true;
    return best.redundancy > this.#current.redundancy && this.#isBetter(best);
  }

  #isBetter(best: MotionSettings): boolean {
    const thrifty = this.#bps(best) < this.#bps(this.#current);
    const margin = thrifty ? THRIFTY_MARGIN_PIXELS : MARGIN_PIXELS;
    return this.#score(best) < this.#score(this.#current) - margin;
  }

  get #notableLoss(): number {
    const { expectedLoss } = this.#link;
    return expectedLoss < NOTABLE_LOSS ? 0 : expectedLoss;
  }

  /** What there is for motion and pictures, but for what the preset gives on top for copies. */
  get #ownBps(): number {
    return Math.min(this.#link.limitBps, this.#aims.maxBitrateBps);
  }

  get #limitBps(): number {
    if (this.#notableLoss === 0) return this.#ownBps;
    return Math.min(this.#link.limitBps, this.#aims.lossyBitrateBps);
  }

  /** Whether motion fits into `share` of what there is for it, and does so without its copies into what is its own. */
  #fits(settings: MotionSettings, share = 1): boolean {
    const pictures =
      this.picturesPending === 'urgent' ? URGENT_PICTURE_SHARE : PENDING_PICTURE_SHARE;
    const motion = share * (this.picturesPending ? 1 - pictures : 1);
    if (this.#bps(settings) > motion * this.#limitBps) return false;
    return this.#bps({ ...settings, redundancy: 0 }) <= motion * this.#ownBps;
  }

  #bps(settings: MotionSettings): number {
    return this.#model.wireBps(settings, this.#frameBytes);
  }

  /** Pixels: the lower, the better. */
  #score(settings: MotionSettings): number {
    const loss = this.#notableLoss;
    const waitMs = this.#model.bundlingMs(settings) + this.#model.repairMs(settings, loss);
    const beyondMs = Math.max(0, waitMs - this.#aims.maxLatencyMs);
    return (
      this.#model.error(settings, loss) +
      this.#aims.pixelsPerMs * beyondMs +
      (this.#aims.pixelsPerKbps * this.#bps(settings)) / 1000
    );
  }

  /**
   * The best of what fits. Where nothing does, latency gives way first; where even that does not help, what takes
   * least.
   */
  #best(share = MOTION_SHARE): MotionSettings {
    const allowed = this.#candidates.filter(({ stride }) => this.strides || stride === 1);
    const fitting = allowed.filter((settings) => this.#fits(settings, share));
    const { maxLatencyMs } = this.#aims;
    const quick = fitting.filter((each) => this.#model.bundlingMs(each) <= maxLatencyMs + 1);
    if (quick.length > 0) return least(quick, (each) => this.#score(each));
    if (fitting.length > 0) return least(fitting, (each) => this.#score(each));
    return least(allowed, (each) => this.#bps(each));
  }
}

function least<T>(values: readonly T[], of: (value: T) => number): T {
  let [best] = values;
  let lowest = of(best);
  for (const value of values) {
    const score = of(value);
    if (score < lowest) [best, lowest] = [value, score];
  }
  return best;
}

function allSettings(fixed: Partial<MotionSettings>): MotionSettings[] {
  const range = (name: keyof MotionSettings, low: number, high: number) => {
    const given = fixed[name];
    if (given !== undefined) return [given];
    return Array.from({ length: high - low + 1 }, (_, i) => low + i);
  };
  const all: MotionSettings[] = [];
  for (const framesPerPacket of range('framesPerPacket', 1, MAX_FRAMES_PER_PACKET)) {
    for (const stride of range('stride', 1, MAX_STRIDE)) {
      for (const quantiser of range('quantiser', DEFAULT_QUANTISER, COARSEST_QUANTISER)) {
        for (const redundancy of range('redundancy', 0, MAX_REDUNDANCY)) {
          all.push({ framesPerPacket, stride, quantiser, redundancy });
        }
      }
    }
  }
  return all;
}
