import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { type Landmarks, POINT_COUNT } from '../geometry/landmarks.js';
import type { MotionModel } from '../geometry/motion-model.js';
import { checkGeometry } from '../models/check-options.js';
import { checkInteger, checkOption } from '../protocol/check-options.js';
import type { ControlMessage } from '../protocol/control-messages.js';
import { type DropCode, InvalidStateError } from '../protocol/errors.js';
import { encodeIdentity, type Identity, type IdentityReference } from '../protocol/identity.js';
import { PROOF_SIGNATURE_BYTES } from '../protocol/identity-proof.js';
import {
  MAX_BUFFERED_PICTURE_BYTES,
  MAX_PICTURE_CHUNK_BYTES,
  MAX_REFERENCES,
  MAX_UNANSWERED_PICTURES,
  MIN_PICTURE_CHUNK_BYTES,
} from '../protocol/limits.js';
import { MAX_VALUE } from '../protocol/motion-codec.js';
import type { MotionTables } from '../protocol/motion-tables.js';
import { encodeGeometry, encodePicture } from '../protocol/picture-update.js';

/** A reference picture to send during the call. */
export interface ReferenceUpdate {
  /** The place that it takes, 0–15: that of a reference which it replaces, or another. */
  readonly index: number;
  /** A WebP file of the crop, as many pixels across as the stream. */
  readonly picture: Uint8Array;
  /** The face in it, 478 × (x, y, z) in crop units. */
  readonly landmarks: Landmarks;
  /**
   * Places that are shown with from then on, its own among them; default: those before, and its own. What
   * waits for a place that is not among them is not sent any more.
   */
  readonly shown?: readonly number[];
}

/** What became of a picture. */
export interface PictureReport {
  readonly id: number;
  /**
   * `in-use`: the receiver shows with it, or may show it; `refused` by the receiver, with a code;
   * `superseded`: a newer one took its place before it was sent.
   */
  readonly state: 'in-use' | 'refused' | 'superseded';
  /** Why it was refused: a stable code of spec/bitstream.md, "Pictures"; else empty. */
  readonly code: string;
}

/** A picture whose signature is wanted. */
export interface UnsignedPicture {
  readonly id: number;
  /** SHA-256 of its blob: 64 lower-case hexadecimal digits. */
  readonly sha256: string;
}

interface Picture {
  readonly id: number;
  readonly place: number;
  /** What it is, where it is one. */
  readonly reference?: IdentityReference;
  /** Places that are shown with from then on; undefined: a still. */
  readonly shown?: number;
  readonly blob: Uint8Array;
  signature?: Uint8Array;
}

/** Bits a second on the wire for pictures, where nothing says: 20 kbps less those of motion. */
export const DEFAULT_PICTURE_BPS = 11_000;
/**
 * Bytes around a message on the wire: IPv4 20, UDP 8, DTLS 1.2 with AES-GCM 37, SCTP 12 and its DATA
 * chunk 16 (RFC 791, 768, 6347 and 5288, 9260), up to 3 of padding left out.
 */
const MESSAGE_OVERHEAD_BYTES = 93;
/** A chunk takes so much of the pictures' rate at most: the motion behind it waits no longer than that. */
const CHUNK_SECONDS = 0.25;
/** Quantiser index of a reference's geometry: half the motion's steps, for 5 bytes more. */
const GEOMETRY_QUANTISER = 0;
/** How often a channel that is full is looked at again. */
const RETRY_MS = 20;
/** In the place of a reference's place. */
const STILL = -1;
const PLACES = -2;

const maskOf = (places: readonly number[]): number =>
  places.reduce((mask, place) => mask | (1 << place), 0);

export interface PictureSenderOptions {
  readonly model: MotionModel;
  readonly tables: MotionTables;
  readonly identity: Identity;
  /** Each picture waits for its signature. */
  readonly signed: boolean;
  /** Bits a second on the wire. */
  readonly bps: number | undefined;
  readonly isOpen: () => boolean;
  /** Number of the first motion frame. */
  readonly firstSequence: number;
}

