import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { ProofAlgorithm } from '../protocol/identity-proof.js';

/** WebCrypto's names: of a key, and of signing with it. */
export const KEY_PARAMETERS = {
  ed25519: { name: 'Ed25519' },
  'p-256': { name: 'ECDSA', namedCurve: 'P-256' },
} as const satisfies Record<ProofAlgorithm, EcKeyImportParams | Algorithm>;

export const SIGN_PARAMETERS = {
  ed25519: { name: 'Ed25519' },
  'p-256': { name: 'ECDSA', hash: 'SHA-256' },
} as const satisfies Record<ProofAlgorithm, EcdsaParams | Algorithm>;

/** SHA-256 of a public key: 64 lower-case hexadecimal digits. What people and stores know it by. */
export const keyFingerprint = (publicKey: Uint8Array): string => bytesToHex(sha256(publicKey));

/**
 * Whether a signature is that of a public key under `statement`. Rejects with an Error where this
 * browser has no such algorithm: nothing is known then.
 */
export async function verifySignature(
  algorithm: ProofAlgorithm,
  publicKey: Uint8Array,
  signature: Uint8Array,
  statement: Uint8Array,
): Promise<boolean> {
  const { subtle } = globalThis.crypto;
  try {
    // Copies, as WebCrypto takes no shared memory.
    const raw = Uint8Array.from(publicKey);
    const key = await subtle.importKey('raw', raw, KEY_PARAMETERS[algorithm], false, ['verify']);
    const parts = [Uint8Array.from(signature), Uint8Array.from(statement)] as const;
    return await subtle.verify(SIGN_PARAMETERS[algorithm], key, ...parts);
  } catch (error) {
    if ((error as Error).name === 'NotSupportedError') {
      throw new Error(`this browser knows no ${algorithm} signatures: update it`);
    }
    return false;
  }
}
