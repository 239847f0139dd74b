import type { DropCode } from './errors.js';
import { decodeFrame, initialState, type MotionState, stateDigest } from './motion-codec.js';
import { type MotionPacket, parseMotion } from './motion-packet.js';
import type { MotionTables } from './motion-tables.js';
import { RangeDecoder } from './range-coder.js';
import { extendSerial } from './serial.js';

/** States kept to predict from: twice the farthest reference, for packets that come out of order. */
const HISTORY_FRAMES = 128;
/** Packets that wait for the one they are predicted from. */
const MAX_WAITING = 16;
/** The range decoder reads at most this far past an honest body's end (its 4-byte window). */
const MAX_OVERRUN_BYTES = 8;

/** A frame of the stream, decoded. */
export interface ReceivedFrame {
  /** Number of the frame, counted from the sender's first. */
  readonly sequence: number;
  /** Capture time on the sender's clock, in milliseconds since its epoch modulo nothing. */
  readonly captureMs: number;
  readonly state: MotionState;
  /** When the packet that held it arrived, on this side's clock. */
  readonly receivedMs: number;
}

interface Waiting {
  readonly packet: MotionPacket;
  readonly sequence: number;
  readonly receivedMs: number;
}

type Outcome = 'decoded' | 'waiting' | DropCode;

/**
 * The receiving end of the motion channel: bytes in, decoded frames out, each exactly once, whatever
 * was lost, repeated or reordered. Sans-IO; never throws; bounded by 128 states and 16 packets.
 */
export class MotionDepacketizer {
  readonly #tables: MotionTables;
  readonly #frameIntervalMs: number;
  readonly #states = new Map<number, MotionState>();
  readonly #waiting = new Map<number, Waiting>();
  #newest: number | undefined;
  #newestDecoded: number | undefined;
  #captureMs: number | undefined;
  #broken = false;
  #drops: DropCode[] = [];

  constructor(tables: MotionTables, frameIntervalMs: number) {
    this.#tables = tables;
    this.#frameIntervalMs = frameIntervalMs;
  }

  /** Newest frame decoded, or undefined before the first. */
  get newestDecoded(): number | undefined {
    return this.#newestDecoded;
  }

  /** Newest frame heard of, decoded or not. */
  get newest(): number | undefined {
    return this.#newest;
  }

  /** Arrival of the oldest packet that waits for a reference; undefined where none waits. */
  get waitingSinceMs(): number | undefined {
    let oldest: number | undefined;
    for (const { receivedMs } of this.#waiting.values()) {
      if (oldest === undefined || receivedMs < oldest) oldest = receivedMs;
    }
    return oldest;
  }

  /** Whether nothing but an independent frame can be decoded. */
  get needsIndependent(): boolean {
    return this.#broken || this.#states.size === 0;
  }

  /** The drops since the last call. */
  takeDrops(): DropCode[] {
    const drops = this.#drops;
    this.#drops = [];
    return drops;
  }

  /** Takes one message; returns the frames that it made decodable, in decoding order. */
  receive(message: Uint8Array, nowMs: number): ReceivedFrame[] {
    const parsed = parseMotion(message);
    if (!parsed.ok) {
      this.#drops.push(parsed.drop);
      return [];
    }
    const frames: ReceivedFrame[] = [];
    for (const copy of parsed.value.redundant) {
      const earlier = parseMotion(copy);
      if (!earlier.ok) this.#drops.push(earlier.drop);
      else if (earlier.value.redundant.length > 0) this.#drops.push('malformed');
      else this.#take(earlier.value.packet, nowMs, true, frames);
    }
    this.#take(parsed.value.packet, nowMs, false, frames);
    return frames;
  }

