import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type DeviceKey, openDeviceKey } from '../src/consent/device-key.js';
import { MAX_KNOWN_HASHES, MAX_KNOWN_KEYS, openKnownKeys } from '../src/consent/known-keys.js';
import {
  type SavedEnrolment,
  signEnrolment,
  verifyEnrolment,
} from '../src/consent/saved-enrolment.js';
import { type CallFingerprints, signIdentity } from '../src/consent/sign.js';
import { verifySignature } from '../src/consent/signature.js';
import { createMemoryStore } from '../src/consent/store.js';
import {
  type AcceptedIdentity,
  createIdentityVerifier,
  type IdentityVerifierOptions,
} from '../src/consent/verify.js';
import { encodeIdentity, parseIdentity } from '../src/protocol/identity.js';
import type {
  IdentityProof,
  ProofAlgorithm,
  TransferredIdentity,
} from '../src/protocol/identity-proof.js';
import { IDENTITY, PICTURE } from './support/call.js';
import { newDevice, storeWithoutEd25519 } from './support/consent.js';

const vector = JSON.parse(
  readFileSync(new URL('vectors/control/proof.json', import.meta.url), 'utf8'),
);
const fromHex = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
const hash = (digit: number) => digit.toString(16).padStart(64, '0');
const ALGORITHMS: readonly ProofAlgorithm[] = ['ed25519', 'p-256'];
const FINGERPRINTS: CallFingerprints = { sender: hash(0xa), receiver: hash(0xb) };

afterEach(() => vi.restoreAllMocks());

describe.each<{ algorithm: ProofAlgorithm; publicKey: string; signature: string }>(vector.proofs)(
  'signatures of $algorithm',
  ({ algorithm, publicKey, signature }) => {
    const parts = [publicKey, signature, vector.statement].map(fromHex);
    const verify = ([key, signed, statement]: Uint8Array[]) =>
      verifySignature(algorithm, key, signed, statement);

    it('made elsewhere are taken', async () => {
      expect(await verify(parts)).toBe(true);
    });

    it('are refused with a bit changed anywhere', async () => {
      const bits = parts.flatMap((bytes, part) => [...bytes].map((_, at) => [part, at] as const));
      for (const [part, at] of bits) {
        const changed = parts.map((bytes) => bytes.slice());
        changed[part][at] ^= 1 << (at % 8);
        expect(await verify(changed)).toBe(false);
      }
    });

    it('are not refused as invalid where the browser cannot tell', async () => {
      const error = new DOMException('Unrecognized name.', 'NotSupportedError');
      vi.spyOn(crypto.subtle, 'importKey').mockRejectedValue(error);
      await expect(verify(parts)).rejects.toThrow(`knows no ${algorithm} signatures`);
    });
  },
);

