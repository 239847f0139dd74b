import { type ConsentStore, createMemoryStore } from './store.js';

const DATABASE = 'visavis';
const DATABASE_VERSION = 1;
const VALUES = 'consent';

/** What a request comes to. */
function resultOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function openDatabase(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, DATABASE_VERSION);
  request.onupgradeneeded = () => request.result.createObjectStore(VALUES);
  return resultOf(request);
}

/** A store in the origin's IndexedDB, for pages and workers. Rejects where there is none to open. */
export async function openIndexedDb(): Promise<ConsentStore> {
  const database = await openDatabase();
  // A later version of this library, or whoever deletes the data, need not wait for us.
  database.onversionchange = () => database.close();
  return {
    async get(name) {
      return await resultOf(database.transaction(VALUES).objectStore(VALUES).get(name));
    },
    update<T>(name: string, change: (value: unknown) => T) {
      return new Promise<T>((resolve, reject) => {
        const transaction = database.transaction(VALUES, 'readwrite', { durability: 'strict' });
        const values = transaction.objectStore(VALUES);
        let changed: T;
        let failure: unknown;
        const request = values.get(name);
        request.onsuccess = () => {
          try {
            changed = change(request.result);
            values.put(changed, name);
          } catch (error) {
            failure = error;
            transaction.abort();
          }
        };
        transaction.oncomplete = () => resolve(changed);
        transaction.onabort = () => reject(failure ?? transaction.error);
      });
    },
  };
}

let opened: Promise<ConsentStore> | undefined;

/**
 * The store that is used where none is given: the origin's IndexedDB; without one (Node, a page that
 * may keep nothing) one store in memory for all.
 */
export function defaultStore(): Promise<ConsentStore> {
  opened ??= openIndexedDb().catch(createMemoryStore);
  return opened;
}
