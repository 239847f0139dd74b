import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { type IdentityProof, proofStatement } from '../protocol/identity-proof.js';
import { type PictureClaim, pictureStatement } from '../protocol/picture-proof.js';
import type { DeviceKey } from './device-key.js';

/** DTLS fingerprints of the two ends of a connection, as `readFingerprints` gives them. */
export interface CallFingerprints {
  readonly sender: string;
  readonly receiver: string;
}

/**
 * Signs an identity (bytes of `encodeIdentity`) for one connection. Throws a TypeError where a
 * fingerprint is not 64 lower-case hexadecimal digits.
 */
export async function signIdentity(
  key: DeviceKey,
  identity: Uint8Array,
  fingerprints: CallFingerprints,
): Promise<IdentityProof> {
  const statement = proofStatement({
    identitySha256: bytesToHex(sha256(identity)),
    senderFingerprint: fingerprints.sender,
    receiverFingerprint: fingerprints.receiver,
  });
  const { algorithm, publicKey } = key;
  return { algorithm, publicKey, signature: await key.sign(statement) };
}

/** What a picture during the call is known by. */
export type SignedPicture = Pick<PictureClaim, 'pictureSha256' | 'identitySha256'>;

/**
 * Signs a picture during the call, for one connection, with the key that has signed the call's identity
 * (`CallSenderOptions.signPicture`). As `signIdentity`.
 */
export async function signPicture(
  key: DeviceKey,
  picture: SignedPicture,
  fingerprints: CallFingerprints,
): Promise<Uint8Array> {
  const { sender: senderFingerprint, receiver: receiverFingerprint } = fingerprints;
  return key.sign(pictureStatement({ ...picture, senderFingerprint, receiverFingerprint }));
}
