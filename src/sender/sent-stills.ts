import type { Compared } from './picture-difference.js';

/** Stills that nothing was heard of, at most: they follow each other, so older ones are lost. */
const MAX_UNHEARD = 8;

/** Stills on their way to the receiver and the one that is on show there, as the camera saw them. */
export class SentStills {
  readonly #unheard = new Map<number, Compared>();
  #onShow: Compared | undefined;

  /** Undefined where frames with a face are shown, or nothing was heard of a still yet. */
  get onShow(): Compared | undefined {
    return this.#onShow;
  }

  /** One was sent. */
  sent(id: number, camera: Compared): void {
    this.#unheard.set(id, camera);
    if (this.#unheard.size > MAX_UNHEARD) this.#unheard.delete(Math.min(...this.#unheard.keys()));
  }

  /** The receiver may show a picture, or never will; false where it is none of these. */
  heard(id: number, used: boolean): boolean {
    const still = this.#unheard.get(id);
    this.#unheard.delete(id);
    if (still && used) this.#onShow = still;
    return still !== undefined;
  }

  /** Frames with a face are shown again. */
  end(): void {
    this.#onShow = undefined;
  }
}