/**
 * The sending side of pictures during the call, sans IO: cut into chunks, paced in bits of wire, the
 * newest of a place instead of one that still waits.
 */
export class PictureSender {
  readonly #options: PictureSenderOptions;
  #bps: number;
  #ids = 0;
  #sequence: number;
  /** Pictures that wait, by their place, the oldest first. */
  readonly #waiting = new Map<number, Picture>();
  /** The one that is being sent, and how far. */
  #open: { readonly picture: Picture; sent: number } | undefined;
  readonly #unanswered = new Map<number, Picture>();
  /** By place: those that the receiver uses in the place of the identity's, or beside them. */
  readonly #used = new Map<number, Picture>();
  /** Places that are shown with, and those that will be when all has arrived. */
  #shown: number;
  #ordered: number;
  readonly #reports: PictureReport[] = [];
  #nowMs = 0;
  /** Bits that the last chunks took and the rate has not paid for. */
  #debt = 0;
  #blocked = false;

  /** Throws a TypeError that names a bad option. */
  constructor(options: PictureSenderOptions) {
    const { bps = DEFAULT_PICTURE_BPS, firstSequence } = options;
    checkOption(bps >= 0, 'pictureBps', '0 or more', bps);
    this.#options = options;
    this.#bps = bps;
    this.#sequence = firstSequence;
    this.#shown = maskOf([...options.identity.references.keys()]);
    this.#ordered = this.#shown;
  }

  /** Whether pictures can be sent: frames flow, and the receiver takes pictures. */
  get open(): boolean {
    return this.#options.isOpen();
  }

  /** Bits a second on the wire for pictures; 0: they wait. */
  set bps(value: number) {
    checkOption(value >= 0, 'bps', '0 or more', value);
    this.#bps = value;
  }

