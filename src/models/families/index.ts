import type { AppearanceBasis } from '../../geometry/appearance.js';
import type { FaceDecoder } from '../decoder.js';
import type { OpenSession } from '../inference.js';
import { checkPack, type Pack, PackError } from '../pack.js';
import { createPortraitDecoder } from './portrait.js';
import { createWarpDecoder } from './warp.js';

type Create = (
  network: (role: string) => Uint8Array,
  open: OpenSession,
  appearance: AppearanceBasis | undefined,
) => FaceDecoder;

const FAMILIES: Readonly<Record<string, Create>> = {
  portrait: (network, open, appearance) =>
    createPortraitDecoder(
      { encoder: network('encoder'), generator: network('generator') },
      open,
      appearance,
    ),
  warp: createWarpDecoder,
};

/**
 * A decoder of the pack's family. `open` opens its networks, where the family has any (in Node
 * `createDecoder` of `visavis/node` brings its own). PackError where this version does not know the
 * family, or the pack or the platform lacks a network.
 */
export function createDecoder(pack: Pack, open?: OpenSession): FaceDecoder {
  checkPack(pack);
  return createFamilyDecoder(pack.manifest.family, pack.networks, open, pack.appearance);
}

/** A decoder of a family by its name, as `createDecoder`. */
export function createFamilyDecoder(
  family: string,
  networks: Pack['networks'] = {},
  open: OpenSession = noNetworks,
  appearance?: AppearanceBasis,
): FaceDecoder {
  const create = Object.hasOwn(FAMILIES, family) ? FAMILIES[family] : undefined;
  if (!create) {
    throw new PackError(
      `the pack's decoder family is ${family}; this version knows ${Object.keys(FAMILIES).join(', ')}: update visavis`,
    );
  }
  const network = (role: string) => {
    if (Object.hasOwn(networks, role)) return networks[role];
    throw new PackError(`the pack has no network "${role}", which the family ${family} needs`);
  };
  return create(network, open, appearance);
}

const noNetworks: OpenSession = async () => {
  throw new PackError('no networks can be run here yet: use the pack warp');
};
