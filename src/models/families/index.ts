import type { FaceDecoder } from '../decoder.js';
import { type Pack, PackError } from '../pack.js';
import { createWarpDecoder } from './warp.js';

const FAMILIES: Readonly<Record<string, () => FaceDecoder>> = {
  warp: createWarpDecoder,
};

/** A decoder of the pack's family; PackError where this version does not know it. */
export function createDecoder(pack: Pack): FaceDecoder {
  const create = FAMILIES[pack.manifest.family];
  if (!create) {
    throw new PackError(
      `pack ${pack.identity.name} is of the family ${pack.manifest.family}; this version knows ${Object.keys(FAMILIES).join(', ')}: update visavis`,
    );
  }
  return create();
}
