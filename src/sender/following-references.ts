import type { IdentityReference } from '../protocol/identity.js';

/** They come on show together where that takes no longer: each change of what is shown costs both ends work. */
const TOGETHER_MS = 6_000;
/**
 * One that is answered so soon after its last byte found no long queue: the next go faster by this factor, after
 * another one slower. Never more than 2.5 times faster than the first: on 100 kbps twice the factor each time held
 * motion up by 0.6 s (`bench/first-frame.ts`).
 */
const SOON_MS = 300;
const FASTER = 1.5;
const FASTEST = 2.5;

/** A reference that follows an identity. */
export interface FollowingReference extends IdentityReference {
  readonly index: number;
  /** Places that are shown with once it is there, one bit each; 0: those of before. */
  readonly shown: number;
}

/** The references that a coarse identity left out: in which order they follow, how they are shown and how fast. */
export class FollowingReferences {
  /** In the order in which they go. */
  readonly references: readonly FollowingReference[];
  /** Each is shown as it comes, or all with the last. */
  readonly together: boolean;
  /** Ids of the pictures that they became. */
  ids: ReadonlySet<number> = new Set();
  readonly #leastBps: number;
  #bps: number;

  /** `shown`: places that are shown with until then; `bps`: what the link takes at least. */
  constructor(references: readonly IdentityReference[], shown: number, bps: number) {
    const bytes = references.reduce((sum, { picture }) => sum + picture.length, 0);
    const inPlace = [...references.entries()];
    this.together = (8000 * bytes) / bps < TOGETHER_MS;
    this.#leastBps = bps;
    this.#bps = bps;
    if (this.together) {
      const all = 2 ** references.length - 1;
      // The coarse one's place comes last: what is on show there stays until all are there.
      this.references = inPlace
        .reverse()
        .map(([index, reference]) => ({ index, ...reference, shown: index > 0 ? 0 : shown | all }));
    } else {
      this.references = inPlace.map(([index, reference]) => ({
        index,
        ...reference,
        shown: shown | (2 ** (index + 1) - 1),
      }));
    }
  }

  /** Bits a second on the wire. */
  get bps(): number {
    return this.#bps;
  }

  /** The receiver has answered a picture so long after its last byte left. */
  answered(id: number, tookMs: number): void {
    if (!this.together || !this.ids.has(id)) return;
    const bps = tookMs <= SOON_MS ? FASTER * this.#bps : this.#bps / FASTER;
    this.#bps = Math.max(this.#leastBps, Math.min(bps, FASTEST * this.#leastBps));
  }
}
