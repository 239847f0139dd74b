import type { Landmarks } from '../geometry/landmarks.js';
import { MAX_REFERENCES } from '../protocol/limits.js';
import { referenceGap } from './reference-gap.js';

/** References that are shown with together. */
export interface ReferenceSet {
  /** Their places at the receiver, ascending: the first shows the background. */
  readonly places: readonly number[];
}

/** References of a set at most: each costs the receiver's decoder time and memory. */
const MAX_PLACES = 6;
/** Sets that may be gone back to at most. */
const MAX_EARLIER = 3;

/** Which place of the receiver's holds what: sets in use, those of before, and what is free. */
export class ReferenceSets<Kept extends ReferenceSet> {
  #current: Kept;
  #earlier: Kept[] = [];
  readonly #onForgotten: (set: Kept) => void;

  /** `onForgotten` is told of sets that are not gone back to any more. */
  constructor(first: Kept, onForgotten: (set: Kept) => void) {
    this.#current = first;
    this.#onForgotten = onForgotten;
  }

  get current(): Kept {
    return this.#current;
  }

  /** Newest first. */
  get earlier(): readonly Kept[] {
    return this.#earlier;
  }

  /**
   * A place for a reference of its own: a free one, above those in use where there is one, else one of the
   * set that was in use the longest ago, which is forgotten. `reserved`: places that are none. Where all are in use or
   * reserved, the last of those in use.
   */
  freePlace(reserved: readonly number[]): number {
    for (;;) {
      const sets = [this.#current, ...this.#earlier];
      const taken = new Set([...reserved, ...sets.flatMap(({ places }) => places)]);
      const free = Array.from({ length: MAX_REFERENCES }, (_, place) => place).filter(
        (place) => !taken.has(place),
      );
      const above = free.find((place) => place > this.#current.places[0]);
      if (above !== undefined || free.length > 0) return above ?? free[0];
      const oldest = this.#earlier.pop();
      if (!oldest) return this.#current.places.at(-1)!;
      this.#onForgotten(oldest);
    }
  }

  /**
   * The places in use with one more; the one that resembles another most is left out where there are too many.
   * `landmarks`: those of the places in use, in order.
   */
  placesWith(place: number, landmarks: readonly Landmarks[]): number[] {
    const { places } = this.#current;
    const all = new Set([...places, place]);
    if (all.size > MAX_PLACES) {
      const gaps = places.map((old, i) =>
        i === 0 || old === place
          ? Infinity
          : referenceGap(
              landmarks.filter((_, k) => k !== i),
              landmarks[i],
            ),
      );
      all.delete(places[gaps.indexOf(Math.min(...gaps))]);
    }
    return [...all].sort((a, b) => a - b);
  }

  /**
   * Another set is in use. One that shares a place with it is a former state of it, and forgotten; so is, where there
   * are too many, the oldest of those with one reference.
   */
  use(set: Kept): void {
    if (set === this.#current) return;
    const all = [this.#current, ...this.#earlier].filter((other) => other !== set);
    const kept = all.filter(({ places }) => !places.some((place) => set.places.includes(place)));
    this.#current = set;
    if (kept.length > MAX_EARLIER) {
      // What several references show took longest to send, and is what is mostly gone back to.
      const alone = kept.findLastIndex(({ places }) => places.length === 1);
      kept.splice(alone < 0 ? MAX_EARLIER : alone, 1);
    }
    this.#earlier = kept;
    for (const other of all) if (!this.#earlier.includes(other)) this.#onForgotten(other);
  }
}