describe('the key of a device', () => {
  it('is Ed25519, the same each time, and another on another device', async () => {
    const store = createMemoryStore();
    const key = await openDeviceKey(store);
    expect(key).toMatchObject({ algorithm: 'ed25519' });
    expect(key.publicKey.length).toBe(32);
    expect(key.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect((await openDeviceKey(store)).fingerprint).toBe(key.fingerprint);
    expect((await newDevice()).fingerprint).not.toBe(key.fingerprint);
  });

  it('is one, however many open it at once', async () => {
    const store = createMemoryStore();
    const keys = await Promise.all(Array.from({ length: 8 }, () => openDeviceKey(store)));
    expect(new Set(keys.map(({ fingerprint }) => fingerprint)).size).toBe(1);
    const [{ algorithm, publicKey }] = keys;
    const statement = Uint8Array.of(1, 2, 3);
    for (const key of keys) {
      const signature = await key.sign(statement);
      expect(await verifySignature(algorithm, publicKey, signature, statement)).toBe(true);
    }
  });

  it('cannot be taken out', async () => {
    const store = createMemoryStore();
    const key = await openDeviceKey(store);
    const { privateKey } = (await store.get('device-key')) as { privateKey: CryptoKey };
    expect(privateKey.extractable).toBe(false);
    await expect(crypto.subtle.exportKey('pkcs8', privateKey)).rejects.toThrow();
    expect(Object.values(key)).not.toContain(privateKey);
  });

  it('is P-256 where the store takes no other', async () => {
    const store = storeWithoutEd25519();
    const key = await openDeviceKey(store);
    expect(key.algorithm).toBe('p-256');
    expect(key.publicKey.length).toBe(65);
    expect((await openDeviceKey(store)).fingerprint).toBe(key.fingerprint);
  });

  it('is P-256 where the browser makes no other', async () => {
    const { subtle } = crypto;
    const generate = subtle.generateKey.bind(subtle) as (...args: unknown[]) => Promise<CryptoKey>;
    vi.spyOn(subtle, 'generateKey').mockImplementation(async (...args: unknown[]) => {
      if ((args[0] as Algorithm).name === 'Ed25519') {
        throw new DOMException('Unrecognized name.', 'NotSupportedError');
      }
      return generate(...args);
    });
    expect((await openDeviceKey(createMemoryStore())).algorithm).toBe('p-256');
  });

  it('is none where nothing can be kept', async () => {
    const store = { ...createMemoryStore(), update: () => Promise.reject(new Error('full')) };
    await expect(openDeviceKey(store)).rejects.toThrow('full');
  });
});

/** An identity whose first picture says which; `size` changes its bytes and not its pictures. */
function identityOf(person: number, size: 256 | 512 = 256): Uint8Array {
  const parsed = parseIdentity(IDENTITY);
  if (!parsed.ok) throw new Error(parsed.drop);
  // What follows the header of a WebP file is not looked at here.
  const picture = Uint8Array.of(...PICTURE.slice(0, -1), person);
  const [{ landmarks }] = parsed.value.references;
  return encodeIdentity({ ...parsed.value, size, references: [{ picture, landmarks }] });
}

/** An identity as it arrives. */
async function transferred(bytes: Uint8Array, proof?: IdentityProof): Promise<TransferredIdentity> {
  const parsed = parseIdentity(bytes);
  if (!parsed.ok) throw new Error(parsed.drop);
  const digest = await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes));
  const sha256 = Buffer.from(digest).toString('hex');
  return { ...parsed.value, sha256, ...(proof && { proof }) };
}

/** An identity signed by a device for a connection, as it arrives. */
const signed = async (key: DeviceKey, bytes: Uint8Array, fingerprints = FINGERPRINTS) =>
  transferred(bytes, await signIdentity(key, bytes, fingerprints));

/** A receiver's device, on which call follows call. */
function receiverDevice() {
  const known = openKnownKeys(createMemoryStore());
  const accepted: AcceptedIdentity[] = [];
  const call = (change: Partial<IdentityVerifierOptions> = {}) => {
    const verify = createIdentityVerifier({
      fingerprints: FINGERPRINTS,
      known,
      unsigned: 'refuse',
      onAccepted: (identity) => accepted.push(identity),
      ...change,
    });
    return async (offered: TransferredIdentity) => (await verify(offered))?.code;
  };
  return { known, accepted, call };
}

