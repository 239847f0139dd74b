import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { FrameModel } from '../geometry/frame-model.js';
import { type Landmarks, POINT_COUNT } from '../geometry/landmarks.js';
import type {
  ControlMessage,
  PictureChunkMessage,
  PictureStartMessage,
} from '../protocol/control-messages.js';
import type { DropCode } from '../protocol/errors.js';
import type { TransferredIdentity } from '../protocol/identity-proof.js';
import {
  MAX_CALL_PICTURE_BYTES,
  MAX_PICTURE_BURST,
  MAX_PICTURES_PER_SECOND,
} from '../protocol/limits.js';
import type { MotionTables } from '../protocol/motion-tables.js';
import { decodeGeometry, parsePicture } from '../protocol/picture-update.js';
import { extendSerial } from '../protocol/serial.js';

interface Offered {
  readonly id: number;
  /** A WebP file: its header has been looked at, its signature has not been verified. */
  readonly picture: Uint8Array;
  /** Of the whole blob: what the signature is for. */
  readonly sha256: string;
  readonly signature?: Uint8Array;
  /** The identity that it is for: the one in use. */
  readonly identity: Pick<TransferredIdentity, 'sha256' | 'proof'>;
}

/** A picture that the sender offers during the call. */
export type OfferedPicture = Offered &
  (
    | {
        readonly kind: 'reference';
        /** Its place among the references. */
        readonly index: number;
        /** Places that are shown with from then on, or 0 (`ReferencePicture.shown`). */
        readonly shown: number;
        /** Its geometry, 478 × (x, y, z) in crop units. */
        readonly landmarks: Landmarks;
      }
    | {
        readonly kind: 'still';
        /** Number of the first motion frame that it may stand for. */
        readonly sequence: number;
      }
    | {
        /** A choice among the references that are there; `picture` is empty. */
        readonly kind: 'places';
        readonly shown: number;
      }
  );

/** What became of the pictures of a call. */
export interface PictureCounts {
  /** Those that were put to use. */
  readonly used: number;
  /** Those that were not, by the code that the sender was told. */
  readonly refused: Readonly<Record<string, number>>;
}

/** A frame that is about to be shown, as the stills see it. */
interface ShownMotion {
  readonly sequence: number;
  /** Undefined: made up. */
  readonly receivedMs: number | undefined;
  readonly hasFace: boolean;
}

interface Incoming extends PictureStartMessage {
  readonly buffer: Uint8Array;
  received: number;
}

const OTHER_PLACES = { still: -1, places: -2 } as const;
const placeOf = (picture: OfferedPicture) =>
  picture.kind === 'reference' ? picture.index : OTHER_PLACES[picture.kind];

/**
 * The receiving side of pictures during the call, sans IO: put together, judged by their limits, offered
 * one by one to the caller, the newest of a place instead of one that still waits.
 */
export class PictureReceiver {
  readonly #tables: MotionTables;
  #identity: Pick<TransferredIdentity, 'sha256' | 'proof'> | undefined;
  #model: FrameModel | undefined;
  #incoming: Incoming | undefined;
  /** Its chunks are passed over. */
  #unwanted: number | undefined;
  readonly #waiting = new Map<number, OfferedPicture>();
  readonly #answers: ControlMessage[] = [];
  #bytes = 0;
  /** Pictures that may come now. */
  #allowed = MAX_PICTURE_BURST;
  #allowedAt = -Infinity;
  #still: (OfferedPicture & { readonly kind: 'still' }) | undefined;
  /** Newest frame of the sender's own that was shown, and the newest of them with a face. */
  #last: ShownMotion | undefined;
  #lastFace = -Infinity;
  #used = 0;
  readonly #refused: Record<string, number> = {};

  constructor(tables: MotionTables) {
    this.#tables = tables;
  }

