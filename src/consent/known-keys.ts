import { defaultStore } from './indexed-db.js';
import type { ConsentStore } from './store.js';

/** A key that an identity has been accepted under. */
export interface KnownKey {
  /** SHA-256 of the public key: 64 lower-case hexadecimal digits. */
  readonly key: string;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
}

/** What became of `remember`. */
export type Remembered =
  /** `known`: the key had been there before; `firstSeen` then, or now. */
  | { readonly known: boolean; readonly firstSeen: Date }
  /** Nothing was kept: one of the hashes belongs to this other key. */
  | { readonly owner: string };

/**
 * Keys of earlier calls, and which identities and pictures each of them has shown: trust on first use.
 * `MAX_KNOWN_KEYS` of them with `MAX_KNOWN_HASHES` each; beyond, the key that was seen longest ago
 * goes, and of a key the hashes that came first.
 */
export interface KnownKeys {
  /** The key of this fingerprint, where it is known. */
  lookup(key: string): Promise<KnownKey | undefined>;
  /** The key that has shown one of these SHA-256 hashes (hexadecimal); undefined: none. */
  ownerOf(hashes: readonly string[]): Promise<string | undefined>;
  /** Keeps a key, seen now, with what it has shown; unless that is another key's. */
  remember(key: string, hashes: readonly string[]): Promise<Remembered>;
  /** Forgets a key and what it has shown: another key may show it then. */
  forget(key: string): Promise<void>;
  /** All of them, the one seen last first. */
  list(): Promise<KnownKey[]>;
}

/** A person calls with few others; beyond, the oldest are strangers again. */
export const MAX_KNOWN_KEYS = 1000;
/** Two identities of 16 references, or eight of the usual four, each with the hash of the whole. */
export const MAX_KNOWN_HASHES = 40;

/** As it is stored: the one seen last at the end. */
interface Entry extends KnownKey {
  readonly hashes: readonly string[];
}

const NAME = 'known-keys';
const entriesOf = (value: unknown) => (value ?? []) as readonly Entry[];
const ownerIn = (entries: readonly Entry[], hashes: readonly string[]) =>
  entries.find((entry) => hashes.some((hash) => entry.hashes.includes(hash)))?.key;
const withoutHashes = ({ key, firstSeen, lastSeen }: Entry): KnownKey => ({
  key,
  firstSeen,
  lastSeen,
});

/** The known keys of a store, by default of the origin's IndexedDB; its methods reject as it does. */
export function openKnownKeys(store?: ConsentStore): KnownKeys {
  const opened = async () => store ?? (await defaultStore());
  const entries = async () => entriesOf(await (await opened()).get(NAME));

  return {
    async lookup(key) {
      const found = (await entries()).find((entry) => entry.key === key);
      return found && withoutHashes(found);
    },
    async ownerOf(hashes) {
      return ownerIn(await entries(), hashes);
    },
    async remember(key, hashes) {
      let outcome: Remembered | undefined;
      await (await opened()).update(NAME, (value) => {
        const before = entriesOf(value);
        const others = before.filter((entry) => entry.key !== key);
        const owner = ownerIn(others, hashes);
        if (owner !== undefined) {
          outcome = { owner };
          return before;
        }
        const lastSeen = new Date();
        const entry = before.find((one) => one.key === key);
        const { firstSeen } = entry ?? { firstSeen: lastSeen };
        outcome = { known: entry !== undefined, firstSeen };
        const all = [...new Set([...(entry?.hashes ?? []), ...hashes])].slice(-MAX_KNOWN_HASHES);
        return [...others, { key, firstSeen, lastSeen, hashes: all }].slice(-MAX_KNOWN_KEYS);
      });
      return outcome!;
    },
    async forget(key) {
      await (await opened()).update(NAME, (value) =>
        entriesOf(value).filter((entry) => entry.key !== key),
      );
    },
    async list() {
      return (await entries()).map(withoutHashes).reverse();
    },
  };
}
