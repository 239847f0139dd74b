import type { FaceDecoder } from '../decoder.js';
import { checkPack, type Pack, PackError } from '../pack.js';
import { createWarpDecoder } from './warp.js';

const FAMILIES: Readonly<Record<string, () => FaceDecoder>> = {
  warp: createWarpDecoder,
};

/** A decoder of the pack's family; PackError where this version does not know it. */
export function createDecoder(pack: Pack): FaceDecoder {
  checkPack(pack);
  return createFamilyDecoder(pack.manifest.family);
}

/** A decoder of a family by its name; PackError where this version does not know it. */
export function createFamilyDecoder(family: string): FaceDecoder {
  const create = Object.hasOwn(FAMILIES, family) ? FAMILIES[family] : undefined;
  if (!create) {
    throw new PackError(
      `the pack's decoder family is ${family}; this version knows ${Object.keys(FAMILIES).join(', ')}: update visavis`,
    );
  }
  return create();
}
