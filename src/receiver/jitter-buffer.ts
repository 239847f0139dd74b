import type { ValueRanges } from '../geometry/frame-model.js';
import { POSE_VALUES } from '../geometry/motion-model.js';
import type { MotionState } from '../protocol/motion-codec.js';
import type { ReceivedFrame } from '../protocol/motion-depacketizer.js';
import { type Concealment, conceal, type FrameOrigin } from './concealment.js';

/** Those of a face without surround points. */
const FACE_RANGES: ValueRanges = { pose: POSE_VALUES, surround: Infinity };
/** Frames held at most: five seconds at 50 a second; above, the oldest is dropped. */
const MAX_FRAMES = 256;
/**
 * Lateness is judged over so long, and over so many messages at most. A call's first second is its worst, as both
 * ends still load and compile: half of the call's age at most counts, but the last three seconds always.
 */
const WINDOW_MS = 10_000;
const LEAST_WINDOW_MS = 3_000;
const MAX_WINDOW_MESSAGES = 250;
/**
 * Of the messages in the window, those that may come too late, their frames to be made up: one in
 * thirty-three costs nothing that is seen, and waiting for the very latest cost up to 150 ms
 * (bench/browser-call.ts).
 */
const LATE_SHARE = 0.03;
/** Playout is planned so much after the latest message of the others: timers and decoding jitter. */
const MARGIN_MS = 10;
/** The buffer adds so much at most: with more nobody can talk, so later frames count as lost. */
const MAX_DELAY_MS = 1000;
/**
 * Of a frame interval, by how much the delay comes down each frame when the network calms: the most where it is
 * too long by the time given, in proportion below.
 */
const DELAY_DECAY = { least: 0.05, most: 0.2, mostFromMs: 100 } as const;
/** A frame without a successor is waited for so long beyond its time before it is made up. */
const GRACE_MS = 60;
/**
 * The first frame comes alone and at once, those after it in bundles: until two bundles are here the
 * delay they need is not known, and waiting longer for them is better than making frames up.
 */
const START_MESSAGES = 3;
const START_GRACE_MS = 250;
/** Frames made up without hearing anything, before playout rests until something comes. */
const MAX_BLIND_FRAMES = 50;
/** A longer hole than this is jumped over: nobody wants ten seconds of held frames one by one. */
const MAX_GAP_FRAMES = 250;

/** When frames are let go. */
export type PlayoutMode =
  /** At capture time plus an adaptive delay: a call. */
  | 'realtime'
  /** As soon as they and all before them are there: reading a stream as fast as it comes. */
  | 'immediate';

/** A frame that is due to be shown. */
export interface DueFrame {
  /** Number of the frame, counted from the sender's first; see `poll` of made-up ones. */
  readonly sequence: number;
  /** Capture time on the clock of the frames' own. */
  readonly captureMs: number;
  readonly origin: FrameOrigin;
  /** Integers of the motion frame; undefined: the last picture stays on show. */
  readonly values: Int16Array | undefined;
  readonly quantiser: number;
  /** When it arrived; undefined where it was made up. */
  readonly receivedMs: number | undefined;
  /** When the buffer let it go. */
  readonly playoutMs: number;
}

interface Known {
  readonly sequence: number;
  readonly captureMs: number;
  readonly state: MotionState;
}

/**
 * Puts frames back in order and spaces them as they were captured, making up those that did not
 * come. Sans-IO.
 *
 * A frame is let go at its capture time plus an offset. The target of the offset is what all but 3 % of the
 * messages of the last ten seconds (of a young call fewer) kept to, plus 10 ms: a message's lateness is its arrival less the capture
 * of its first frame, which is the one that waited for the others. So in the delay are bundling, jitter, and
 * where more than 3 % are lost, the wait for the copies in the messages that follow. The offset goes up at
 * once, and down by a twentieth to a fifth of the time played.
 */
export class JitterBuffer {
  readonly #mode: PlayoutMode;
  readonly #intervalMs: number;
  readonly #ranges: ValueRanges;
  readonly #frames = new Map<number, ReceivedFrame>();
  /** Of each message in the window. */
  readonly #lateness: { readonly ms: number; readonly receivedMs: number }[] = [];
  #offset: number | undefined;
  /** When the first message arrived. */
  #firstMs: number | undefined;
  /** Number of the next frame: all before it have been let go, late or given up. */
  #next: number | undefined;
  /** Newest frame known up to `#next`, shown or late, and the one before it. */
  #last: Known | undefined;
  #previous: Known | undefined;
  #end: { readonly sequence: number; readonly atMs: number } | undefined;
  /** Frames made up from `#next` on without knowing whether the sender has any. */
  #blind = 0;
  #playedMs = -Infinity;
  #late = 0;
  readonly #origins = { decoded: 0, interpolated: 0, extrapolated: 0, held: 0 };
  #concealment: Concealment = 'none';

