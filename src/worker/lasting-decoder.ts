import type { Landmarks } from '../geometry/landmarks.js';
import type { Picture } from '../geometry/picture.js';
import type {
  DecoderIdentity,
  DecoderReference,
  DecoderStats,
  FaceDecoder,
} from '../models/decoder.js';
import { InvalidStateError } from '../protocol/errors.js';

/** What runs a decoder's network. */
export interface DecoderFacts {
  readonly runtime: 'webgpu' | 'wasm' | 'warp';
  /** Threads of the network; 0 without one. */
  readonly threads: number;
  /** A sentence: why this one. */
  readonly reason: string;
}

/** A decoder, and what runs its network. */
export interface ChosenDecoder extends DecoderFacts {
  readonly decoder: FaceDecoder;
  /** Lets it go where it failed: what it still does may never end, and is not waited for. */
  abandon(): void;
}

/** What decodes in the place of a decoder whose network failed; `reason`: why. */
export interface Substitutes {
  /** Without a network: ready at once. */
  warp(reason: string): ChosenDecoder;
  /** With another way to run it, if one is left: takes over from `warp` when it is ready. */
  network(failed: DecoderFacts, reason: string): Promise<ChosenDecoder> | undefined;
}

/**
 * A decoder that goes on where its network does not: a graphics processor can be lost at any moment. What failed
 * is done again without a network, and the call goes on so, or with the network run in another way. Errors of the
 * caller's (TypeError, InvalidStateError) pass through, and so does what fails without a network.
 */
export class LastingDecoder implements FaceDecoder {
  #chosen: ChosenDecoder;
  readonly #substitutes: Substitutes;
  #identity: DecoderIdentity | undefined;
  /** One takes the place of another. */
  #replacing: Promise<void> | undefined;
  /** Changes of the person, and of what decodes, one after the other. */
  #changes: Promise<unknown> = Promise.resolve();
  #decoding: Promise<unknown> | undefined;
  #closed = false;

  constructor(first: ChosenDecoder, substitutes: Substitutes) {
    this.#chosen = first;
    this.#substitutes = substitutes;
  }

  /** What runs the network now, and why. */
  get facts(): DecoderFacts {
    const { runtime, threads, reason } = this.#chosen;
    return { runtime, threads, reason };
  }

  /** Of the decoder that is in use now. */
  get stats(): DecoderStats {
    return this.#chosen.decoder.stats ?? { frames: 0, networkRuns: 0 };
  }

  setIdentity(identity: DecoderIdentity): Promise<void> {
    return this.#inTurn(async () => {
      await this.#lasting((decoder) => decoder.setIdentity(identity));
      this.#identity = identity;
    });
  }

  changeReferences(references: readonly DecoderReference[]): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#identity) throw new InvalidStateError('the decoder has no identity yet');
      const identity = { ...this.#identity, references };
      await this.#lasting(
        (decoder) => decoder.changeReferences?.(references) ?? decoder.setIdentity(identity),
      );
      this.#identity = identity;
    });
  }

  decode(geometry: Landmarks): Promise<Picture> {
    const decoding = this.#lasting((decoder) => decoder.decode(geometry));
    this.#decoding = decoding.catch(() => undefined);
    return decoding;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#replacing?.catch(() => undefined);
    await this.#chosen.decoder.close();
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#changes.then(task);
    this.#changes = result.catch(() => undefined);
    return result;
  }

  /** Does it with what decodes now, and again with what took its place meanwhile. */
  async #lasting<T>(work: (decoder: FaceDecoder) => Promise<T>): Promise<T> {
    for (;;) {
      await this.#replacing;
      const chosen = this.#chosen;
      try {
        const result = await work(chosen.decoder);
        if (chosen === this.#chosen) return result;
      } catch (error) {
        const misused = error instanceof TypeError || error instanceof InvalidStateError;
        if (misused || chosen.runtime === 'warp' || this.#closed) throw error;
        if (chosen !== this.#chosen) continue;
        this.#replacing ??= this.#replace(chosen, error as Error).finally(() => {
          this.#replacing = undefined;
        });
      }
    }
  }

  /** Goes on without a network, and looks for another way to run it. */
  async #replace(failed: ChosenDecoder, error: Error): Promise<void> {
    const reason = `the network failed on ${failed.runtime} (${error.message})`;
    try {
      const plain = this.#substitutes.warp(reason);
      if (this.#identity) await plain.decoder.setIdentity(this.#identity);
      this.#chosen = plain;
    } finally {
      failed.abandon();
    }
    if (this.#closed) return;
    this.#substitutes.network(failed, reason)?.then(
      (chosen) => this.#inTurn(() => this.#goOver(chosen)),
      // Without a network it stays, and says why it began.
      () => undefined,
    );
  }

  /** Goes over to a decoder that works too, once it has shown so. */
  async #goOver(chosen: ChosenDecoder): Promise<void> {
    const before = this.#chosen;
    try {
      if (this.#identity) {
        await chosen.decoder.setIdentity(this.#identity);
        // The first picture takes many times longer than the others.
        await chosen.decoder.decode(this.#identity.references[0].landmarks);
      }
      if (this.#closed) throw new InvalidStateError('the decoder is closed');
    } catch {
      chosen.abandon();
      return;
    }
    this.#chosen = chosen;
    await this.#decoding;
    await before.decoder.close();
  }
}
