/**
 * Writes the size and SHA-256 of every file of a pack into its manifest; not of texts (`.md`) nor of what only
 * training needs (`.pt`).
 *
 *     npx tsx tools/seal-pack.ts packs/warp
 */
import { sealPack } from '../src/cli/seal-pack.js';

const folder = process.argv[2];
if (!folder) {
  console.error('usage: npx tsx tools/seal-pack.ts FOLDER');
  process.exit(2);
}
console.log(`${folder}/manifest.json: ${await sealPack(folder)} files sealed`);
