import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { ByteWriter } from './bytes.js';
import { checkOption } from './check-options.js';
import type { FieldReader } from './control-fields.js';
import type { Identity } from './identity.js';

/** Ed25519 (RFC 8032), or ECDSA on P-256 with SHA-256 (FIPS 186-5). */
export type ProofAlgorithm = 'ed25519' | 'p-256';

/** Says by whose key, and for which connection, an identity is offered (spec/bitstream.md, "Identity proof"). */
export interface IdentityProof {
  readonly algorithm: ProofAlgorithm;
  /** Ed25519: 32 bytes; P-256: the uncompressed point, 65 bytes, the first one 4. */
  readonly publicKey: Uint8Array;
  /** 64 bytes; of P-256 r then s, big-endian (IEEE P1363). */
  readonly signature: Uint8Array;
}

/** An identity as it arrived, with what it is known by. */
export interface TransferredIdentity extends Identity {
  /** Of its bytes: 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  /** The one of its offer, read but not verified; undefined: unsigned. */
  readonly proof?: IdentityProof;
}

/** What the signature of a proof says. Each: SHA-256, 64 lower-case hexadecimal digits. */
export interface ProofClaim {
  /** Of the identity's bytes. */
  readonly identitySha256: string;
  /** Of the DTLS certificates of the two ends of the connection (RFC 8122). */
  readonly senderFingerprint: string;
  readonly receiverFingerprint: string;
}

/** Bytes of a public key. */
export const PROOF_KEY_BYTES: Readonly<Record<ProofAlgorithm, number>> = {
  ed25519: 32,
  'p-256': 65,
};
export const PROOF_SIGNATURE_BYTES = 64;
/** First byte of a point that is written in full (SEC 1 §2.3.3). */
const UNCOMPRESSED_POINT = 4;

const STATEMENT_LABEL = 'visavis identity proof v1\0';
const HASH = /^[0-9a-f]{64}$/;

/** The bytes that a proof signs. Throws a TypeError where one of the hashes is none. */
export function proofStatement(claim: ProofClaim): Uint8Array {
  const { identitySha256, senderFingerprint, receiverFingerprint } = claim;
  const writer = new ByteWriter(128).bytes(new TextEncoder().encode(STATEMENT_LABEL));
  writeHashes(writer, { identitySha256, senderFingerprint, receiverFingerprint });
  return writer.finish();
}

/** Writes hashes of a statement, in their order. Throws a TypeError that names one that is none. */
export function writeHashes(writer: ByteWriter, hashes: Readonly<Record<string, string>>): void {
  for (const [path, hash] of Object.entries(hashes)) {
    checkOption(HASH.test(hash), path, '64 lower-case hexadecimal digits', hash);
    writer.bytes(hexToBytes(hash));
  }
}

/** Whether the lengths and the form are right; whether it is a key or a signature shows on use. */
function isProof({ algorithm, publicKey, signature }: IdentityProof): boolean {
  return (
    Object.hasOwn(PROOF_KEY_BYTES, algorithm) &&
    publicKey.length === PROOF_KEY_BYTES[algorithm] &&
    (algorithm !== 'p-256' || publicKey[0] === UNCOMPRESSED_POINT) &&
    signature.length === PROOF_SIGNATURE_BYTES
  );
}

/** Throws a TypeError unless an option is a proof. */
export function checkProof(path: string, proof: IdentityProof): void {
  const { publicKey, signature } = proof ?? {};
  const holds =
    publicKey instanceof Uint8Array && signature instanceof Uint8Array && isProof(proof);
  checkOption(holds, path, 'a proof of signIdentity');
}

/** Reads the untrusted `proof` of an offer. */
export function readProof(fields: FieldReader): IdentityProof {
  const proof = {
    algorithm: fields.name('algorithm') as ProofAlgorithm,
    publicKey: fields.bytes('publicKey', PROOF_KEY_BYTES['p-256']),
    signature: fields.bytes('signature', PROOF_SIGNATURE_BYTES),
  };
  if (!isProof(proof)) fields.fail('malformed');
  return proof;
}

/** Whether two offers say the same of who made them. */
export function sameProof(
  one: IdentityProof | undefined,
  other: IdentityProof | undefined,
): boolean {
  const text = ({ algorithm, publicKey, signature }: IdentityProof) =>
    [algorithm, bytesToHex(publicKey), bytesToHex(signature)].join();
  return one && other ? text(one) === text(other) : one === other;
}
