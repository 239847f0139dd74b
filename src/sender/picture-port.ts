import type { Landmarks } from '../geometry/landmarks.js';
import type { IdentityReference } from '../protocol/identity.js';
import type { PictureRates } from './picture-budget.js';

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
  /** What is shown is wrong without it: motion makes room (`SenderSession.urgentPictureBps`). False by default. */
  readonly urgent?: boolean;
}

/** What became of a picture. */
export interface PictureReport {
  readonly id: number;
  /**
   * `in-use`: the receiver shows with it, or may show it; `kept`: it has it, to be shown later; `refused` by the
   * receiver, with a code; `superseded`: a newer one took its place before it was sent.
   */
  readonly state: 'in-use' | 'kept' | 'refused' | 'superseded';
  /** Why it was refused: a stable code of spec/bitstream.md, "Pictures"; else empty. */
  readonly code: string;
}

/** Where a keeper's pictures go: a `CallSender`. */
export interface PicturePort extends PictureRates {
  readonly takesPictures: boolean;
  readonly picturesPending: number;
  /** Those that the receiver shows with, by place. */
  readonly references: ReadonlyMap<number, IdentityReference>;
  sendReference(reference: ReferenceUpdate): number;
  showPlaces(places: readonly number[]): number;
  sendPicture(picture: Uint8Array): number;
}
