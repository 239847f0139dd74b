import { checkInteger, checkOption } from './check-options.js';
import type { Feedback } from './feedback.js';
import { MAX_MOTION_MESSAGE_BYTES } from './limits.js';
import {
  type Coding,
  encodeFrame,
  initialState,
  type MotionState,
  stateDigest,
} from './motion-codec.js';
import {
  MAX_FRAMES_PER_PACKET,
  MAX_QUANTISER,
  MAX_REDUNDANCY,
  MAX_REFERENCE_DISTANCE,
  MAX_STRIDE,
  type MotionPacket,
  serialiseMotion,
} from './motion-packet.js';
import type { MotionTables } from './motion-tables.js';
import { RangeEncoder } from './range-coder.js';
import { extendSerial } from './serial.js';

/** An interval may differ this much from the nominal one before it is sent: below is capture jitter. */
const INTERVAL_TOLERANCE_MS = 8;
/** Bits of a coded value at most: a symbol of 15, a sign, an escape code of 30. */
const MAX_VALUE_BITS = 46;
/** A packet's header at most: its fixed fields, then three intervals of three bytes. */
const MAX_HEADER_BYTES = 19;
/** A receiver that has said nothing for so long hears nothing, or is not heard: two feedbacks did not come. */
const SILENT_MS = 11_000;

/** What may change from one bundle to the next. */
export interface PacketizerSettings {
  /** Frames a message, 1–4: each one more saves a message's headers and costs a frame of latency. */
  readonly framesPerPacket: number;
  /** Each n-th frame is sent, 1–4 (1); the receiver interpolates those between. */
  readonly stride?: number;
  /** Earlier messages repeated in each message, 0–3. */
  readonly redundancy: number;
  /**
   * Every message can be decoded by itself (false): of as many as one holds, copies included, one begins
   * with an independent frame. So what a loss costs are the lost frames alone.
   */
  readonly selfContained?: boolean;
  /** Quantiser index, 0–15; another one takes effect with the next independent frame. */
  readonly quantiser: number;
}

/** A packet that was made, without copies. */
export interface MadePacket {
  readonly bytes: number;
  readonly frames: number;
  readonly stride: number;
  readonly quantiser: number;
  readonly independent: boolean;
}

export interface PacketizerOptions extends PacketizerSettings {
  readonly tables: MotionTables;
  /** Frames from one independent frame to the next at most: bounds the chain of prediction. */
  readonly independentInterval: number;
  /** Nominal milliseconds between frames, as agreed in the handshake. */
  readonly frameIntervalMs: number;
  /** Number of the first frame, 0–65535 (0): the source's, so that both ends name frames alike. */
  readonly firstSequence?: number;
}

interface Bundle {
  readonly coding: { readonly kind: 'independent' } | { kind: 'predicted'; distance: number };
  readonly sequence: number;
  readonly captureMs: number[];
  readonly encoder: RangeEncoder;
  /** Frames that fill it. */
  readonly size: number;
  readonly stride: number;
  state: MotionState;
}

/**
 * The sending end of the motion channel: bundles coded frames into messages and decides what each
 * bundle is predicted from. Sans-IO; bounded by one bundle, three messages and 68 states.
 */
export class MotionPacketizer {
  readonly #options: PacketizerOptions;
  #settings: Required<PacketizerSettings>;
  #sequence: number;
  /** Number of the newest frame that was coded. */
  #coded: number;
  #bundle: Bundle | undefined;
  #sinceIndependent = 0;
  /** The next bundle begins with an independent frame. */
  #restart = true;
  #acknowledged: number | undefined;
  /** Number of the next frame when feedback last came; undefined before the first. */
  #heardAt: number | undefined;
  /** Messages from the last one that began with an independent frame on. */
  #messagesSinceIndependent = 0;
  readonly #states = new Map<number, MotionState>();
  /** The newest coded frames, as many as a message holds at most. */
  readonly #recent: { readonly sequence: number; readonly captureMs: number }[] = [];
  readonly #sent: Uint8Array[] = [];
  #newest: MadePacket | undefined;

  /** Throws a TypeError that names a bad option. */
  constructor(options: PacketizerOptions) {
    const { firstSequence = 0, frameIntervalMs, independentInterval } = options;
    checkInteger('firstSequence', firstSequence, 0, 0xffff);
    checkOption(independentInterval >= 1, 'independentInterval', '1 or more', independentInterval);
    checkOption(frameIntervalMs > 0, 'frameIntervalMs', 'above 0', frameIntervalMs);
    this.#options = options;
    this.#settings = checkedSettings(options);
    this.#sequence = firstSequence;
    this.#coded = firstSequence - 1;
  }

  /** What the next bundle is made with. */
  get settings(): Required<PacketizerSettings> {
    return this.#settings;
  }

  /** Takes effect with the next bundle. Throws a TypeError that names a bad setting. */
  set settings(settings: PacketizerSettings) {
    this.#settings = checkedSettings(settings);
  }

  /** The next bundle begins with an independent frame, and so with the quantiser of `settings`. */
  restart(): void {
    this.#restart = true;
  }