describe.each(ALGORITHMS)('who is shown, by %s', (algorithm) => {
  it('is a stranger in the first call, known with the day of it in the next', async () => {
    const alice = await newDevice(algorithm);
    const { accepted, call } = receiverDevice();
    const before = Date.now();
    const offered = await signed(alice, identityOf(1));
    expect(await call()(offered)).toBeUndefined();
    expect(await call()(offered)).toBeUndefined();
    expect(accepted[0]).toMatchObject({ key: alice.fingerprint, known: false });
    const { firstSeen } = accepted[0];
    expect(firstSeen.getTime()).toBeGreaterThanOrEqual(before);
    expect(accepted.slice(1)).toEqual([{ key: alice.fingerprint, known: true, firstSeen }]);
  });

  it('may enrol anew in the call, and is no less a stranger for that', async () => {
    const alice = await newDevice(algorithm);
    const { accepted, call } = receiverDevice();
    const verify = call();
    expect(await verify(await signed(alice, identityOf(1)))).toBeUndefined();
    expect(await verify(await signed(alice, identityOf(2)))).toBeUndefined();
    expect(accepted[1]).toEqual(accepted[0]);
  });

  it('is not who signed for another connection', async () => {
    const alice = await newDevice(algorithm);
    const { sender, receiver } = FINGERPRINTS;
    for (const other of [
      { sender: hash(1), receiver },
      { sender, receiver: hash(1) },
      { sender: receiver, receiver: sender },
    ]) {
      const { accepted, call } = receiverDevice();
      const replayed = await signed(alice, identityOf(1), other);
      expect(await call()(replayed)).toBe('signature-invalid');
      expect(accepted).toEqual([]);
    }
  });

  it('is not who signed another identity, or with another key than it says', async () => {
    const [alice, mallory] = await Promise.all([newDevice(algorithm), newDevice(algorithm)]);
    const { known, call } = receiverDevice();
    const { proof } = await signed(alice, identityOf(1));
    const { publicKey } = mallory;
    expect(await call()(await transferred(identityOf(2), proof))).toBe('signature-invalid');
    const stolen = { ...proof!, publicKey };
    expect(await call()(await transferred(identityOf(1), stolen))).toBe('signature-invalid');
    const garbage = { ...proof!, publicKey: publicKey.map((byte, at) => (at ? 255 : byte)) };
    expect(await call()(await transferred(identityOf(1), garbage))).toBe('signature-invalid');
    expect(await known.list()).toEqual([]);
  });

  it('cannot be told where the connection does not say to whom it leads', async () => {
    const offered = await signed(await newDevice(algorithm), identityOf(1));
    const { call } = receiverDevice();
    expect(await call({ fingerprints: undefined })(offered)).toBe('signature-invalid');
  });

  it('stays the same for the call', async () => {
    const [alice, mallory] = await Promise.all([newDevice(algorithm), newDevice(algorithm)]);
    const { known, call } = receiverDevice();
    const verify = call();
    expect(await verify(await signed(alice, identityOf(1)))).toBeUndefined();
    expect(await verify(await signed(mallory, identityOf(2)))).toBe('key-changed');
    expect(await verify(await transferred(identityOf(2)))).toBe('unsigned');
    expect(await known.lookup(mallory.fingerprint)).toBeUndefined();
    // In a call of its own it is a stranger like any other.
    expect(await call()(await signed(mallory, identityOf(2)))).toBeUndefined();
  });

  it('does not show what another has shown: whole, or one picture of it', async () => {
    const [alice, mallory] = await Promise.all([newDevice(algorithm), newDevice(algorithm)]);
    const { known, accepted, call } = receiverDevice();
    expect(await call()(await signed(alice, identityOf(1)))).toBeUndefined();
    for (const stolen of [identityOf(1), identityOf(1, 512)]) {
      expect(await call()(await signed(mallory, stolen))).toBe('identity-of-another');
    }
    expect(accepted.length).toBe(1);
    expect(await known.lookup(mallory.fingerprint)).toBeUndefined();
    await known.forget(alice.fingerprint);
    expect(await call()(await signed(mallory, identityOf(1)))).toBeUndefined();
  });
});

describe('who does not sign', () => {
  it('is refused, unless the receiver shows such', async () => {
    const { accepted, call } = receiverDevice();
    const offered = await transferred(identityOf(1));
    expect(await call()(offered)).toBe('unsigned');
    expect(await call({ unsigned: 'show' })(offered)).toBeUndefined();
    expect(accepted).toEqual([]);
  });

  it('is neither someone known nor in the place of someone who does', async () => {
    const alice = await newDevice();
    const { call } = receiverDevice();
    const verify = call({ unsigned: 'show' });
    expect(await verify(await signed(alice, identityOf(1)))).toBeUndefined();
    expect(await verify(await transferred(identityOf(2)))).toBe('key-changed');
    const next = call({ unsigned: 'show' });
    expect(await next(await transferred(identityOf(1)))).toBe('identity-of-another');
  });

  it('does not sign later either', async () => {
    const { call } = receiverDevice();
    const verify = call({ unsigned: 'show' });
    expect(await verify(await transferred(identityOf(1)))).toBeUndefined();
    expect(await verify(await signed(await newDevice(), identityOf(2)))).toBe('key-changed');
  });

  it('cannot slip in while another is being verified', async () => {
    const [alice, mallory] = await Promise.all([newDevice(), newDevice()]);
    const { call } = receiverDevice();
    const verify = call();
    const offers = [await signed(alice, identityOf(1)), await signed(mallory, identityOf(2))];
    const codes = await Promise.all(offers.map(verify));
    expect(codes.filter((code) => code === 'key-changed')).toHaveLength(1);
  });
});

describe('options of the verifier', () => {
  it.each<[string, object]>([
    ['known', { known: undefined }],
    ['known', { known: { remember: () => undefined } }],
    ['unsigned', { unsigned: 'allow' }],
  ])('names a bad %s', (path, change) => {
    const { call } = receiverDevice();
    expect(() => call(change as Partial<IdentityVerifierOptions>)).toThrow(TypeError);
    expect(() => call(change as Partial<IdentityVerifierOptions>)).toThrow(`${path}: must be`);
  });
});

