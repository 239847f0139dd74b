import { parseMotion } from '../protocol/motion-packet.js';
import { extendSerial } from '../protocol/serial.js';

/** The fastest message of each so long is kept, and the least of so many shows the path without a queue. */
const BIN_MS = 500;
const BINS = 60;
/** Messages that overtook each other are known apart so far back. */
const REMEMBERED = 64;
/** A queue of this is worth telling of. */
const NOTABLE_QUEUE_MS = 80;

/**
 * What the network does to the sender's messages: how many it loses (copies do not make good for that: they are
 * what the sender has to decide on) and for how long they wait in a queue. Sans-IO; bounded.
 */
export class ReceptionMeter {
  readonly #frameIntervalMs: number;
  /** Numbers of the newest messages, to know a message that came twice. */
  readonly #heard: number[] = [];
  /** Number of the newest frame in a message. */
  #newest: number | undefined;
  /** Frames whose message has not come yet, though later ones have: from, to. */
  readonly #holes: (readonly [number, number])[] = [];
  #expected = 0;
  #lost = 0;
  /** Milliseconds from capture to arrival of the last message, and the least of each bin, oldest first. */
  #lateness: number | undefined;
  readonly #least: { readonly bin: number; ms: number }[] = [];
  #troubleMs: number | undefined;

  constructor(frameIntervalMs: number) {
    this.#frameIntervalMs = frameIntervalMs;
  }

  /** Since when something is to be told: a loss, or a queue. */
  get troubleMs(): number | undefined {
    return this.#troubleMs;
  }

  /** Takes a message of the motion channel as it came. */
  receive(message: Uint8Array, nowMs: number): void {
    const parsed = parseMotion(message);
    if (!parsed.ok) return;
    const { packet } = parsed.value;
    const { frameCount, stride, coding } = packet;
    const first = extendSerial(packet.sequence, this.#newest ?? packet.sequence, 16);
    if (this.#heard.includes(first)) return;
    this.#heard.push(first);
    if (this.#heard.length > REMEMBERED) this.#heard.shift();
    const last = first + (frameCount - 1) * stride;
    if (this.#newest === undefined) this.#newest = first - stride;
    if (last > this.#newest) {
      // What a packet is predicted from tells what was sent last; after a request it is older.
      const base = coding.kind === 'predicted' ? first - coding.referenceDistance : undefined;
      const before = base !== undefined && base >= this.#newest ? base : first - stride;
      this.#expected += last - this.#newest;
      if (before > this.#newest) {
        this.#lost += before - this.#newest;
        this.#holes.push([this.#newest + 1, before]);
        if (this.#holes.length > REMEMBERED) this.#holes.shift();
        this.#troubleMs ??= nowMs;
      }
      this.#newest = last;
    } else {
      // Where it was overtaken it is no loss; the answer to a request repeats what has come.
      const inHole = this.#holes.some(([from, to]) => first >= from && last <= to);
      if (inHole) this.#lost = Math.max(0, this.#lost - frameCount * stride);
    }
    const { intervals } = packet;
    const spanMs = intervals
      ? intervals.reduce((sum, ms) => sum + ms, 0)
      : (frameCount - 1) * stride * this.#frameIntervalMs;
    this.#late(nowMs - packet.timestamp - spanMs, nowMs);
  }

  #late(ms: number, nowMs: number): void {
    const known = this.#lateness;
    this.#lateness = known === undefined ? ms : extendSerial(ms, known, 16);
    const bin = Math.floor(nowMs / BIN_MS);
    const newest = this.#least.at(-1);
    if (newest?.bin === bin) newest.ms = Math.min(newest.ms, this.#lateness);
    else this.#least.push({ bin, ms: this.#lateness });
    while (this.#least[0].bin <= bin - BINS) this.#least.shift();
    if (this.queueMs >= NOTABLE_QUEUE_MS) this.#troubleMs ??= nowMs;
  }

  /** For how long even the fastest message of the last second waited. */
  get queueMs(): number {
    if (this.#least.length === 0) return 0;
    const recent = Math.min(...this.#least.slice(-2).map(({ ms }) => ms));
    return recent - Math.min(...this.#least.map(({ ms }) => ms));
  }

  /** Share of the frames expected since the last call whose message did not come, 0–1. */
  takeLoss(): number {
    const loss = this.#expected === 0 ? 0 : Math.min(1, this.#lost / this.#expected);
    this.#expected = 0;
    this.#lost = 0;
    this.#troubleMs = undefined;
    return loss;
  }
}