  /** The newest packet. */
  get newest(): MadePacket | undefined {
    return this.#newest;
  }

  /** Number of the next frame. */
  get sequence(): number {
    return this.#sequence;
  }

  /**
   * Whether the next frame is one that is sent: `add` leaves those out that a stride does not reach. Those sent have
   * numbers that the stride divides, so that which frames are interpolated does not depend on what got lost.
   */
  get due(): boolean {
    const bundle = this.#bundle;
    if (!bundle) return this.#restart || this.#sequence % this.#settings.stride === 0;
    const { captureMs, stride } = bundle;
    return captureMs.length === 0 || this.#sequence - this.#coded >= stride;
  }

  /** Newest frame the receiver says it decoded. */
  get acknowledged(): number | undefined {
    return this.#acknowledged;
  }

  /**
   * The state the next frame will be coded against, and how: what its quantiser needs to know.
   * Opens the next bundle if none is open.
   */
  get next(): { readonly base: MotionState; readonly predicted: boolean } {
    this.#bundle ??= this.#open();
    const first = this.#bundle.captureMs.length === 0;
    return {
      base: this.#bundle.state,
      predicted: !first || this.#bundle.coding.kind === 'predicted',
    };
  }

  #open(): Bundle {
    const sequence = this.#sequence;
    const { framesPerPacket, stride } = this.#settings;
    const state = this.#states.get(this.#coded);
    const distance = sequence - this.#coded;
    const usable = state !== undefined && distance <= MAX_REFERENCE_DISTANCE;
    const independent = this.#independentDue || this.#restart || !usable;
    // A predicted packet of several frames says its stride by its reference distance.
    const alone = this.#restart || (!independent && stride > 1 && distance !== stride);
    const size = alone ? 1 : framesPerPacket;
    this.#restart = false;
    const opened = { sequence, captureMs: [], encoder: new RangeEncoder(), size, stride };
    if (independent) {
      this.#sinceIndependent = 0;
      this.#messagesSinceIndependent = 0;
      const start = initialState(this.#options.tables.valueCount, this.#settings.quantiser);
      return { ...opened, coding: { kind: 'independent' }, state: start };
    }
    return { ...opened, coding: { kind: 'predicted', distance }, state };
  }