  #take(packet: MotionPacket, receivedMs: number, isCopy: boolean, frames: ReceivedFrame[]): void {
    const sequence = extendSerial(packet.sequence, this.#newest ?? packet.sequence, 16);
    const last = sequence + packet.frameCount - 1;
    const known = this.#states.has(last) || this.#waiting.has(sequence);
    const tooOld = this.#newest !== undefined && last <= this.#newest - HISTORY_FRAMES;
    if (known || tooOld || sequence < 0) {
      if (!isCopy) this.#drops.push(known ? 'duplicate' : 'too-old');
      return;
    }
    this.#newest = Math.max(this.#newest ?? last, last);
    const outcome = this.#decode({ packet, sequence, receivedMs }, frames);
    if (outcome === 'waiting') this.#wait({ packet, sequence, receivedMs });
    else if (outcome !== 'decoded') this.#drops.push(outcome);
    else this.#retryWaiting(frames);
  }

  #wait(entry: Waiting): void {
    this.#waiting.set(entry.sequence, entry);
    if (this.#waiting.size <= MAX_WAITING) return;
    this.#waiting.delete(Math.min(...this.#waiting.keys()));
    this.#drops.push('missing-reference');
  }

  #retryWaiting(frames: ReceivedFrame[]): void {
    let progress = true;
    while (progress) {
      progress = false;
      for (const entry of [...this.#waiting.values()].sort((a, b) => a.sequence - b.sequence)) {
        const outcome = this.#decode(entry, frames);
        if (outcome === 'waiting') continue;
        this.#waiting.delete(entry.sequence);
        if (outcome === 'decoded') progress = true;
        else this.#drops.push(outcome);
      }
    }
  }

  /** Gives up on packets that have waited since before `beforeMs`. */
  dropWaiting(beforeMs: number): void {
    for (const [sequence, { receivedMs }] of this.#waiting) {
      if (receivedMs >= beforeMs) continue;
      this.#waiting.delete(sequence);
      this.#drops.push('missing-reference');
    }
  }

  #decode({ packet, sequence, receivedMs }: Waiting, frames: ReceivedFrame[]): Outcome {
    const { coding } = packet;
    const independent = coding.kind === 'independent';
    let state = independent
      ? initialState(this.#tables.valueCount, coding.quantiser)
      : this.#states.get(sequence - coding.referenceDistance);
    if (!state) return 'waiting';
    const decoder = new RangeDecoder(packet.body);
    const states: MotionState[] = [];
    for (let frame = 0; frame < packet.frameCount; frame++) {
      const mode = independent && frame === 0 ? 'independent' : 'predicted';
      state = decodeFrame(decoder, this.#tables, mode, state);
      states.push(state);
    }
    if (decoder.overrun > MAX_OVERRUN_BYTES) return 'malformed';
    const digest = stateDigest(state);
    if ((independent ? digest : digest & 0xff) !== coding.digest) {
      // Packet or history is wrong, and which cannot be told: nothing more is built on either.
      this.#states.clear();
      this.#broken = true;
      return 'digest-mismatch';
    }
    if (independent) this.#broken = false;
    this.#store(packet, sequence, receivedMs, states, frames);
    return 'decoded';
  }

  #store(
    packet: MotionPacket,
    sequence: number,
    receivedMs: number,
    states: MotionState[],
    frames: ReceivedFrame[],
  ): void {
    let captureMs = extendSerial(packet.timestamp, this.#captureMs ?? packet.timestamp, 16);
    states.forEach((state, index) => {
      if (index > 0) captureMs += packet.intervals?.[index - 1] ?? this.#frameIntervalMs;
      if (!this.#states.has(sequence + index)) {
        frames.push({ sequence: sequence + index, captureMs, state, receivedMs });
      }
      this.#states.set(sequence + index, state);
    });
    const last = sequence + states.length - 1;
    if (this.#newestDecoded === undefined || last > this.#newestDecoded) {
      this.#newestDecoded = last;
      this.#captureMs = captureMs;
    }
    const horizon = (this.#newest ?? 0) - HISTORY_FRAMES;
    for (const key of this.#states.keys()) if (key <= horizon) this.#states.delete(key);
  }
}
