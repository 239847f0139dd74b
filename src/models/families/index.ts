import type { AppearanceBasis } from '../../geometry/appearance.js';
import type { MotionVector } from '../../geometry/motion-vector.js';
import { checkOption } from '../../protocol/check-options.js';
import { checkBackground } from '../check-options.js';
import type { DecoderOptions, FaceDecoder } from '../decoder.js';
import type { OpenSession } from '../inference.js';
import { checkPack, type Pack, PackError } from '../pack.js';
import { type CreateFamily, networkFamily } from './network-family.js';
import { createPortraitDecoder } from './portrait.js';
import { PUBLISHED_FAMILIES } from './published.js';
import { createWarpDecoder } from './warp.js';

/** By their name in a pack's manifest. */
const FAMILIES: Readonly<Record<string, CreateFamily>> = {
  ...PUBLISHED_FAMILIES,
  portrait: networkFamily('portrait', ['encoder', 'generator'], createPortraitDecoder),
  warp: createWarpDecoder,
};

/**
 * A decoder of the pack's family. `open` opens its networks, where the family has any (in Node
 * `createDecoder` of `visavis/node` brings its own); without it the picture is what the motion alone
 * says of the warped references. PackError where this version does not know the family or the pack
 * lacks a network of it, a TypeError that names a bad option.
 */
export function createDecoder(
  pack: Pack,
  open?: OpenSession,
  options?: DecoderOptions,
): FaceDecoder {
  checkPack(pack);
  const { manifest, networks, appearance, vector } = pack;
  const { family, size } = manifest;
  return createFamilyDecoder(family, networks, open, appearance, options, size, vector);
}

/** A decoder of a family by its name, as `createDecoder`; `size` is the manifest's. */
export function createFamilyDecoder(
  family: string,
  networks: Pack['networks'] = {},
  open?: OpenSession,
  appearance?: AppearanceBasis,
  options: DecoderOptions = {},
  size?: number,
  vector?: MotionVector,
): FaceDecoder {
  const create = familyOf(family);
  const { networkBudget, memoryBudget, background } = options;
  const fits = networkBudget === undefined || (networkBudget > 0 && networkBudget <= 1);
  checkOption(fits, 'networkBudget', 'above 0 and at most 1', networkBudget);
  const enough = memoryBudget === undefined || memoryBudget > 0;
  checkOption(enough, 'memoryBudget', 'a number of bytes above 0', memoryBudget);
  if (background !== undefined) checkBackground('background', background);
  return create(networks, open, appearance, options, size, vector);
}

/** Throws a PackError where this version does not know the pack's family. */
export function checkFamily({ manifest }: Pack): void {
  familyOf(manifest.family);
}

function familyOf(family: string): CreateFamily {
  if (Object.hasOwn(FAMILIES, family)) return FAMILIES[family];
  throw new PackError(
    `the pack's decoder family is ${family}; this version knows ${Object.keys(FAMILIES).join(', ')}: update visavis`,
  );
}
