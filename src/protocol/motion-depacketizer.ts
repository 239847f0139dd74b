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

/** A frame of the stream, decoded. */
export interface ReceivedFrame {
  /** Number of the frame, counted from the sender's first. */
  readonly sequence: number;
  /** Whether it is the first of its message: the one that has waited longest. */
  readonly first: boolean;
  /**
   * Capture time in milliseconds of the sender's clock, less an unknown multiple of 2^16 that is the
   * same for all frames: the wire has 16 bits of the first one.
   */
  readonly captureMs: number;
  readonly state: MotionState;
  /** From the frame that the sender sent before it to this one, 1–4: it left those between out. */
  readonly stride: number;
  /** When the packet that held it arrived, on this side's clock. */
  readonly receivedMs: number;
}

interface Waiting {
  readonly packet: MotionPacket;
  readonly sequence: number;
  readonly receivedMs: number;
}

/** Number of a packet's last frame, given that of the first. */
function lastFrame(sequence: number, { frameCount, stride }: MotionPacket): number {
  return sequence + (frameCount - 1) * stride;
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
  /** Frames given out, as far back as `states`: a mismatch empties those, not this. */
  readonly #given = new Set<number>();
  #newest: ReceivedFrame | undefined;
  #broken = false;
  #drops: DropCode[] = [];

  constructor(tables: MotionTables, frameIntervalMs: number) {
    this.#tables = tables;
    this.#frameIntervalMs = frameIntervalMs;
  }

  /** Newest frame decoded, or undefined before the first. */
  get newestDecoded(): number | undefined {
    return this.#newest?.sequence;
  }

  /** Newest frame heard of: decoded, or in a packet that waits for its reference. */
  get newest(): number | undefined {
    let newest = this.newestDecoded;
    for (const { sequence, packet } of this.#waiting.values()) {
      newest = Math.max(newest ?? 0, lastFrame(sequence, packet));
    }
    return newest;
  }

  /**
   * Arrival of the oldest packet that waits for a reference, of those newer than all decoded ones:
   * the chain goes on without the others.
   */
  get waitingSinceMs(): number | undefined {
    let oldest: number | undefined;
    for (const { sequence, receivedMs } of this.#waiting.values()) {
      if (sequence < (this.newestDecoded ?? 0)) continue;
      if (oldest === undefined || receivedMs < oldest) oldest = receivedMs;
    }
    return oldest;
  }

  /** Whether nothing but an independent frame can be decoded, and something was to be. */
  get needsIndependent(): boolean {
    return this.#broken || (this.#states.size === 0 && this.#waiting.size > 0);
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
    const sequence = extendSerial(packet.sequence, this.newestDecoded ?? packet.sequence, 16);
    const waits = packet.coding.kind === 'predicted' && this.#waiting.has(sequence);
    const known = waits || this.#isKnown(packet.coding, lastFrame(sequence, packet));
    if (known || sequence <= this.#horizon || sequence < 0) {
      if (!isCopy) this.#drops.push(known ? 'duplicate' : 'too-old');
      return;
    }
    const outcome = this.#decode({ packet, sequence, receivedMs }, frames);
    if (outcome === 'waiting') this.#wait({ packet, sequence, receivedMs });
    else if (outcome !== 'decoded') this.#drops.push(outcome);
    else this.#retryWaiting(frames);
  }

  /** Frames that the sender has coded anew, independently, count as what they are now. */
  #isKnown(coding: MotionPacket['coding'], last: number): boolean {
    const state = this.#states.get(last);
    if (!state) return false;
    return coding.kind === 'predicted' || stateDigest(state) === coding.digest;
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
    if (decoder.invalid) return 'malformed';
    const digest = stateDigest(state);
    if ((independent ? digest : digest & 0xff) !== coding.digest) {
      // Of a predicted packet and its history one is wrong, and which cannot be told: nothing more
      // is built on either.
      if (!independent) this.#states.clear();
      this.#broken = true;
      return 'digest-mismatch';
    }
    if (independent) {
      this.#broken = false;
      this.#waiting.delete(sequence);
    }
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
    const { stride, intervals } = packet;
    let captureMs = this.#captureMs(packet, sequence, receivedMs);
    states.forEach((state, index) => {
      if (index > 0) captureMs += intervals?.[index - 1] ?? stride * this.#frameIntervalMs;
      const first = index === 0;
      const number = sequence + index * stride;
      const frame = { sequence: number, first, captureMs, state, stride, receivedMs };
      const isNew = packet.coding.kind === 'independent' || !this.#states.has(frame.sequence);
      if (isNew) this.#states.set(frame.sequence, state);
      if (!this.#given.has(frame.sequence)) {
        this.#given.add(frame.sequence);
        frames.push(frame);
      }
      if (!this.#newest || frame.sequence > this.#newest.sequence) this.#newest = frame;
    });
    for (const key of this.#states.keys()) if (key <= this.#horizon) this.#states.delete(key);
    for (const key of this.#given) if (key <= this.#horizon) this.#given.delete(key);
  }

  /** Frames up to this one are forgotten. */
  get #horizon(): number {
    return this.#newest ? this.#newest.sequence - HISTORY_FRAMES : -1;
  }

  /**
   * The full capture time: nearest to what the clock says of a paced stream or the frame number of
   * an unpaced one, whichever is later, so that neither a pause nor an outage is mistaken.
   */
  #captureMs(packet: MotionPacket, sequence: number, receivedMs: number): number {
    if (!this.#newest) return packet.timestamp;
    const elapsed = receivedMs - this.#newest.receivedMs;
    const played = (sequence - this.#newest.sequence) * this.#frameIntervalMs;
    return extendSerial(packet.timestamp, this.#newest.captureMs + Math.max(elapsed, played), 16);
  }
}
