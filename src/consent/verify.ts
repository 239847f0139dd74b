import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { checkMethods, checkOption } from '../protocol/check-options.js';
import { proofStatement, type TransferredIdentity } from '../protocol/identity-proof.js';
import type { KnownKeys } from './known-keys.js';
import type { CallFingerprints } from './sign.js';
import { keyFingerprint, verifySignature } from './signature.js';

/** Why an identity is refused; stable codes of spec/bitstream.md, "Identity proof". */
export interface Refusal {
  readonly code: 'unsigned' | 'signature-invalid' | 'key-changed' | 'identity-of-another';
  /** One line for people. */
  readonly message: string;
}

/** Whose identity has been accepted. */
export interface AcceptedIdentity {
  /** SHA-256 of the public key: 64 lower-case hexadecimal digits. */
  readonly key: string;
  /** Whether it is known from an earlier call. */
  readonly known: boolean;
  /** Now, where it is not known. */
  readonly firstSeen: Date;
}

export interface IdentityVerifierOptions {
  /** Of the call's connection; undefined where `readFingerprints` gave none: no signature holds then. */
  readonly fingerprints: CallFingerprints | undefined;
  readonly known: KnownKeys;
  /** What becomes of identities without a proof. */
  readonly unsigned: 'refuse' | 'show';
  /** Told of each signed identity that is accepted, before it is shown. */
  readonly onAccepted?: (accepted: AcceptedIdentity) => void;
}

const REFUSALS = {
  unsigned: "the sender's identity is not signed: ask for a signed one",
  'signature-invalid': "the identity's signature is not one for this connection: call again",
  'key-changed': 'the identity is of another key than the one that this call began with',
  'identity-of-another': 'the identity was shown under another key in an earlier call',
} as const satisfies Record<Refusal['code'], string>;

const refuse = (code: Refusal['code']): Refusal => ({ code, message: REFUSALS[code] });

/** Stands for a key where the call began with an unsigned identity. */
const NO_KEY = 'unsigned';

/**
 * The judge of one call's identities, for `CallReceiverOptions.verifyIdentity`: gives a refusal, or
 * undefined. Accepted are those whose signature is for this connection, under the key that the call's
 * first one had, and that no other key has shown before; they are remembered. An unsigned one, where
 * it is to be shown, must neither follow a signed one nor be known under a key. Rejects where the store
 * does, or where this browser lacks the algorithm.
 */
export function createIdentityVerifier(
  options: IdentityVerifierOptions,
): (offered: TransferredIdentity) => Promise<Refusal | undefined> {
  const { fingerprints, known, unsigned, onAccepted } = options;
  checkMethods('known', known, 'ownerOf', 'remember');
  checkOption(unsigned === 'refuse' || unsigned === 'show', 'unsigned', "'refuse' or 'show'");
  let callKey: string | undefined;
  /** What was known of the key as the call began. */
  let firstSight: Omit<AcceptedIdentity, 'key'> | undefined;

  async function isSigned({ sha256: identitySha256, proof }: TransferredIdentity) {
    if (!proof || !fingerprints) return false;
    const statement = proofStatement({
      identitySha256,
      senderFingerprint: fingerprints.sender,
      receiverFingerprint: fingerprints.receiver,
    });
    return verifySignature(proof.algorithm, proof.publicKey, proof.signature, statement);
  }

  return async (offered) => {
    const { proof } = offered;
    if (!proof && unsigned === 'refuse') return refuse('unsigned');
    if (proof && !(await isSigned(offered))) return refuse('signature-invalid');
    const key = proof ? keyFingerprint(proof.publicKey) : NO_KEY;
    callKey ??= key;
    if (key !== callKey) return refuse('key-changed');
    const hashes = hashesOf(offered);
    if (!proof) {
      const owner = await known.ownerOf(hashes);
      return owner === undefined ? undefined : refuse('identity-of-another');
    }
    const remembered = await known.remember(key, hashes);
    if ('owner' in remembered) return refuse('identity-of-another');
    firstSight ??= remembered;
    onAccepted?.({ key, ...firstSight });
    return undefined;
  };
}

/** What an identity is recognised by: its bytes, and each of its pictures. */
function hashesOf({ sha256: whole, references }: TransferredIdentity): string[] {
  return [whole, ...references.map(({ picture }) => bytesToHex(sha256(picture)))];
}
