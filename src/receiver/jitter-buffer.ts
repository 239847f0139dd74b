import type { MotionState } from '../protocol/motion-codec.js';
import type { ReceivedFrame } from '../protocol/motion-depacketizer.js';
import { conceal, type FrameOrigin } from './concealment.js';

/** Frames held at most: five seconds at 50 a second; above, the oldest is dropped. */
const MAX_FRAMES = 256;
/** Lateness is judged over so many frames: ten seconds at 25 a second. */
const WINDOW_FRAMES = 250;
/** Playout is planned so much after the latest frame of the window: timers and decoding jitter. */
const MARGIN_MS = 10;
/** The playout delay comes down by so much a frame when the network calms: too slow to be seen. */
const DELAY_DECAY_MS = 0.5;
/** A frame without a successor is waited for so long beyond its time before it is made up. */
const GRACE_MS = 60;
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
  /** Number of the frame, counted from the sender's first. */
  readonly sequence: number;
  /** Capture time on the sender's clock. */
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
 * come. Sans-IO. The playout delay follows the latest frames of the last ten seconds: up at once,
 * down by half a millisecond a frame.
 */
export class JitterBuffer {
  readonly #mode: PlayoutMode;
  readonly #intervalMs: number;
  readonly #frames = new Map<number, ReceivedFrame>();
  readonly #lateness: number[] = [];
  #offset: number | undefined;
  #next: number | undefined;
  #last: Known | undefined;
  #previous: Known | undefined;
  #end: { readonly sequence: number; readonly atMs: number } | undefined;
  #blind = 0;
  #late = 0;

  constructor(mode: PlayoutMode, intervalMs: number) {
    this.#mode = mode;
    this.#intervalMs = intervalMs;
  }

  /** Milliseconds that the buffer now adds to the fastest frame of the window. */
  get delayMs(): number {
    if (this.#offset === undefined) return 0;
    return this.#offset - Math.min(...this.#lateness);
  }

  /** Frames that came after their place had been made up. */
  get lateFrames(): number {
    return this.#late;
  }

  /** Whether every frame up to the announced end has been let go. */
  get finished(): boolean {
    return this.#end !== undefined && (this.#next ?? 0) >= this.#end.sequence;
  }

  /**
   * The stream has `frames` frames: whatever of them is missing soon is made up, but not more than
   * a hole's worth.
   */
  end(frames: number, nowMs: number): void {
    const heard = Math.max(this.#next ?? 0, ...this.#frames.keys());
    this.#end ??= { sequence: Math.min(frames, heard + MAX_GAP_FRAMES), atMs: nowMs };
  }

  /** Takes a decoded frame. */
  insert(frame: ReceivedFrame): void {
    this.#next ??= frame.sequence;
    this.#blind = 0;
    const lateness = frame.receivedMs - frame.captureMs;
    this.#lateness.push(lateness);
    if (this.#lateness.length > WINDOW_FRAMES) this.#lateness.shift();
    const wanted = lateness + MARGIN_MS;
    this.#offset = Math.max(this.#offset ?? wanted, wanted);
    if (frame.sequence < this.#next) {
      this.#late++;
      return;
    }
    this.#frames.set(frame.sequence, frame);
    if (this.#frames.size > MAX_FRAMES) this.#frames.delete(Math.min(...this.#frames.keys()));
  }

  /** The next frame that is due at `nowMs`, each exactly once and in order. */
  poll(nowMs: number): DueFrame | undefined {
    const at = this.nextAt();
    if (at === undefined || at > nowMs) return undefined;
    const sequence = this.#next!;
    const frame = this.#frames.get(sequence);
    this.#frames.delete(sequence);
    const due = frame ? this.#show(frame, nowMs) : this.#makeUp(sequence, nowMs);
    this.#next = sequence + 1;
    this.#skipHole();
    this.#calmDown();
    return due;
  }

  /** When `poll` will give something, if nothing more comes; undefined: only more frames help. */
  nextAt(): number | undefined {
    if (this.#next === undefined || this.#offset === undefined || this.finished) return undefined;
    const frame = this.#frames.get(this.#next);
    if (frame)
      return this.#mode === 'immediate' ? frame.receivedMs : this.#offset + frame.captureMs;
    const later = this.#following();
    if (this.#end && !later) return this.#end.atMs + GRACE_MS;
    if (this.#mode === 'immediate') return later && later.receivedMs + GRACE_MS;
    if (!later && this.#blind >= MAX_BLIND_FRAMES) return undefined;
    return this.#offset + this.#captureOf(this.#next) + (later ? 0 : GRACE_MS);
  }

  #captureOf(sequence: number): number {
    if (!this.#last) return 0;
    return this.#last.captureMs + (sequence - this.#last.sequence) * this.#intervalMs;
  }

  #following(): ReceivedFrame | undefined {
    let first: ReceivedFrame | undefined;
    for (const frame of this.#frames.values()) {
      if (!first || frame.sequence < first.sequence) first = frame;
    }
    return first;
  }

  #show(frame: ReceivedFrame, nowMs: number): DueFrame {
    const { sequence, captureMs, state, receivedMs } = frame;
    if (state.facePresent) {
      this.#previous = this.#last?.sequence === sequence - 1 ? this.#last : undefined;
    }
    this.#last = { sequence, captureMs, state };
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

  #makeUp(sequence: number, nowMs: number): DueFrame {
    const later = this.#following();
    if (!later) this.#blind++;
    const last = this.#last!;
    const concealed = last.state.facePresent
      ? conceal(
          sequence - last.sequence,
          last.state,
          this.#previous?.state,
          later && { state: later.state, gap: later.sequence - last.sequence },
        )
      : { origin: 'held' as const, values: undefined };
    return {
      sequence,
      captureMs: this.#captureOf(sequence),
      ...concealed,
      quantiser: last.state.quantiser,
      receivedMs: undefined,
      playoutMs: nowMs,
    };
  }

  #skipHole(): void {
    const later = this.#following();
    if (later && later.sequence - this.#next! > MAX_GAP_FRAMES) this.#next = later.sequence;
  }

  #calmDown(): void {
    const target = Math.max(...this.#lateness) + MARGIN_MS;
    this.#offset = Math.max(target, this.#offset! - DELAY_DECAY_MS);
  }
}
