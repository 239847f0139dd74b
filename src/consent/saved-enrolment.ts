import { sha256 } from '@noble/hashes/sha2.js';
import { ByteWriter } from '../protocol/bytes.js';
import { PROOF_KEY_BYTES, PROOF_SIGNATURE_BYTES } from '../protocol/identity-proof.js';
import { STREAM_SIZES, type StreamSize } from '../protocol/limits.js';
import type { DeviceKey } from './device-key.js';
import { verifySignature } from './signature.js';

/** An enrolment to keep: structured-cloneable. Of use on the device that made it alone. */
export interface SavedEnrolment {
  readonly version: 1;
  /** Bytes of `encodeIdentity`. */
  readonly identity: Uint8Array;
  /** Pixels across the pictures it was made for. */
  readonly size: StreamSize;
  /** Public key of the device. */
  readonly key: Uint8Array;
  /** Of the device's key, 64 bytes. */
  readonly signature: Uint8Array;
}

const STATEMENT_LABEL = 'visavis saved enrolment v1\0';

/** What is signed: no proof of an identity, whose label is another. */
function statementOf({ identity, size }: Pick<SavedEnrolment, 'identity' | 'size'>): Uint8Array {
  return new ByteWriter(64)
    .bytes(new TextEncoder().encode(STATEMENT_LABEL))
    .u16(size)
    .bytes(sha256(identity))
    .finish();
}

/** Signs an enrolment with the device's key. */
export async function signEnrolment(
  key: DeviceKey,
  { identity, size }: Pick<SavedEnrolment, 'identity' | 'size'>,
): Promise<SavedEnrolment> {
  const signature = await key.sign(statementOf({ identity, size }));
  return { version: 1, identity, size, key: key.publicKey, signature };
}

/** Whether this is an enrolment that this device has signed, and unchanged; of anything else false. */
export async function verifyEnrolment(key: DeviceKey, saved: SavedEnrolment): Promise<boolean> {
  const { version, identity, size, signature } = saved ?? {};
  const isWhole =
    version === 1 &&
    identity instanceof Uint8Array &&
    STREAM_SIZES.includes(size) &&
    saved.key instanceof Uint8Array &&
    saved.key.length === PROOF_KEY_BYTES[key.algorithm] &&
    saved.key.every((byte, index) => byte === key.publicKey[index]) &&
    signature instanceof Uint8Array &&
    signature.length === PROOF_SIGNATURE_BYTES;
  if (!isWhole) return false;
  return verifySignature(key.algorithm, key.publicKey, signature, statementOf({ identity, size }));
}