  /** What became of the pictures so far. */
  get counts(): PictureCounts {
    return { used: this.#used, refused: { ...this.#refused } };
  }

  /** Pictures are for this identity from now on; those for another one are forgotten. */
  setIdentity({ sha256: hash, proof }: TransferredIdentity, model: FrameModel): void {
    this.#identity = { sha256: hash, ...(proof && { proof }) };
    this.#model = model;
    this.#incoming = undefined;
    for (const waiting of [...this.#waiting.values()]) this.refuse(waiting, 'superseded', '');
    this.#still = undefined;
  }

  /** Takes a message of the sender. Gives the reason where it was dropped. */
  receive(message: ControlMessage, nowMs: number): DropCode | undefined {
    if (!this.#identity) return 'unexpected';
    if (message.type === 'picture-start') return this.#start(message, nowMs);
    if (message.type !== 'picture-chunk') return 'unexpected';
    const { pictureId } = message;
    if (pictureId === this.#unwanted) return undefined;
    const incoming = this.#incoming;
    return incoming?.pictureId === pictureId ? this.#take(incoming, message) : 'unexpected';
  }

  #start(message: PictureStartMessage, nowMs: number): DropCode | undefined {
    const { pictureId, bytes } = message;
    this.#incoming = undefined;
    this.#unwanted = undefined;
    const passed = Number.isFinite(this.#allowedAt) ? (nowMs - this.#allowedAt) / 1000 : 0;
    const allowed = this.#allowed + passed * MAX_PICTURES_PER_SECOND;
    this.#allowed = Math.min(MAX_PICTURE_BURST, allowed);
    this.#allowedAt = nowMs;
    if (this.#allowed < 1 || this.#bytes + bytes > MAX_CALL_PICTURE_BYTES) {
      this.#unwanted = pictureId;
      this.#refuse(pictureId, 'too-many-pictures', 'too many pictures: send fewer');
      return 'over-limit';
    }
    this.#allowed--;
    this.#bytes += bytes;
    this.#incoming = { ...message, buffer: new Uint8Array(bytes), received: 0 };
    return this.#take(this.#incoming, message);
  }

  #take(
    incoming: Incoming,
    { chunk }: PictureStartMessage | PictureChunkMessage,
  ): DropCode | undefined {
    const { buffer, pictureId } = incoming;
    if (chunk.length > buffer.length - incoming.received) {
      this.#incoming = undefined;
      this.#refuse(pictureId, 'malformed', 'the picture cannot be read: update');
      return 'malformed';
    }
    buffer.set(chunk, incoming.received);
    incoming.received += chunk.length;
    if (incoming.received < buffer.length) return undefined;
    this.#incoming = undefined;
    const drop = this.#offer(incoming);
    if (drop) this.#refuse(pictureId, 'malformed', 'the picture cannot be read: update');
    return drop;
  }

  #offer({ pictureId: id, buffer, signature }: Incoming): DropCode | undefined {
    const parsed = parsePicture(buffer);
    if (!parsed.ok) return parsed.drop;
    const update = parsed.value;
    const offered = {
      id,
      picture: update.kind === 'places' ? new Uint8Array(0) : update.picture,
      sha256: bytesToHex(sha256(buffer)),
      ...(signature && { signature }),
      identity: this.#identity!,
    };
    if (update.kind === 'still') {
      const sequence = extendSerial(update.sequence, this.#last?.sequence ?? update.sequence, 16);
      this.#wait({ ...offered, kind: 'still', sequence });
      return undefined;
    }
    if (update.kind === 'places') {
      this.#wait({ ...offered, kind: 'places', shown: update.shown });
      return undefined;
    }
    const values = decodeGeometry(this.#tables, update.geometry);
    if (!values.ok) return values.drop;
    const landmarks = this.#model!.reconstruct(values.value, update.quantiser);
    if (!landmarks.every(Number.isFinite)) return 'malformed';
    const face = landmarks.slice(0, 3 * POINT_COUNT);
    const { index, shown } = update;
    this.#wait({ ...offered, kind: 'reference', index, shown, landmarks: face });
    return undefined;
  }

  #wait(offered: OfferedPicture): void {
    const before = this.#waiting.get(placeOf(offered));
    if (before) this.refuse(before, 'superseded', '');
    this.#waiting.set(placeOf(offered), offered);
  }

  /** The picture that waits longest for `use` or `refuse`. */
  get offered(): OfferedPicture | undefined {
    return this.#waiting.values().next().value;
  }

  /** The caller has put a picture to use, or can show the still. False: it is not wanted any more. */
  use(offered: OfferedPicture): boolean {
    if (this.#waiting.get(placeOf(offered)) !== offered) return false;
    this.#waiting.delete(placeOf(offered));
    if (offered.kind === 'still') this.#still = offered;
    this.#used++;
    this.#answer({ type: 'picture-used', pictureId: offered.id });
    return true;
  }

  /** The caller cannot use a picture; `message` is one line for people. */
  refuse(offered: OfferedPicture, code: string, message: string): void {
    if (this.#waiting.get(placeOf(offered)) !== offered) return;
    this.#waiting.delete(placeOf(offered));
    this.#refuse(offered.id, code, message);
  }

  #refuse(pictureId: number, code: string, message: string): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + 1;
    this.#answer({ type: 'picture-refused', pictureId, code, message });
  }

  #answer(message: ControlMessage): void {
    this.#answers.push(message);
    if (this.#answers.length > MAX_PICTURE_BURST) this.#answers.shift();
  }

  /** The next message for the sender. */
  nextMessage(): ControlMessage | undefined {
    return this.#answers.shift();
  }

  /**
   * The still to show with this frame, the first one that it stands for; undefined: the frame shows
   * itself, or what is on show stays.
   */
  stillFor(frame: ShownMotion): OfferedPicture | undefined {
    const { sequence, hasFace } = frame;
    if (frame.receivedMs !== undefined) {
      this.#last = frame;
      if (hasFace) this.#lastFace = sequence;
    }
    const still = this.#still;
    if (!still || !this.#last || hasFace || this.#last.sequence < still.sequence) return undefined;
    this.#still = undefined;
    return this.#lastFace < still.sequence ? still : undefined;
  }
}
