import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { parseAnyIdentity } from '../models/compact-identity.js';
import { checkOption } from '../protocol/check-options.js';
import type { Identity, IdentityReference } from '../protocol/identity.js';
import { checkProof, type IdentityProof } from '../protocol/identity-proof.js';
import { MAX_PICTURE_BYTES, MAX_PICTURE_GEOMETRY_BYTES } from '../protocol/limits.js';
import type { SenderSessionOptions } from './session.js';

/** What a picture during the call may have, less its geometry. */
const MOST_PICTURE_BYTES = MAX_PICTURE_BYTES - MAX_PICTURE_GEOMETRY_BYTES - 16;

/** A coarse identity to offer. */
export interface CoarseOffer {
  readonly bytes: Uint8Array;
  readonly proof: IdentityProof | undefined;
  readonly identity: Identity;
  /** Of the bytes: 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  /** References of the whole identity, which follow. */
  readonly rest: readonly IdentityReference[];
}

/** Throws a TypeError unless `coarse` is one of this identity, with a proof where that has one. */
export function checkCoarse(
  { identity: bytes, proof }: NonNullable<SenderSessionOptions['coarse']>,
  { pack, proof: wholeProof }: SenderSessionOptions,
  { size, neutral, references: rest }: Identity,
): CoarseOffer {
  const parsed = bytes instanceof Uint8Array ? parseAnyIdentity(bytes, pack) : undefined;
  const identity = parsed?.ok ? parsed.value : undefined;
  const fits =
    identity?.size === size && identity.neutral.every((value, i) => value === neutral[i]);
  checkOption(fits, 'coarse.identity', 'bytes of coarseIdentity of the same identity and pack');
  const small = rest.every(({ picture }) => picture.length <= MOST_PICTURE_BYTES);
  checkOption(small, 'coarse', `left out with pictures of more than ${MOST_PICTURE_BYTES} bytes`);
  if (proof) checkProof('coarse.proof', proof);
  const alike = (proof === undefined) === (wholeProof === undefined);
  checkOption(alike, 'coarse.proof', 'there where proof is, and only there');
  return { bytes, proof, identity: identity!, sha256: bytesToHex(sha256(bytes)), rest };
}