  /** `ranges`: what a frame's values are; by default those of a face alone. */
  constructor(mode: PlayoutMode, intervalMs: number, ranges: ValueRanges = FACE_RANGES) {
    this.#mode = mode;
    this.#ranges = ranges;
    this.#intervalMs = intervalMs;
  }

  /** Milliseconds that the buffer now adds to the fastest message of the window. */
  get delayMs(): number {
    return this.#offset === undefined ? 0 : this.#offset - this.#fastest;
  }

  get #fastest(): number {
    return Math.min(...this.#lateness.map(({ ms }) => ms));
  }

  /** Frames that came after their place had been made up. */
  get lateFrames(): number {
    return this.#late;
  }

  /** Frames let go, by how they came about. */
  get origins(): Readonly<Record<FrameOrigin, number>> {
    return { ...this.#origins };
  }

  /** What is done for want of frames, by the frame let go last. */
  get concealment(): Concealment {
    return this.#concealment;
  }

  /** Whether every frame up to the announced end has been let go. */
  get finished(): boolean {
    return this.#end !== undefined && (this.#next ?? -1) >= this.#end.sequence;
  }

  /**
   * The stream has `frames` frames: whatever of them is missing soon is made up, but not more than
   * a hole's worth.
   */
  end(frames: number, nowMs: number): void {
    if (this.#end) return;
    const heard = Math.max(this.#next ?? 0, ...this.#frames.keys());
    this.#end = { sequence: Math.min(frames, heard + MAX_GAP_FRAMES), atMs: nowMs };
    this.#settle(this.#end.sequence);
  }

  /** Takes a decoded frame. */
  insert(frame: ReceivedFrame): void {
    const { sequence, captureMs } = frame;
    this.#next ??= sequence;
    // The frames left out before it are made up once it is here.
    const ms = frame.receivedMs - captureMs + (frame.stride - 1) * this.#intervalMs;
    if (frame.first || this.#offset === undefined) this.#adapt(ms, frame.receivedMs);
    if (sequence < this.#next) {
      this.#late++;
      return;
    }
    if (this.#blind > 0 && captureMs < this.#playedMs + this.#intervalMs / 2) {
      // Its time has passed, but the guesses go on better from here.
      this.#late++;
      this.#blind = Math.max(0, this.#next + this.#blind - (sequence + 1));
      this.#next = sequence + 1;
      this.#remember(frame);
      return;
    }
    this.#settle(sequence);
    this.#frames.set(sequence, frame);
    if (this.#frames.size > MAX_FRAMES) this.#frames.delete(Math.min(...this.#frames.keys()));
  }

  #adapt(ms: number, receivedMs: number): void {
    const window = this.#lateness;
    window.push({ ms, receivedMs });
    this.#firstMs ??= receivedMs;
    const halfAgeMs = (receivedMs - this.#firstMs) / 2;
    const fromMs = receivedMs - Math.min(WINDOW_MS, Math.max(LEAST_WINDOW_MS, halfAgeMs));
    while (window.length > MAX_WINDOW_MESSAGES || window[0].receivedMs < fromMs) {
      window.shift();
    }
    const offset = Math.max(this.#offset ?? -Infinity, this.#target);
    this.#offset = Math.min(offset, this.#fastest + MAX_DELAY_MS);
  }

  /** What the window's messages ask for. */
  get #target(): number {
    const sorted = this.#lateness.map(({ ms }) => ms).sort((a, b) => b - a);
    return sorted[Math.floor(LATE_SHARE * sorted.length)] + MARGIN_MS;
  }

  /** Frames up to `sequence` were sent, so the guesses stood for the first of them. */
  #settle(sequence: number): void {
    if (this.#next === undefined) return;
    this.#next += Math.max(0, Math.min(this.#blind, sequence - this.#next));
    this.#blind = 0;
  }

  /**
   * The next frame that is due at `nowMs`, in order of capture. Each number comes exactly once, save
   * for frames made up while nothing newer was known: they carry the numbers that would follow, and
   * where the sender had only paused, the real frames of these numbers come after them.
   */
  poll(nowMs: number): DueFrame | undefined {
    const at = this.nextAt();
    if (at === undefined || at > nowMs) return undefined;
    if (this.#next === undefined) {
      this.#next = this.#end?.sequence;
      return undefined;
    }
    const due = this.#take(this.#next, nowMs);
    this.#playedMs = due.captureMs;
    this.#origins[due.origin]++;
    this.#concealment =
      due.origin === 'extrapolated' || due.origin === 'held' ? due.origin : 'none';
    this.#skipHole();
    this.#calmDown();
    return due;
  }

  #take(sequence: number, nowMs: number): DueFrame {
    const frame = this.#frames.get(sequence);
    const later = this.#following();
    if (!frame && !later && !this.#end) {
      this.#blind++;
      return this.#makeUp(sequence + this.#blind - 1, undefined, nowMs);
    }
    this.#next = sequence + 1;
    if (!frame) return this.#makeUp(sequence, later, nowMs);
    this.#frames.delete(sequence);
    return this.#show(frame, nowMs);
  }

  /** When `poll` is to be called, if nothing more comes; undefined: only more frames help. */
  nextAt(): number | undefined {
    if (this.finished) return undefined;
    if (this.#next === undefined || this.#offset === undefined) {
      return this.#end && this.#end.atMs + GRACE_MS;
    }
    const frame = this.#frames.get(this.#next);
    if (frame)
      return this.#mode === 'immediate' ? frame.receivedMs : this.#offset + frame.captureMs;
    const later = this.#following();
    if (this.#end && !later) return this.#end.atMs + GRACE_MS;
    if (this.#mode === 'immediate') return later && later.receivedMs + GRACE_MS;
    if (later) return this.#offset + this.#captureOf(this.#next, later);
    if (this.#blind >= MAX_BLIND_FRAMES) return undefined;
    const grace = this.#lateness.length < START_MESSAGES ? START_GRACE_MS : GRACE_MS;
    return this.#offset + this.#captureOf(this.#next + this.#blind, undefined) + grace;
  }

  /** Capture time of a frame that is not there, before `later` if that is known. */
  #captureOf(sequence: number, later: Known | undefined): number {
    const last = this.#last;
    if (!last) return later ? later.captureMs - (later.sequence - sequence) * this.#intervalMs : 0;
    const interval = later
      ? (later.captureMs - last.captureMs) / (later.sequence - last.sequence)
      : this.#intervalMs;
    return last.captureMs + (sequence - last.sequence) * interval;
  }

  /** The first frame that is there, after `sequence` where that is given. */
  #following(sequence = -1): ReceivedFrame | undefined {
    let first: ReceivedFrame | undefined;
    for (const frame of this.#frames.values()) {
      if (frame.sequence > sequence && frame.sequence < (first?.sequence ?? Infinity))
        first = frame;
    }
    return first;
  }

  #remember(frame: Known): void {
    this.#previous = this.#last;
    this.#last = frame;
  }

  #show(frame: ReceivedFrame, nowMs: number): DueFrame {
    const { sequence, captureMs, state, receivedMs } = frame;
    this.#remember(frame);
    return {
      sequence,
      captureMs,
      origin: 'decoded',
      values: state.facePresent ? state.values : undefined,
      quantiser: state.quantiser,
      receivedMs,
      playoutMs: nowMs,
    };
  }

  #makeUp(sequence: number, later: ReceivedFrame | undefined, nowMs: number): DueFrame {
    const last = this.#last;
    const concealed =
      last?.state.facePresent &&
      conceal(
        sequence,
        {
          last,
          previous: this.#previous,
          after: later,
          next: later && this.#following(later.sequence),
        },
        this.#ranges,
      );
    return {
      sequence,
      captureMs: this.#captureOf(sequence, later),
      ...(concealed || { origin: 'held', values: undefined }),
      quantiser: last?.state.quantiser ?? 0,
      receivedMs: undefined,
      playoutMs: nowMs,
    };
  }

  #skipHole(): void {
    const later = this.#following();
    if (later && later.sequence - this.#next! > MAX_GAP_FRAMES) this.#next = later.sequence;
  }

  #calmDown(): void {
    const { least, most, mostFromMs } = DELAY_DECAY;
    const excessMs = Math.max(0, this.#offset! - this.#target);
    const share = Math.min(most, Math.max(least, (most * excessMs) / mostFromMs));
    this.#offset! -= Math.min(excessMs, share * this.#intervalMs);
  }
}
