import type { ProofAlgorithm } from '../protocol/identity-proof.js';
import { defaultStore } from './indexed-db.js';
import { KEY_PARAMETERS, keyFingerprint, SIGN_PARAMETERS } from './signature.js';
import type { ConsentStore } from './store.js';

/** The key that this device signs with. Its private half never leaves WebCrypto. */
export interface DeviceKey {
  readonly algorithm: ProofAlgorithm;
  /** As in `IdentityProof`. */
  readonly publicKey: Uint8Array;
  /** SHA-256 of the public key: 64 lower-case hexadecimal digits. */
  readonly fingerprint: string;
  /** A signature of 64 bytes. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/** As it is stored. */
interface StoredKey {
  readonly algorithm: ProofAlgorithm;
  readonly publicKey: Uint8Array;
  readonly privateKey: CryptoKey;
}

const NAME = 'device-key';

/** The better one first. */
const ALGORITHMS: readonly ProofAlgorithm[] = ['ed25519', 'p-256'];

/**
 * The device's key, made and kept where there is none: Ed25519, or P-256 where the browser cannot make
 * or (Firefox before 136) store that. It is not extractable. By default it lies in the origin's
 * IndexedDB, so each origin has its own; where that is refused it lasts as long as the page. Rejects
 * where there is no WebCrypto (a page that is not served securely) or the store takes no key.
 */
export async function openDeviceKey(store?: ConsentStore): Promise<DeviceKey> {
  const keys = store ?? (await defaultStore());
  const stored = (await keys.get(NAME)) as StoredKey | undefined;
  return deviceKey(stored ?? (await makeKey(keys)));
}

async function makeKey(store: ConsentStore): Promise<StoredKey> {
  let failure: unknown;
  for (const algorithm of ALGORITHMS) {
    try {
      const made = await generate(algorithm);
      // Another page may have been faster: one key for all.
      return await store.update(NAME, (stored) => (stored as StoredKey | undefined) ?? made);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function generate(algorithm: ProofAlgorithm): Promise<StoredKey> {
  const { subtle } = globalThis.crypto;
  const parameters = KEY_PARAMETERS[algorithm];
  const pair = await subtle.generateKey(parameters, false, ['sign', 'verify']);
  const { privateKey, publicKey } = pair as CryptoKeyPair;
  return {
    algorithm,
    publicKey: new Uint8Array(await subtle.exportKey('raw', publicKey)),
    privateKey,
  };
}

function deviceKey({ algorithm, publicKey, privateKey }: StoredKey): DeviceKey {
  return {
    algorithm,
    publicKey,
    fingerprint: keyFingerprint(publicKey),
    async sign(bytes) {
      const { subtle } = globalThis.crypto;
      const copy = Uint8Array.from(bytes);
      return new Uint8Array(await subtle.sign(SIGN_PARAMETERS[algorithm], privateKey, copy));
    },
  };
}
