import type { FaceDecoder } from '../decoder.js';
import { createContourDecoder } from './contour-decoder.js';
import type { FamilyNetworks } from './network-family.js';

/**
 * The `fsth` family (Zakharov et al. 2019): the encoder is the embedder with its projection P, whose one code
 * `adaptive` (1 × A, the AdaIN parameters P ê) is linear in the embedding, so that its mean over the references is
 * equation 1's; the generator takes the contours of 68 points. A fine-tuned person's generator (FT) comes
 * as a personal pack.
 */
export const createFsthDecoder = (networks: FamilyNetworks<'encoder' | 'generator'>): FaceDecoder =>
  createContourDecoder('fsth', networks);
