import type { FaceDecoder } from '../decoder.js';
import { createContourDecoder } from './contour-decoder.js';
import type { FamilyNetworks } from './network-family.js';

/**
 * The `lsr` family, learned spatial representations (Meshry et al. 2021): the encoder says the codes `layout` and
 * `style` (1 × C each), whose means over the references are the person (equations 1 and 3); the generator lays
 * out the frame from contours and `layout` and paints it with `style`. Gaze, surround points and appearance
 * of the motion are not seen.
 */
export const createLsrDecoder = (networks: FamilyNetworks<'encoder' | 'generator'>): FaceDecoder =>
  createContourDecoder('lsr', networks);
