import type { CallReceiverOptions } from './call-receiver.js';
import type { Picture } from './geometry/picture.js';
import { resampleSquare, whole } from './geometry/resample.js';
import type { DecoderIdentity, DecoderReference } from './models/decoder.js';
import type { PictureCodec } from './models/picture-codec.js';
import { MAX_REFERENCE_SIDE } from './protocol/limits.js';
import type { OfferedPicture } from './receiver/picture-receiver.js';
import type { OfferedIdentity, ReceiverSession } from './receiver/session.js';

/** A square picture of the wire in the size to show. Rejects where it is none. */
async function decompress(codec: PictureCodec, bytes: Uint8Array, size: number): Promise<Picture> {
  const picture = await codec.decode(bytes, MAX_REFERENCE_SIDE);
  if (picture.width !== picture.height) throw new Error('a picture is not square');
  return picture.width === size ? picture : resampleSquare(picture, whole(picture), size);
}

/** What the decoder shows with: the identity's pictures, and those that came during the call. */
export class CallPictures {
  readonly #options: CallReceiverOptions;
  readonly #session: ReceiverSession;
  #identity: DecoderIdentity | undefined;
  readonly #references = new Map<number, DecoderReference>();
  #still: { readonly offered: OfferedPicture; readonly picture: Picture } | undefined;

  constructor(options: CallReceiverOptions, session: ReceiverSession) {
    this.#options = options;
    this.#session = session;
  }

  /** Decompresses an identity and hands it to the decoder. */
  async setIdentity({ size, references, networks }: OfferedIdentity): Promise<void> {
    const { decoder, pictureCodec } = this.#options;
    const decompressed = await Promise.all(
      references.map(async ({ picture, landmarks }) => ({
        picture: await decompress(pictureCodec, picture, size),
        landmarks,
      })),
    );
    this.#references.clear();
    for (const [index, reference] of decompressed.entries()) this.#references.set(index, reference);
    this.#identity = { size, references: decompressed, ...(networks && { networks }) };
    await decoder.setIdentity(this.#identity);
  }

  /** Verifies a picture that came during the call, decompresses it and puts it to use. */
  async take(offered: OfferedPicture): Promise<void> {
    const { pictures } = this.#session;
    try {
      const refusal = await this.#judge(offered);
      if (refusal) pictures.refuse(offered, refusal.code, refusal.message);
      // A newer one may have taken its place meanwhile, or another identity have come.
      else if (pictures.offered === offered) await this.#use(offered);
    } catch (error) {
      const message = `the picture cannot be used (${(error as Error).message})`;
      pictures.refuse(offered, 'unusable-picture', message);
    }
  }

  async #judge(offered: OfferedPicture) {
    const { verifyIdentity, verifyPicture } = this.#options;
    if (verifyPicture) return verifyPicture(offered);
    // Nothing may be shown that could not be judged.
    const message = 'this receiver verifies identities and takes no pictures';
    return verifyIdentity && { code: 'unsigned', message };
  }

  async #use(offered: OfferedPicture): Promise<void> {
    const { pictureCodec } = this.#options;
    const identity = this.#identity!;
    if (offered.kind === 'places') {
      await this.#show(this.#references, offered.shown);
      this.#session.pictures.use(offered);
      return;
    }
    const picture = await decompress(pictureCodec, offered.picture, identity.size);
    if (offered.kind === 'still') {
      if (this.#session.pictures.use(offered)) this.#still = { offered, picture };
      return;
    }
    const { index, shown, landmarks } = offered;
    const reference = { picture, landmarks };
    if (shown !== 0) await this.#show(new Map(this.#references).set(index, reference), shown);
    this.#references.set(index, reference);
    this.#session.pictures.use(offered);
  }

  /** Hands the references of the places in `shown` to the decoder; rejects where there is none. */
  async #show(all: ReadonlyMap<number, DecoderReference>, shown: number): Promise<void> {
    const places = [...all].filter(([place]) => (shown >> place) & 1);
    if (places.length === 0) throw new Error('no reference is at the places to show');
    const references = places
      .sort(([one], [other]) => one - other)
      .map(([, reference]) => reference);
    const { decoder } = this.#options;
    if (decoder.changeReferences) await decoder.changeReferences(references);
    else await decoder.setIdentity({ ...this.#identity!, references });
  }

  /** The picture of a still that is to be shown, the caller's; undefined where a newer one has come. */
  show(still: OfferedPicture): Picture | undefined {
    return this.#still?.offered === still ? this.#still.picture : undefined;
  }
}
