import type { AppearanceBasis } from '../../geometry/appearance.js';
import type { MotionVector } from '../../geometry/motion-vector.js';
import type { DecoderOptions, FaceDecoder } from '../decoder.js';
import type { OpenSession } from '../inference.js';
import { type Pack, PackError } from '../pack.js';
import { createPortraitDecoder } from './portrait.js';

/**
 * Makes a decoder of a family from a pack's networks, what opens them, its appearance basis, its `size` and its motion
 * vector.
 */
export type CreateFamily = (
  networks: Pack['networks'],
  open: OpenSession | undefined,
  appearance: AppearanceBasis | undefined,
  options: DecoderOptions,
  size: number | undefined,
  vector?: MotionVector,
) => FaceDecoder;

/** The networks that a family needs, by their role, and what opens them. */
export type FamilyNetworks<Role extends string> = Readonly<Record<Role, Uint8Array>> & {
  readonly open: OpenSession;
  /** Pixels across that the pack's networks work at, where it says so. */
  readonly size?: number | undefined;
};

/** The `size` of a pack whose family needs one; a PackError where its manifest has none. */
export function packSize(family: string, size: number | undefined): number {
  if (size === undefined)
    throw new PackError(`the pack's manifest has no "size", which the family ${family} needs`);
  return size;
}

/**
 * A family whose picture comes from networks: `create` is given those of `roles`, a PackError names one that
 * the pack lacks. Where nothing opens networks, the warped references are shown as the motion alone says.
 */
export function networkFamily<Role extends string>(
  family: string,
  roles: readonly Role[],
  create: (
    networks: FamilyNetworks<Role>,
    appearance: AppearanceBasis | undefined,
    options: DecoderOptions,
  ) => FaceDecoder,
): CreateFamily {
  return (networks, open, appearance, options, size) => {
    if (!open) return createPortraitDecoder(undefined, appearance, options);
    const missing = roles.find((role) => !Object.hasOwn(networks, role));
    if (missing !== undefined) {
      throw new PackError(`the pack has no network "${missing}", which the family ${family} needs`);
    }
    return create({ ...networks, open, size } as FamilyNetworks<Role>, appearance, options);
  };
}
