import { MAX_PICTURE_CHUNK_BYTES, MIN_PICTURE_CHUNK_BYTES } from '../protocol/limits.js';

/**
 * Bytes around a message on the wire: IPv4 20, UDP 8, DTLS 1.2 with AES-GCM 37, SCTP 12 and its DATA
 * chunk 16 (RFC 791, 768, 6347 and 5288, 9260), up to 3 of padding left out.
 */
const MESSAGE_OVERHEAD_BYTES = 93;
/** A chunk takes so much of the pictures' rate at most: the motion behind it waits no longer than that. */
const CHUNK_SECONDS = 0.25;
/** How often a channel that is full is looked at again. */
const RETRY_MS = 20;

/** Says when the next chunk of a picture may leave, and how long it may be. */
export class PicturePacer {
  /** Bits a second on the wire; 0: nothing leaves. */
  bps: number;
  #nowMs = 0;
  /** Bits that the last chunk took and the rate has not paid for. */
  #debt = 0;
  #blocked = false;

  constructor(bps: number) {
    this.bps = bps;
  }

  /** Lets the time pass. */
  advance(nowMs: number): void {
    const paid = (Math.max(0, nowMs - this.#nowMs) * this.bps) / 1000;
    // Less than a bit is what rounding leaves.
    this.#debt = this.#debt - paid < 1 ? 0 : this.#debt - paid;
    this.#nowMs = nowMs;
    this.#blocked = false;
  }

  /** Whether a chunk may leave now. */
  get ready(): boolean {
    return this.bps > 0 && this.#debt === 0;
  }

  /** When the next chunk may leave, if there is one; undefined: never at this rate. */
  get nextAt(): number | undefined {
    if (this.bps <= 0) return undefined;
    if (this.#blocked) return this.#nowMs + RETRY_MS;
    return this.#debt > 0 ? this.#nowMs + (1000 * this.#debt) / this.bps : -Infinity;
  }

  /** Bytes of a picture in the next message. */
  get chunkBytes(): number {
    const share = Math.round((this.bps * CHUNK_SECONDS) / 8);
    return Math.max(MIN_PICTURE_CHUNK_BYTES, Math.min(MAX_PICTURE_CHUNK_BYTES, share));
  }

  /** A message of so many bytes, about, leaves. */
  sent(bytes: number): void {
    this.#debt = 8 * (bytes + MESSAGE_OVERHEAD_BYTES);
  }

  /** The channel is full: it is looked at again a little later. */
  block(): void {
    this.#blocked = true;
  }
}