  /** Whether the next message is to be decoded by itself, though nobody asked just now. */
  get #independentDue(): boolean {
    const { redundancy, selfContained } = this.#settings;
    const silentFrames = this.#sequence - (this.#heardAt ?? this.#sequence);
    const silent = silentFrames * this.#options.frameIntervalMs > SILENT_MS;
    const uncovered = (selfContained || silent) && this.#messagesSinceIndependent > redundancy;
    const interval = this.#sinceIndependent >= this.#options.independentInterval;
    return interval || uncovered;
  }

  /**
   * Codes the next frame (`values` undefined where the picture has no face) and returns a message
   * where the bundle is full, or might with another frame outgrow a datagram. A frame that is not
   * `due` is left out. Throws a TypeError where there are not as many values as the tables have.
   */
  add(values: Int16Array | undefined, captureMs: number): Uint8Array | undefined {
    const { valueCount } = this.#options.tables;
    checkOption(!values || values.length === valueCount, 'values', `${valueCount} integers`);
    checkOption(Number.isFinite(captureMs), 'captureMs', 'a number of milliseconds', captureMs);
    if (!this.due) {
      this.#advance();
      return undefined;
    }
    const { predicted } = this.next;
    const bundle = this.#bundle!;
    const coding = predicted ? 'predicted' : 'independent';
    this.#code(bundle, this.#sequence, captureMs, coding, values);
    this.#recent.push({ sequence: this.#sequence, captureMs });
    if (this.#recent.length > MAX_FRAMES_PER_PACKET) this.#recent.shift();
    this.#coded = this.#sequence;
    this.#advance();
    const largestFrame = Math.ceil((valueCount * MAX_VALUE_BITS) / 8);
    const most = MAX_HEADER_BYTES + bundle.encoder.length + largestFrame;
    const full = bundle.captureMs.length >= bundle.size || most > MAX_MOTION_MESSAGE_BYTES;
    return full ? this.flush() : undefined;
  }

  #code(
    bundle: Bundle,
    sequence: number,
    captureMs: number,
    coding: Coding,
    values: Int16Array | undefined,
  ): void {
    bundle.state = encodeFrame(bundle.encoder, this.#options.tables, coding, bundle.state, values);
    bundle.captureMs.push(captureMs);
    this.#states.set(sequence, bundle.state);
  }

  #advance(): void {
    this.#states.delete(this.#sequence - MAX_REFERENCE_DISTANCE - MAX_FRAMES_PER_PACKET);
    this.#sequence++;
    this.#sinceIndependent++;
  }

  /** The open bundle as a message, however few frames it has; undefined where there is none. */
  flush(): Uint8Array | undefined {
    const bundle = this.#bundle;
    if (!bundle || bundle.captureMs.length === 0) return undefined;
    this.#bundle = undefined;
    this.#messagesSinceIndependent++;
    const packet = this.#packet(bundle);
    const message = this.#withCopies(packet);
    const alone = serialiseMotion(packet, []);
    const { captureMs, coding, stride, state } = bundle;
    this.#newest = {
      bytes: alone.length,
      frames: captureMs.length,
      stride,
      quantiser: state.quantiser,
      independent: coding.kind === 'independent',
    };
    this.#sent.push(alone);
    if (this.#sent.length > MAX_REDUNDANCY) this.#sent.shift();
    return message;
  }

  /** The message with as many of the latest copies as a datagram takes. */
  #withCopies(packet: MotionPacket): Uint8Array {
    const spare = Math.max(0, this.#sent.length - this.#settings.redundancy);
    for (let oldest = spare; ; oldest++) {
      const message = serialiseMotion(packet, this.#sent.slice(oldest));
      if (message.length <= MAX_MOTION_MESSAGE_BYTES || oldest >= this.#sent.length) return message;
    }
  }

  #packet({ coding, sequence, captureMs, encoder, state, stride }: Bundle): MotionPacket {
    const digest = stateDigest(state);
    const intervals = captureMs.slice(1).map((time, i) => Math.round(time - captureMs[i]));
    const nominal = stride * this.#options.frameIntervalMs;
    const regular = intervals.every((ms) => Math.abs(ms - nominal) <= INTERVAL_TOLERANCE_MS);
    return {
      sequence: sequence & 0xffff,
      timestamp: Math.round(captureMs[0]) & 0xffff,
      frameCount: captureMs.length,
      stride: coding.kind === 'independent' || coding.distance === stride ? stride : 1,
      intervals: regular ? undefined : intervals.map((ms) => Math.max(0, Math.min(0xffff, ms))),
      coding:
        coding.kind === 'independent'
          ? { kind: 'independent', quantiser: state.quantiser, digest }
          : { kind: 'predicted', referenceDistance: coding.distance, digest: digest & 0xff },
      body: encoder.finish(),
    };
  }

  /** Takes the receiver's feedback; returns the message that answers a request. */
  handleFeedback(feedback: Feedback): Uint8Array | undefined {
    this.#heardAt = this.#sequence;
    if (feedback.newestSequence !== undefined && this.#sequence > 0) {
      const sequence = extendSerial(feedback.newestSequence, this.#sequence - 1, 16);
      if (sequence < this.#sequence && sequence > (this.#acknowledged ?? -1)) {
        this.#acknowledged = sequence;
      }
    }
    return feedback.needsIndependent || feedback.needsRecovery ? this.#again() : undefined;
  }

  /**
   * The newest frames, sent before or not, in a message that can be decoded by itself: at the receiver they are
   * still to be shown. What follows is predicted from them.
   */
  #again(): Uint8Array | undefined {
    const open = this.#bundle?.captureMs.length ?? 0;
    this.#bundle = undefined;
    this.#sent.length = 0;
    const message = this.#independently(Math.max(this.#settings.framesPerPacket, open));
    return message && message.length > MAX_MOTION_MESSAGE_BYTES ? this.#independently(1) : message;
  }

  /** The newest `count` frames in a message, fewer where they are not alike in quantiser and distance. */
  #independently(count: number): Uint8Array | undefined {
    const newest = this.#recent.at(-1);
    if (!newest) return undefined;
    const { quantiser } = this.#states.get(newest.sequence)!;
    const gap = newest.sequence - (this.#recent.at(-2) ?? newest).sequence;
    const stride = gap >= 1 && gap <= MAX_STRIDE ? gap : 1;
    const frames = this.#recent
      .slice(-count)
      .filter(
        ({ sequence }, i, { length }) =>
          newest.sequence - sequence === (length - 1 - i) * stride &&
          this.#states.get(sequence)!.quantiser === quantiser,
      );
    const start = initialState(this.#options.tables.valueCount, quantiser);
    const opened = { captureMs: [], encoder: new RangeEncoder(), size: count, stride };
    const { sequence } = frames[0];
    const bundle: Bundle = { ...opened, sequence, coding: { kind: 'independent' }, state: start };
    for (const [i, { sequence, captureMs }] of frames.entries()) {
      const { values, facePresent } = this.#states.get(sequence)!;
      const coding = i === 0 ? 'independent' : 'predicted';
      this.#code(bundle, sequence, captureMs, coding, facePresent ? values : undefined);
    }
    this.#sinceIndependent = frames.length;
    this.#messagesSinceIndependent = 0;
    this.#bundle = bundle;
    return this.flush();
  }
}

function checkedSettings(settings: PacketizerSettings): Required<PacketizerSettings> {
  const { framesPerPacket, stride = 1, redundancy, selfContained = false, quantiser } = settings;
  checkInteger('framesPerPacket', framesPerPacket, 1, MAX_FRAMES_PER_PACKET);
  checkInteger('stride', stride, 1, MAX_STRIDE);
  checkInteger('redundancy', redundancy, 0, MAX_REDUNDANCY);
  checkInteger('quantiser', quantiser, 0, MAX_QUANTISER);
  checkOption(typeof selfContained === 'boolean', 'selfContained', 'true or false', selfContained);
  return { framesPerPacket, stride, redundancy, selfContained, quantiser };
}
