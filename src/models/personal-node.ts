import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Pack, PackError } from './pack.js';
import { personalPack } from './personal.js';

/** What a personal pack's folder says of itself. */
export interface PersonalManifest {
  readonly format: 1;
  /** The pack that it is made of. */
  readonly base: { readonly name: string; readonly sha256: string };
}

/** A personal pack is a folder of two files; the second is what the identity transfer carries. */
export const PERSONAL_FILE = 'personal.json';
const DIFFERENCES_FILE = 'personal.bin';

/** The manifest in a personal pack's folder, undefined where there is none; PackError: a damaged one. */
export async function readPersonalManifest(folder: string): Promise<PersonalManifest | undefined> {
  const bytes = await readFile(join(folder, PERSONAL_FILE)).catch(() => undefined);
  if (!bytes) return undefined;
  const manifest = parse(bytes.toString());
  const { name, sha256 } = manifest?.base ?? {};
  const texts = typeof name === 'string' && typeof sha256 === 'string';
  if (manifest?.format === 1 && texts) return { format: 1, base: { name, sha256 } };
  throw new PackError(
    `personal pack ${folder}: ${PERSONAL_FILE} is not of format 1: make it anew with npx visavis personalise`,
  );
}

function parse(text: string): Partial<PersonalManifest> | null | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Opens a personal pack of this base. Rejects with a PackError. */
export async function openPersonalPack(folder: string, base: Pack): Promise<Pack> {
  const manifest = await readPersonalManifest(folder);
  if (!manifest) {
    throw new PackError(
      `no personal pack in ${folder}: give a folder that npx visavis personalise made`,
    );
  }
  if (manifest.base.sha256 !== base.identity.sha256) {
    throw new PackError(
      `personal pack ${folder}: it is of ${manifest.base.name} (sha256 ${manifest.base.sha256}), not of ${base.identity.name} (sha256 ${base.identity.sha256}): give --pack that one, or make it anew`,
    );
  }
  const differences = await readFile(join(folder, DIFFERENCES_FILE)).catch((error: Error) => {
    throw new PackError(
      `personal pack ${folder}: ${DIFFERENCES_FILE} cannot be read (${error.message})`,
    );
  });
  return personalPack(base, Uint8Array.from(differences));
}

/** Writes the two files of a personal pack of this base into a folder that is there. */
export async function writePersonalPack(
  folder: string,
  base: Pack,
  differences: Uint8Array,
): Promise<void> {
  const manifest: PersonalManifest = { format: 1, base: base.identity };
  await writeFile(join(folder, DIFFERENCES_FILE), differences);
  await writeFile(join(folder, PERSONAL_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
}
