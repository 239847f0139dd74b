import { type DeviceKey, openDeviceKey } from '../../src/consent/device-key.js';
import { type ConsentStore, createMemoryStore } from '../../src/consent/store.js';
import type { ProofAlgorithm } from '../../src/protocol/identity-proof.js';

/** A store that takes no Ed25519 keys, as that of Firefox before 136. */
export function storeWithoutEd25519(): ConsentStore {
  const store = createMemoryStore();
  return {
    ...store,
    async update(name, change) {
      return store.update(name, (value) => {
        const changed = change(value) as { readonly algorithm?: ProofAlgorithm };
        if (changed.algorithm === 'ed25519') {
          throw new DOMException('The object could not be cloned.', 'DataCloneError');
        }
        return changed as ReturnType<typeof change>;
      });
    },
  };
}

/** A device of its own. */
export const newDevice = (algorithm: ProofAlgorithm = 'ed25519'): Promise<DeviceKey> =>
  openDeviceKey(algorithm === 'ed25519' ? createMemoryStore() : storeWithoutEd25519());
