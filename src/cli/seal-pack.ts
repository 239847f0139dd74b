import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MANIFEST_FILE } from '../models/pack.js';

/** Texts, and what only training needs. */
const NOT_SEALED = /\.(md|pt)$/;

/** Writes the size and SHA-256 of every file of a pack into its manifest. Gives how many they are. */
export async function sealPack(folder: string): Promise<number> {
  const path = join(folder, MANIFEST_FILE);
  const manifest = JSON.parse(await readFile(path, 'utf8'));
  const names = (await readdir(folder)).filter(
    (file) => file !== MANIFEST_FILE && !NOT_SEALED.test(file),
  );
  const files: Record<string, { bytes: number; sha256: string }> = {};
  for (const file of names.sort()) {
    const content = await readFile(join(folder, file));
    const sha256 = createHash('sha256').update(content).digest('hex');
    files[file] = { bytes: content.length, sha256 };
  }
  await writeFile(path, `${JSON.stringify({ ...manifest, files }, null, 2)}\n`);
  return names.length;
}
