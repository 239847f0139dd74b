import { encodeIdentity, type Identity, type IdentityReference } from '../protocol/identity.js';

/** The bits of these places. */
export const maskOf = (places: readonly number[]): number =>
  places.reduce((mask, place) => mask | (1 << place), 0);

/** What a picture that was sent says of references. */
export interface PlacedReference {
  readonly place: number;
  /** What it is, where it is one. */
  readonly reference?: IdentityReference;
  /** Places that are shown with once it is there, one bit each; 0 or undefined: those of before. */
  readonly shown?: number;
}

/** Which references the receiver has and shows with: those of the offered identity, and the pictures since. */
export class ShownReferences<Sent extends PlacedReference> {
  #identity: Identity;
  /** By place: those that the receiver uses in the place of the identity's, or beside them. */
  readonly #used = new Map<number, Sent>();
  #shown: number;
  /** Places that will be shown with when all that was ordered has arrived. */
  ordered: number;

  constructor(identity: Identity) {
    this.#identity = identity;
    this.#shown = this.ordered = maskOf([...identity.references.keys()]);
  }

  /** Another identity of the same neutral geometry is offered instead. */
  offer(identity: Identity): void {
    this.#identity = identity;
    this.#shown = this.ordered = maskOf([...identity.references.keys()]);
  }

  /** The receiver has put a picture to use. */
  use(picture: Sent): void {
    // The one used last is the last to be sent again.
    this.#used.delete(picture.place);
    this.#used.set(picture.place, picture);
    this.#shown = picture.shown || this.#shown;
  }

  /**
   * The receiver has the identity alone again: gives what it is to be sent, of the pictures that it had beside it and those
   * `since` the newest of each place, by place, in the order in which they were wanted: the last one says what is shown.
   */
  restart(since: readonly Sent[]): ReadonlyMap<number, Sent> {
    const again = new Map<number, Sent>();
    for (const picture of [...this.#used.values(), ...since]) {
      again.delete(picture.place);
      again.set(picture.place, picture);
    }
    this.#used.clear();
    this.#shown = maskOf([...this.#identity.references.keys()]);
    return again;
  }

  /** Those that the receiver shows with now, by place. */
  get now(): ReadonlyMap<number, IdentityReference> {
    return this.#with([], this.#shown);
  }

  /** Bytes of the identity as it will be when these pictures have arrived. */
  identityWith(pictures: readonly Sent[]): Uint8Array {
    const references = [...this.#with(pictures, this.ordered).values()];
    return encodeIdentity({ ...this.#identity, references });
  }

  #with(pictures: readonly Sent[], shown: number): Map<number, IdentityReference> {
    const all = new Map<number, IdentityReference>(this.#identity.references.entries());
    for (const { place, reference } of [...this.#used.values(), ...pictures])
      if (reference) all.set(place, reference);
    const places = [...all].filter(([place]) => (shown >> place) & 1);
    return new Map(places.sort(([one], [other]) => one - other));
  }
}
