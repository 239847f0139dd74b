import type { Pack } from '../models/pack.js';
import type { PictureCodec } from '../models/picture-codec.js';
import { coarseIdentity, codedIdentity } from '../sender/coarse-identity.js';

/** What is offered to the receiver. */
export interface OfferedIdentity {
  /** Bytes of `encodeIdentity`. */
  readonly identity: Uint8Array;
  /** To go first. */
  readonly coarse?: { readonly identity: Uint8Array };
}

/** An identity with a coarse one of the same person to go before it. */
export async function coarseFirst(
  whole: Uint8Array,
  pack: Pack,
  codec: PictureCodec,
): Promise<OfferedIdentity> {
  const identity = codedIdentity(whole, pack);
  return { identity, coarse: { identity: await coarseIdentity({ identity, pack, codec }) } };
}
