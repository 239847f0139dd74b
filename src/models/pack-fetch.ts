import { loadPack, type Pack } from './pack.js';

/**
 * Fetches a pack from the folder at `url` (relative to the page or worker) and verifies every file
 * against its manifest. Rejects with a PackError that names the file: the server does not have it,
 * does not answer or does not let this page read it (CORS), or what it gives is damaged.
 */
export async function fetchPack(url: string | URL): Promise<Pack> {
  const folder = folderUrl(url);
  return loadPack(folder.href, (file) => fetchPackFile(new URL(file, folder)));
}

/** The absolute URL of a folder, relative to the page or worker; ends in a slash. */
export function folderUrl(url: string | URL): URL {
  const folder = new URL(url, globalThis.location?.href);
  if (!folder.pathname.endsWith('/')) folder.pathname += '/';
  return folder;
}

/** A file's bytes; rejects with an Error that says what the server does instead of giving them. */
export async function fetchPackFile(url: URL): Promise<Uint8Array> {
  const response = await fetch(url).catch(() => {
    throw new Error('the server does not answer, or does not let this page read it');
  });
  if (!response.ok) {
    throw new Error(`the server says ${response.status} ${response.statusText}`.trimEnd());
  }
  return new Uint8Array(await response.arrayBuffer());
}
