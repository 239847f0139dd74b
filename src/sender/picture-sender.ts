import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { FrameModel } from '../geometry/frame-model.js';
import { checkGeometry } from '../models/check-options.js';
import { checkInteger, checkOption } from '../protocol/check-options.js';
import type { ControlMessage } from '../protocol/control-messages.js';
import { type DropCode, InvalidStateError } from '../protocol/errors.js';
import type { Identity, IdentityReference } from '../protocol/identity.js';
import { PROOF_SIGNATURE_BYTES } from '../protocol/identity-proof.js';
import {
  MAX_BUFFERED_PICTURE_BYTES,
  MAX_REFERENCES,
  MAX_UNANSWERED_PICTURES,
} from '../protocol/limits.js';
import type { MotionTables } from '../protocol/motion-tables.js';
import type { PictureClaim } from '../protocol/picture-proof.js';
import { encodeGeometry, encodePicture, REFERENCE_QUANTISER } from '../protocol/picture-update.js';
import { FollowingReferences } from './following-references.js';
import { PictureChunks } from './picture-chunks.js';
import { PicturePacer } from './picture-pacer.js';
import type { PictureReport, ReferenceUpdate } from './picture-port.js';
import { codeReferenceGeometry } from './reference-geometry.js';
import { maskOf, type PlacedReference, ShownReferences } from './shown-references.js';

/** A picture whose signature is wanted: what it is signed for. */
export type UnsignedPicture = { readonly id: number } & Pick<
  PictureClaim,
  'pictureSha256' | 'identitySha256'
>;

interface Picture extends PlacedReference {
  readonly id: number;
  readonly urgent: boolean;
  readonly blob: Uint8Array;
  signature?: Uint8Array;
  /** When its last byte left. */
  sentMs?: number;
}

/** Bits a second on the wire for pictures, where nothing says: 20 kbps less those of motion. */
const DEFAULT_PICTURE_BPS = 11_000;
/** In the place of a reference's place. */
const STILL = -1;
const PLACES = -2;

export interface PictureSenderOptions {
  readonly model: FrameModel;
  readonly tables: MotionTables;
  /** The identity that is offered, and the SHA-256 of its bytes in hexadecimal. */
  readonly offered: { readonly identity: Identity; readonly sha256: string };
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
  readonly #pacer: PicturePacer;
  /** SHA-256 of the identity that is offered. */
  #identitySha256: string;
  readonly #references: ShownReferences<Picture>;
  #ids = 0;
  #sequence: number;
  /** Pictures that wait, by their place, the oldest first. */
  readonly #waiting = new Map<number, Picture>();
  /** The one that is being sent. */
  #open: PictureChunks<Picture> | undefined;
  readonly #unanswered = new Map<number, Picture>();
  readonly #reports: PictureReport[] = [];
  #bps: number;
  /** What is left of the identity's references, and the rate that they go at. */
  #rest: FollowingReferences | undefined;
  #nowMs = -Infinity;

  /** Throws a TypeError that names a bad option. */
  constructor(options: PictureSenderOptions) {
    const { bps = DEFAULT_PICTURE_BPS, firstSequence, offered } = options;
    checkOption(bps >= 0, 'pictureBps', '0 or more', bps);
    this.#options = options;
    this.#bps = bps;
    this.#pacer = new PicturePacer(bps);
    this.#sequence = firstSequence;
    this.#identitySha256 = offered.sha256;
    this.#references = new ShownReferences(offered.identity);
  }

  /** Another identity of the same neutral geometry is offered instead. */
  setOffered({ identity, sha256 }: PictureSenderOptions['offered']): void {
    this.#identitySha256 = sha256;
    this.#references.offer(identity);
  }

