/**
 * What the page keeps: the enrolment in IndexedDB, so that nobody enrols twice; and in sessionStorage,
 * which a reload of this tab survives and no other tab sees, the place in the room.
 */
import type { SavedEnrolment } from 'visavis/browser';

/** An enrolment and when it was made. */
export interface KeptEnrolment {
  readonly enrolment: SavedEnrolment;
  readonly madeAt: Date;
}

const DATABASE = 'visavis-call';
const STORE = 'enrolments';
/** One person enrols in a browser profile. */
const KEY = 'mine';

/** Undefined where none is kept, or the browser keeps nothing (a private window, say). */
export async function loadEnrolment(): Promise<KeptEnrolment | undefined> {
  return inStore('readonly', (store) => store.get(KEY)).catch(() => undefined);
}

/** Keeps it, where the browser keeps anything. */
export async function keepEnrolment(enrolment: SavedEnrolment): Promise<void> {
  const kept: KeptEnrolment = { enrolment, madeAt: new Date() };
  await inStore('readwrite', (store) => store.put(kept, KEY)).catch(() => undefined);
}

export async function forgetEnrolment(): Promise<void> {
  await inStore('readwrite', (store) => store.delete(KEY)).catch(() => undefined);
}

function inStore<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>) {
  return new Promise<T>((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      const transaction = database.transaction(STORE, mode);
      const request = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => {
        database.close();
        resolve(request.result);
      };
      transaction.onabort = () => {
        database.close();
        reject(transaction.error);
      };
    };
  });
}

/** 128 random bits as base64url: a room, a place in it, or one peer connection of a page. */
export function randomToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** The room that the address names, `#room=TOKEN`. */
export function roomOfAddress(): string | undefined {
  return /^#room=([A-Za-z0-9_-]{22})$/.exec(location.hash)?.[1];
}

/** The address that invites somebody into the room. */
export function linkOf(room: string): string {
  return new URL(`#room=${room}`, location.href).href;
}

/** This tab's place in the room: the same after a reload. */
export function placeIn(room: string): string {
  const key = `place-${room}`;
  const place = sessionStorage.getItem(key) ?? randomToken();
  sessionStorage.setItem(key, place);
  return place;
}

const CALL = 'in-call';

/** Whether this tab was in a call in the room when it was reloaded. */
export const wasInCall = (room: string): boolean => sessionStorage.getItem(CALL) === room;

/** Notes that this tab is in a call, or (undefined) no longer. */
export function noteCall(room: string | undefined): void {
  if (room === undefined) sessionStorage.removeItem(CALL);
  else sessionStorage.setItem(CALL, room);
}