  /** Bytes of pictures that have not left yet. */
  get pending(): number {
    let bytes = this.#open ? this.#open.picture.blob.length - this.#open.sent : 0;
    for (const { blob } of this.#waiting.values()) bytes += blob.length;
    return bytes;
  }

  /**
   * The references that the receiver shows with now, by place, as it has them: pictures and geometry as
   * coded.
   */
  get references(): ReadonlyMap<number, IdentityReference> {
    const references = new Map<number, IdentityReference>(
      this.#options.identity.references.entries(),
    );
    for (const [index, { reference }] of this.#used)
      if (reference) references.set(index, reference);
    const shown = [...references].filter(([place]) => (this.#shown >> place) & 1);
    return new Map(shown.sort(([one], [other]) => one - other));
  }

  /** Bytes of the identity with the references as they are now: what to offer on another connection. */
  get identity(): Uint8Array {
    const references = [...this.references.values()];
    return encodeIdentity({ ...this.#options.identity, references });
  }

  /**
   * Sends a reference, instead of one that still waits for the same place; gives its id. Throws
   * InvalidStateError unless `open`, and a TypeError where it is none.
   */
  sendReference({ index, picture, landmarks, shown: places }: ReferenceUpdate): number {
    this.#checkOpen('sendReference');
    checkInteger('index', index, 0, MAX_REFERENCES - 1);
    checkGeometry('landmarks', landmarks);
    const { model, tables } = this.#options;
    const quantiser = GEOMETRY_QUANTISER;
    const face = landmarks.subarray(0, 3 * POINT_COUNT);
    const values = model.quantise(face, undefined, quantiser, MAX_VALUE);
    const geometry = encodeGeometry(tables, values);
    const shown = places ? maskOf(places) : this.#ordered | (1 << index);
    const blob = encodePicture({ kind: 'reference', index, shown, quantiser, geometry, picture });
    const coded = model.reconstruct(values, quantiser).slice(0, 3 * POINT_COUNT);
    const reference = { picture: picture.slice(), landmarks: coded };
    return this.#add({ place: index, blob, reference, shown });
  }

  /**
   * Shows with the references of these places alone from now on, which the receiver has. As
   * `sendReference`.
   */
  showPlaces(places: readonly number[]): number {
    this.#checkOpen('showPlaces');
    const shown = maskOf(places);
    return this.#add({ place: PLACES, blob: encodePicture({ kind: 'places', shown }), shown });
  }

  /**
   * Sends a still, a WebP file of the whole crop: it is shown as it is once frames without a face are
   * shown, until the next one with a face, which also drops what has not left. As `sendReference`.
   */
  sendPicture(picture: Uint8Array): number {
    this.#checkOpen('sendPicture');
    const sequence = this.#sequence & 0xffff;
    return this.#add({ place: STILL, blob: encodePicture({ kind: 'still', sequence, picture }) });
  }

  #checkOpen(method: string): void {
    if (!this.open) throw new InvalidStateError(`${method}: the receiver takes no pictures now`);
  }

  #add(picture: Omit<Picture, 'id'>): number {
    const id = this.#ids++;
    this.#drop(picture.place);
    if (picture.shown !== undefined) this.#order(picture.shown);
    this.#waiting.set(picture.place, { ...picture, id });
    return id;
  }

  /** References of other places than these, and choices of places, that have not left, are in vain. */
  #order(shown: number): void {
    this.#ordered = shown;
    const inVain = (place: number) => place !== STILL && ((shown >> place) & 1) === 0;
    for (const place of [...this.#waiting.keys()]) if (inVain(place)) this.#drop(place);
    if (this.#open && inVain(this.#open.picture.place)) this.#abandon(this.#open.picture);
  }

  #abandon({ id }: Picture): void {
    this.#report({ id, state: 'superseded', code: '' });
    this.#open = undefined;
  }

  #drop(place: number): void {
    const waiting = this.#waiting.get(place);
    if (waiting) this.#report({ id: waiting.id, state: 'superseded', code: '' });
    this.#waiting.delete(place);
  }

  /** A motion frame was sent; `sequence` is the number of the next one. */
  frameSent(hasFace: boolean, sequence: number): void {
    this.#sequence = sequence;
    if (!hasFace) return;
    this.#drop(STILL);
    if (this.#open?.picture.place === STILL) this.#abandon(this.#open.picture);
  }

  /** The receiver has the identity anew, and none of the pictures since: they are sent again. */
  sendAgain(): void {
    const open = this.#open ? [this.#open.picture] : [];
    const again = [...this.#used.values(), ...this.#unanswered.values(), ...open];
    this.#open = undefined;
    this.#used.clear();
    this.#unanswered.clear();
    this.#shown = maskOf([...this.#options.identity.references.keys()]);
    for (const picture of again) {
      const { place } = picture;
      if (place !== STILL && !this.#waiting.has(place)) this.#waiting.set(place, picture);
    }
  }

  /** A picture that waits for `sign`. */
  get toSign(): UnsignedPicture | undefined {
    if (!this.#options.signed) return undefined;
    for (const { id, blob, signature } of this.#waiting.values()) {
      if (!signature) return { id, sha256: bytesToHex(sha256(blob)) };
    }
    return undefined;
  }

  /** The signature of `toSign`; one of a picture that waits no longer is left alone. */
  sign(id: number, signature: Uint8Array): void {
    const length = signature.length;
    checkOption(length === PROOF_SIGNATURE_BYTES, 'signature', '64 bytes', length);
    for (const picture of this.#waiting.values()) {
      if (picture.id === id) picture.signature = signature.slice();
    }
  }

  /** A picture cannot be signed: it is not sent. */
  giveUp(id: number): void {
    for (const [place, picture] of this.#waiting) {
      if (picture.id !== id) continue;
      this.#waiting.delete(place);
      this.#report({ id, state: 'refused', code: 'unsigned' });
    }
  }

  /** Takes what the receiver says of a picture. */
  receive(message: ControlMessage): DropCode | undefined {
    if (message.type !== 'picture-used' && message.type !== 'picture-refused') return 'unexpected';
    const { pictureId: id } = message;
    const picture = this.#unanswered.get(id);
    if (!picture) return 'unexpected';
    this.#unanswered.delete(id);
    if (message.type === 'picture-refused') {
      this.#report({ id, state: 'refused', code: message.code });
      return undefined;
    }
    if (picture.place !== STILL) this.#used.set(picture.place, picture);
    this.#shown = picture.shown ?? this.#shown;
    this.#report({ id, state: 'in-use', code: '' });
    return undefined;
  }

  /** What became of pictures, in order; the last 32 that were not asked for are kept. */
  nextReport(): PictureReport | undefined {
    return this.#reports.shift();
  }

  #report(report: PictureReport): void {
    this.#reports.push(report);
    if (this.#reports.length > MAX_UNANSWERED_PICTURES) this.#reports.shift();
  }

  /** Lets the time pass. */
  advance(nowMs: number): void {
    const paid = (Math.max(0, nowMs - this.#nowMs) * this.#bps) / 1000;
    // Less than a bit is what rounding leaves.
    this.#debt = this.#debt - paid < 1 ? 0 : this.#debt - paid;
    this.#nowMs = nowMs;
    this.#blocked = false;
  }

  /** When the next chunk may leave. */
  nextAt(): number | undefined {
    if (!this.open || this.#bps <= 0 || (!this.#open && !this.#ready)) return undefined;
    if (this.#blocked) return this.#nowMs + RETRY_MS;
    return this.#debt > 0 ? this.#nowMs + (1000 * this.#debt) / this.#bps : -Infinity;
  }

  get #ready(): Picture | undefined {
    for (const picture of this.#waiting.values()) {
      if (picture.signature || !this.#options.signed) return picture;
    }
    return undefined;
  }

  /** The next chunk, where it is its time, given the bytes that wait in the channel. */
  next(bufferedAmount: number): ControlMessage | undefined {
    if (!this.open || this.#bps <= 0 || this.#debt > 0) return undefined;
    const start = this.#open ? undefined : this.#ready;
    const picture = start ?? this.#open?.picture;
    if (!picture) return undefined;
    this.#blocked = bufferedAmount > MAX_BUFFERED_PICTURE_BYTES;
    if (this.#blocked) return undefined;
    if (start) {
      this.#waiting.delete(start.place);
      this.#open = { picture, sent: 0 };
    }
    const open = this.#open!;
    const { id: pictureId, blob, signature } = picture;
    const rate = Math.round((this.#bps * CHUNK_SECONDS) / 8);
    const bytes = Math.max(MIN_PICTURE_CHUNK_BYTES, Math.min(MAX_PICTURE_CHUNK_BYTES, rate));
    const chunk = blob.subarray(open.sent, open.sent + bytes);
    const signed = start && signature ? PROOF_SIGNATURE_BYTES : 0;
    this.#debt = 8 * (chunk.length + signed + MESSAGE_OVERHEAD_BYTES);
    open.sent += chunk.length;
    if (open.sent === blob.length) this.#finish(picture);
    if (!start) return { type: 'picture-chunk', pictureId, chunk };
    return {
      type: 'picture-start',
      pictureId,
      bytes: blob.length,
      ...(signature && { signature }),
      chunk,
    };
  }

  #finish(picture: Picture): void {
    this.#open = undefined;
    this.#unanswered.set(picture.id, picture);
    if (this.#unanswered.size > MAX_UNANSWERED_PICTURES) {
      this.#unanswered.delete(Math.min(...this.#unanswered.keys()));
    }
  }
}
