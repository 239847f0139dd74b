import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MANIFEST_FILE, type Pack } from '../../src/models/pack.js';

/** Families in the order of the tables: the project's own, then the published ones by their year's end. */
const ORDER = ['warp', 'portrait', 'fsth', 'lsr', 'head2head', 'fsrt'];
const EMBEDDED = fileURLToPath(new URL('../../packs', import.meta.url));

const place = (family: string): number => {
  const at = ORDER.indexOf(family);
  return at < 0 ? ORDER.length : at;
};

/** Names of the packs in a folder of packs that hold a decoder, family by family. */
export async function decoderPacks(folder = EMBEDDED): Promise<string[]> {
  const found: { readonly name: string; readonly family: string }[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const text = await readFile(join(folder, name, MANIFEST_FILE), 'utf8').catch(() => undefined);
    const family: unknown = text && JSON.parse(text).family;
    if (typeof family === 'string') found.push({ name, family });
  }
  return found
    .sort((a, b) => place(a.family) - place(b.family) || a.name.localeCompare(b.name))
    .map(({ name }) => name);
}

/** Pixels across of the pictures that a pack's networks make; undefined: those of the stream. */
export function ownSize({ manifest, vector }: Pack): number | undefined {
  return manifest.size ?? vector?.side;
}
