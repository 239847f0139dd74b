/**
 * Writes the size and SHA-256 of every file of a pack into its manifest; not of texts (`.md`) nor of what only
 * training needs (`.pt`).
 *
 *     npx tsx tools/seal-pack.ts packs/warp
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MANIFEST_FILE } from '../src/models/pack.js';

const folder = process.argv[2];
if (!folder) {
  console.error('usage: npx tsx tools/seal-pack.ts FOLDER');
  process.exit(2);
}
const path = join(folder, MANIFEST_FILE);
const manifest = JSON.parse(readFileSync(path, 'utf8'));
manifest.files = Object.fromEntries(
  readdirSync(folder)
    .filter((file) => file !== MANIFEST_FILE && !/\.(md|pt)$/.test(file))
    .sort()
    .map((file) => {
      const content = readFileSync(join(folder, file));
      const sha256 = createHash('sha256').update(content).digest('hex');
      return [file, { bytes: content.length, sha256 }];
    }),
);
writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`);
console.log(`${path}: ${Object.keys(manifest.files).length} files sealed`);
