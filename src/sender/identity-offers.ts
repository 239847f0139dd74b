import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { checkOption } from '../protocol/check-options.js';
import { encodeIdentity, type Identity, parseIdentity } from '../protocol/identity.js';
import { checkProof, type IdentityProof } from '../protocol/identity-proof.js';
import { PERSONAL, PICTURES } from '../protocol/outgoing.js';
import { type CoarseOffer, checkCoarse } from './coarse-offer.js';
import type { SenderSessionOptions } from './session.js';

/** Bytes of an identity to offer. */
export interface IdentityOffer {
  readonly bytes: Uint8Array;
  readonly proof: IdentityProof | undefined;
  /** Where it is a coarse one. */
  readonly coarse?: CoarseOffer;
}

/** The identity of a call, in the forms in which it may be offered. */
export class IdentityOffers {
  readonly identity: Identity;
  /** SHA-256 of the whole one: 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  readonly #whole: IdentityOffer;
  readonly #coarse: CoarseOffer | undefined;
  /** The whole one with the differences of the personal pack, where there is one. */
  readonly #personal: Uint8Array | undefined;

  /** Throws a TypeError that names a bad option. */
  constructor(options: SenderSessionOptions) {
    const { identity: bytes, proof, coarse, pack } = options;
    const parsed = bytes instanceof Uint8Array ? parseIdentity(bytes) : undefined;
    if (!parsed?.ok) throw new TypeError('identity: must be bytes of encodeIdentity');
    const { personal } = pack;
    if (proof) {
      checkProof('proof', proof);
      // It would be for other bytes than those that are offered.
      checkOption(personal === undefined, 'proof', 'left out with a personal pack');
    }
    this.identity = parsed.value;
    this.sha256 = bytesToHex(sha256(bytes));
    this.#whole = { bytes, proof };
    this.#coarse = coarse && checkCoarse(coarse, options, parsed.value);
    this.#personal = personal && encodeIdentity({ ...parsed.value, personal });
  }

  /** What to offer to a receiver with these features: of one who takes both, the person's own networks. */
  choose(features: readonly string[]): IdentityOffer {
    if (this.#personal && features.includes(PERSONAL)) {
      return { bytes: this.#personal, proof: undefined };
    }
    const coarse = features.includes(PICTURES) ? this.#coarse : undefined;
    return coarse ? { ...coarse, coarse } : this.#whole;
  }
}
