import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { checkMethods } from '../protocol/check-options.js';
import type { TransferredIdentity } from '../protocol/identity-proof.js';
import { MAX_REFERENCES } from '../protocol/limits.js';
import { pictureStatement } from '../protocol/picture-proof.js';
import type { KnownKeys } from './known-keys.js';
import type { CallFingerprints } from './sign.js';
import { keyFingerprint, verifySignature } from './signature.js';
import type { Refusal } from './verify.js';

/** A picture during the call, as it is judged. */
export interface JudgedPicture {
  /** A `reference` is remembered, as those of identities are; other kinds are not. */
  readonly kind: string;
  /** The file itself. */
  readonly picture: Uint8Array;
  /** Of its blob: 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  readonly signature?: Uint8Array;
  /** The identity that it is for; it has been accepted. */
  readonly identity: Pick<TransferredIdentity, 'sha256' | 'proof'>;
}

const REFUSALS = {
  unsigned: 'the picture is not signed, as its identity is: update the sender',
  'signature-invalid':
    "the picture's signature is not one of the identity's key for this connection",
  'key-changed': 'the picture is signed and its identity is not',
  'identity-of-another': 'the picture was shown under another key in an earlier call',
} as const satisfies Record<Refusal['code'], string>;

const refuse = (code: Refusal['code']): Refusal => ({ code, message: REFUSALS[code] });

/**
 * The judge of one call's pictures, for `CallReceiverOptions.verifyPicture`: gives a refusal, or
 * undefined. Accepted are those signed for this connection and identity by the key of the identity's
 * proof, and that no other key has shown in an earlier call, the first 16 references are remembered; with an
 * unsigned identity, unsigned ones. Rejects where the store does, or where this browser lacks the algorithm.
 */
export function createPictureVerifier(options: {
  /** Of the call's connection, as for `createIdentityVerifier`. */
  readonly fingerprints: CallFingerprints | undefined;
  readonly known: KnownKeys;
}): (offered: JudgedPicture) => Promise<Refusal | undefined> {
  const { fingerprints, known } = options;
  checkMethods('known', known, 'ownerOf', 'remember');
  /** References of the call so far: no more than an identity has, so that they push nothing out. */
  let remembered = 0;

  async function isSigned({ sha256: pictureSha256, signature, identity }: JudgedPicture) {
    const { proof } = identity;
    if (!proof || !signature || !fingerprints) return false;
    const statement = pictureStatement({
      pictureSha256,
      identitySha256: identity.sha256,
      senderFingerprint: fingerprints.sender,
      receiverFingerprint: fingerprints.receiver,
    });
    return verifySignature(proof.algorithm, proof.publicKey, signature, statement);
  }

  return async (offered) => {
    const { proof } = offered.identity;
    if (proof && !offered.signature) return refuse('unsigned');
    if (!proof && offered.signature) return refuse('key-changed');
    if (proof && !(await isSigned(offered))) return refuse('signature-invalid');
    const hashes = [bytesToHex(sha256(offered.picture))];
    const key = proof && keyFingerprint(proof.publicKey);
    let owner: string | undefined;
    if (key && offered.kind === 'reference' && remembered < MAX_REFERENCES) {
      remembered++;
      const outcome = await known.remember(key, hashes);
      owner = 'owner' in outcome ? outcome.owner : undefined;
    } else owner = await known.ownerOf(hashes);
    return owner === undefined || owner === key ? undefined : refuse('identity-of-another');
  };
}