  /**
   * Sends the references that the offered identity left out, by their places, at `bps` or faster where that is
   * more than the pictures' rate.
   */
  sendRest(references: readonly IdentityReference[], bps: number): void {
    const rest = new FollowingReferences(references, this.#references.ordered, bps);
    rest.ids = new Set(rest.references.map(({ shown, ...update }) => this.#send(update, shown)));
    this.#rest = rest;
  }

  /** Whether what has not left belongs to the identity. */
  get sendsRest(): boolean {
    const { ids } = this.#rest ?? {};
    return ids !== undefined && this.#unsent.some(({ id }) => ids.has(id));
  }

  /** Whether pictures can be sent: frames flow, and the receiver takes pictures. */
  get open(): boolean {
    return this.#options.isOpen();
  }

  get bps(): number {
    return this.#bps;
  }

  /** Bits a second on the wire for pictures; 0: they wait. */
  set bps(value: number) {
    checkOption(value >= 0, 'bps', '0 or more', value);
    this.#bps = value;
    this.#pace();
  }

  /** Bytes of pictures that have not left yet. */
  get pending(): number {
    const whole = this.#unsent.reduce((sum, { blob }) => sum + blob.length, 0);
    return whole - (this.#open?.sent ?? 0);
  }

  get #unsent(): Picture[] {
    return [...(this.#open ? [this.#open.picture] : []), ...this.#waiting.values()];
  }

  /** Whether the receiver shows what is wrong until something that waits is there. */
  get urgent(): boolean {
    return this.#unsent.some(({ urgent }) => urgent);
  }

  /**
   * The references that the receiver shows with now, by place, as it has them: pictures and geometry as
   * coded.
   */
  get references(): ReadonlyMap<number, IdentityReference> {
    return this.#references.now;
  }

  /** Bytes of the identity as it will be when all has arrived: what to offer on another connection. */
  get identity(): Uint8Array {
    return this.#references.identityWith([...this.#unanswered.values(), ...this.#unsent]);
  }

  /**
   * Sends a reference, instead of one that still waits for the same place; gives its id. Throws
   * InvalidStateError unless `open`, and a TypeError where it is none.
   */
  sendReference(update: ReferenceUpdate): number {
    const { index, landmarks, shown } = update;
    this.#checkOpen('sendReference');
    checkInteger('index', index, 0, MAX_REFERENCES - 1);
    checkGeometry('landmarks', landmarks);
    return this.#send(update, shown ? maskOf(shown) : this.#references.ordered | (1 << index));
  }

  #send(update: Omit<ReferenceUpdate, 'shown'>, shown: number): number {
    const { index, picture, landmarks, urgent = false } = update;
    const { model, tables } = this.#options;
    const quantiser = REFERENCE_QUANTISER;
    const coded = codeReferenceGeometry(model, landmarks);
    const geometry = encodeGeometry(tables, coded.values);
    const blob = encodePicture({ kind: 'reference', index, shown, quantiser, geometry, picture });
    const reference = { picture: picture.slice(), landmarks: coded.landmarks };
    return this.#add({ place: index, blob, reference, shown, urgent });
  }

  /**
   * Shows with the references of these places alone from now on, which the receiver has. As
   * `sendReference`.
   */
  showPlaces(places: readonly number[]): number {
    this.#checkOpen('showPlaces');
    const shown = maskOf(places);
    return this.#add({
      place: PLACES,
      blob: encodePicture({ kind: 'places', shown }),
      shown,
      urgent: true,
    });
  }

  /**
   * Sends a still, a WebP file of the whole crop: it is shown as it is once frames without a face are
   * shown, until the next one with a face, which also drops what has not left. As `sendReference`.
   */
  sendPicture(picture: Uint8Array): number {
    this.#checkOpen('sendPicture');
    const sequence = this.#sequence & 0xffff;
    const blob = encodePicture({ kind: 'still', sequence, picture });
    return this.#add({ place: STILL, blob, urgent: true });
  }

  #checkOpen(method: string): void {
    if (!this.open) throw new InvalidStateError(`${method}: the receiver takes no pictures now`);
  }

  #add(picture: Omit<Picture, 'id'>): number {
    const id = this.#ids++;
    this.#drop(picture.place);
    if (picture.shown) this.#order(picture.shown);
    this.#waiting.set(picture.place, { ...picture, id });
    return id;
  }

  /** References of other places than these, choices of places and stills that have not left are in vain. */
  #order(shown: number): void {
    this.#references.ordered = shown;
    const inVain = (place: number) => place < 0 || ((shown >> place) & 1) === 0;
    for (const place of [...this.#waiting.keys()]) if (inVain(place)) this.#drop(place);
    if (this.#open && inVain(this.#open.picture.place)) this.#abandon(this.#open.picture);
  }

  #abandon(picture: Picture): void {
    this.#supersede(picture);
    this.#open = undefined;
  }

  #drop(place: number): void {
    const waiting = this.#waiting.get(place);
    if (waiting) this.#supersede(waiting);
    this.#waiting.delete(place);
  }

