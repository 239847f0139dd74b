import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkOption } from '../protocol/check-options.js';
import { loadPack, MANIFEST_FILE, type Pack, PackError } from './pack.js';
import { openPersonalPack, readPersonalManifest } from './personal-node.js';

/** Packs of this name hold a tracker, which is no pack of a decoder. */
const TRACKER_PREFIX = 'tracker';

const EMBEDDED = fileURLToPath(new URL('../../packs', import.meta.url));

/**
 * Opens a pack by the name of an embedded one or by the path of its folder; of a personal pack, whose
 * base must be embedded or lie beside it under its name. `PackError` if it cannot.
 */
export async function openPack(nameOrPath: string): Promise<Pack> {
  const folder = await packFolder(nameOrPath);
  if (await isPack(folder)) return loadPack(nameOrPath, (file) => readFile(join(folder, file)));
  const personal = await readPersonalManifest(folder);
  if (!personal) {
    throw new PackError(
      `no pack ${nameOrPath}: give the path of a folder with a ${MANIFEST_FILE}, or one of ${(await embeddedPacks()).join(', ')}`,
    );
  }
  const { name } = personal.base;
  const embedded = await packFolder(basename(name));
  const base = (await isPack(embedded)) ? embedded : join(dirname(resolve(folder)), basename(name));
  if (!(await isPack(base))) {
    throw new PackError(
      `personal pack ${nameOrPath}: its base ${name} is neither embedded nor beside it: put it there`,
    );
  }
  return openPersonalPack(folder, await openPack(base));
}

/** The folder of an embedded pack, or the path itself; a TypeError where it is no string. */
export async function packFolder(nameOrPath: string): Promise<string> {
  checkOption(
    typeof nameOrPath === 'string',
    'nameOrPath',
    "a pack's name or the path of its folder",
  );
  const embedded = join(EMBEDDED, nameOrPath);
  const isName = !/[\\/]/.test(nameOrPath) && (await isPack(embedded));
  return isName ? embedded : nameOrPath;
}

async function isPack(folder: string): Promise<boolean> {
  const found = await stat(join(folder, MANIFEST_FILE)).catch(() => undefined);
  return found?.isFile() ?? false;
}

async function embeddedPacks(): Promise<string[]> {
  const names = await readdir(EMBEDDED);
  const packs = await Promise.all(names.map((name) => isPack(join(EMBEDDED, name))));
  return names.filter((name, index) => packs[index] && !name.startsWith(TRACKER_PREFIX));
}