describe('known keys', () => {
  it('lists the last seen first, and forgets', async () => {
    const known = openKnownKeys(createMemoryStore());
    for (const index of [1, 2, 3, 1]) await known.remember(hash(index), [hash(100 + index)]);
    const keys = async () => (await known.list()).map(({ key }) => key);
    expect(await keys()).toEqual([hash(1), hash(3), hash(2)]);
    expect(await known.ownerOf([hash(9), hash(103)])).toBe(hash(3));
    await known.forget(hash(3));
    expect(await keys()).toEqual([hash(1), hash(2)]);
    expect(await known.ownerOf([hash(103)])).toBeUndefined();
    expect(await known.lookup(hash(3))).toBeUndefined();
    const { firstSeen, lastSeen } = (await known.lookup(hash(1)))!;
    expect(lastSeen.getTime()).toBeGreaterThanOrEqual(firstSeen.getTime());
  });

  it('are so many at most: the one seen longest ago goes', { timeout: 60_000 }, async () => {
    const known = openKnownKeys(createMemoryStore());
    for (let index = 0; index < MAX_KNOWN_KEYS; index++) await known.remember(hash(index), []);
    await known.remember(hash(0), []);
    await known.remember(hash(MAX_KNOWN_KEYS), []);
    expect((await known.list()).length).toBe(MAX_KNOWN_KEYS);
    expect(await known.lookup(hash(1))).toBeUndefined();
    expect(await known.lookup(hash(0))).toBeDefined();
  });

  it('keep so many hashes each: the first to come goes', async () => {
    const known = openKnownKeys(createMemoryStore());
    for (let index = 0; index <= MAX_KNOWN_HASHES; index++) {
      await known.remember(hash(1), [hash(1000 + index)]);
    }
    expect(await known.ownerOf([hash(1000)])).toBeUndefined();
    expect(await known.ownerOf([hash(1001)])).toBe(hash(1));
    await known.remember(hash(1), [hash(1001)]);
    expect(await known.ownerOf([hash(1002)])).toBe(hash(1));
  });

  it('give a picture to one of two that show it at once', async () => {
    const known = openKnownKeys(createMemoryStore());
    const outcomes = await Promise.all([1, 2].map((key) => known.remember(hash(key), [hash(7)])));
    expect(outcomes).toEqual([{ known: false, firstSeen: expect.any(Date) }, { owner: hash(1) }]);
    expect((await known.list()).length).toBe(1);
  });
});

describe.each(ALGORITHMS)('a saved enrolment, by %s', (algorithm) => {
  const identity = identityOf(1);

  it('is of use on the device that made it, also when it was stored', async () => {
    const key = await newDevice(algorithm);
    const saved = await signEnrolment(key, { identity, size: 256 });
    expect(saved).toMatchObject({ version: 1, identity, size: 256, key: key.publicKey });
    expect(await verifyEnrolment(key, structuredClone(saved))).toBe(true);
  });

  it('is of none elsewhere, or changed', async () => {
    const [key, other] = await Promise.all([newDevice(algorithm), newDevice(algorithm)]);
    const saved = await signEnrolment(key, { identity, size: 256 });
    const theirs = await signEnrolment(other, { identity, size: 256 });
    const { signature: proof } = await signIdentity(key, identity, FINGERPRINTS);
    const changes: unknown[] = [
      theirs,
      { ...theirs, key: saved.key },
      { ...saved, identity: identityOf(2) },
      { ...saved, size: 512 },
      { ...saved, signature: saved.signature.map((byte) => byte ^ 1) },
      { ...saved, signature: saved.signature.slice(1) },
      // What was signed for a call.
      { ...saved, signature: proof },
      { ...saved, version: 2 },
      { ...saved, size: 300 },
      { ...saved, identity: [...identity] },
      { ...saved, key: undefined },
      {},
      undefined,
      null,
      'enrolment',
    ];
    for (const changed of changes) {
      expect(await verifyEnrolment(key, changed as SavedEnrolment)).toBe(false);
    }
    expect(await verifyEnrolment(other, saved)).toBe(false);
  });

  it('is no proof for a call', async () => {
    const key = await newDevice(algorithm);
    const { signature } = await signEnrolment(key, { identity, size: 256 });
    const offered = await transferred(identity, { algorithm, publicKey: key.publicKey, signature });
    expect(await receiverDevice().call()(offered)).toBe('signature-invalid');
  });
});