  #supersede({ id }: Picture): void {
    this.#report({ id, state: 'superseded', code: '' });
  }

  /** A motion frame was sent; `sequence` is the number of the next one. */
  frameSent(hasFace: boolean, sequence: number): void {
    this.#sequence = sequence;
    if (!hasFace) return;
    this.#drop(STILL);
    if (this.#open?.picture.place === STILL) this.#abandon(this.#open.picture);
  }

  /** The receiver has the identity anew, and none of the pictures since: they are sent again, but for stills that have left. */
  sendAgain(): void {
    const still = this.#waiting.get(STILL);
    const unheard = [...this.#unanswered.values(), ...this.#unsent];
    const again = this.#references.restart(
      unheard.filter((picture) => picture.place !== STILL || picture === still),
    );
    this.#open = undefined;
    this.#unanswered.clear();
    this.#waiting.clear();
    for (const [place, picture] of again) this.#waiting.set(place, picture);
    for (const picture of unheard)
      if (again.get(picture.place) !== picture) this.#supersede(picture);
  }

  /** A picture that waits for `sign`. */
  get toSign(): UnsignedPicture | undefined {
    if (!this.#options.signed) return undefined;
    for (const { id, blob, signature } of this.#waiting.values()) {
      if (signature) continue;
      const identitySha256 = this.#identitySha256;
      return { id, pictureSha256: bytesToHex(sha256(blob)), identitySha256 };
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
    const picture = [...this.#waiting.values()].find((waiting) => waiting.id === id);
    if (!picture) return;
    this.#waiting.delete(picture.place);
    this.#report({ id, state: 'refused', code: 'unsigned' });
  }

  /** Takes what the receiver says of a picture. */
  receive(message: ControlMessage, nowMs: number): DropCode | undefined {
    if (message.type !== 'picture-used' && message.type !== 'picture-refused') return 'unexpected';
    const { pictureId: id } = message;
    const refused = message.type === 'picture-refused';
    const open = this.#open?.picture;
    // One too many is refused at its first chunk: the others would be passed over.
    const picture = this.#unanswered.get(id) ?? (refused && open?.id === id ? open : undefined);
    if (!picture) return 'unexpected';
    if (picture === open) this.#open = undefined;
    this.#unanswered.delete(id);
    if (picture.sentMs !== undefined) this.#rest?.answered(id, nowMs - picture.sentMs);
    if (refused) {
      this.#report({ id, state: 'refused', code: message.code });
      return undefined;
    }
    if (picture.place !== STILL) this.#references.use(picture);
    this.#report({ id, state: picture.shown === 0 ? 'kept' : 'in-use', code: '' });
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
    this.#nowMs = nowMs;
    this.#pacer.advance(nowMs);
    this.#pace();
  }

  #pace(): void {
    this.#pacer.bps = Math.max(this.#bps, this.sendsRest ? this.#rest!.bps : 0);
  }

  /** When the next chunk may leave. */
  nextAt(): number | undefined {
    return this.open && (this.#open || this.#ready) ? this.#pacer.nextAt : undefined;
  }

  get #ready(): Picture | undefined {
    const { signed } = this.#options;
    return [...this.#waiting.values()].find(({ signature }) => signature || !signed);
  }

  /** The next chunk, where it is its time, given the bytes that wait in the channel. */
  next(bufferedAmount: number): ControlMessage | undefined {
    if (!this.open || !this.#pacer.ready) return undefined;
    const start = this.#open ? undefined : this.#ready;
    if (!start && !this.#open) return undefined;
    if (bufferedAmount > MAX_BUFFERED_PICTURE_BYTES) {
      this.#pacer.block();
      return undefined;
    }
    if (start) {
      this.#waiting.delete(start.place);
      this.#open = new PictureChunks(start);
    }
    const open = this.#open!;
    const { message, bytes } = open.next(this.#pacer.chunkBytes);
    this.#pacer.sent(bytes);
    if (open.done) this.#finish(open.picture);
    return message;
  }

  #finish(picture: Picture): void {
    this.#open = undefined;
    picture.sentMs = this.#nowMs;
    this.#unanswered.set(picture.id, picture);
    if (this.#unanswered.size > MAX_UNANSWERED_PICTURES) {
      this.#unanswered.delete(Math.min(...this.#unanswered.keys()));
    }
  }
}
