import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkOption } from '../protocol/check-options.js';
import { loadPack, MANIFEST_FILE, type Pack, PackError } from './pack.js';

/** Packs of this name hold a tracker, which is no pack of a decoder. */
const TRACKER_PREFIX = 'tracker-';

const EMBEDDED = fileURLToPath(new URL('../../packs', import.meta.url));

/** Opens a pack by the name of an embedded one or by the path of its folder; `PackError` if it cannot. */
export async function openPack(nameOrPath: string): Promise<Pack> {
  checkOption(
    typeof nameOrPath === 'string',
    'nameOrPath',
    "a pack's name or the path of its folder",
  );
  const embedded = join(EMBEDDED, nameOrPath);
  const isName = !/[\\/]/.test(nameOrPath) && (await isPack(embedded));
  const folder = isName ? embedded : nameOrPath;
  if (!(await isPack(folder))) {
    throw new PackError(
      `no pack ${nameOrPath}: give the path of a folder with a ${MANIFEST_FILE}, or one of ${(await embeddedPacks()).join(', ')}`,
    );
  }
  return loadPack(nameOrPath, (file) => readFile(join(folder, file)));
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
