import { resampleSquare, whole } from '../geometry/resample.js';
import { encodeCompactIdentity } from '../models/compact-identity.js';
import { createFrameModel } from '../models/frame-model.js';
import { checkPack, type Pack } from '../models/pack.js';
import type { PictureCodec } from '../models/picture-codec.js';
import { checkMethods } from '../protocol/check-options.js';
import { encodeIdentity, parseIdentity } from '../protocol/identity.js';
import { MAX_REFERENCE_SIDE } from '../protocol/limits.js';
import { codeReferenceGeometry } from './reference-geometry.js';

/** Bytes of the picture that are enough: at 256 × 256 some 35 dB from the reference it stands for. */
const ENOUGH_BYTES = 2_000;
/** Pixels across and WebP quality, the best first; the last one is taken however long it is. */
const CHOICES = [
  [256, 45],
  [256, 30],
  [256, 20],
  [192, 20],
  [128, 20],
] as const;

/**
 * The same identity (bytes of `encodeIdentity`) with the geometry of its references as pictures during the call
 * code it, so that what the sender compares with is what arrives. Throws a TypeError that names a bad option.
 */
export function codedIdentity(identity: Uint8Array, pack: Pack): Uint8Array {
  checkPack(pack);
  const parsed = identity instanceof Uint8Array ? parseIdentity(identity) : undefined;
  if (!parsed?.ok) throw new TypeError('identity: must be bytes of encodeIdentity');
  const model = createFrameModel(pack, parsed.value.neutral);
  const references = parsed.value.references.map(({ picture, landmarks }) => ({
    picture,
    landmarks: codeReferenceGeometry(model, landmarks).landmarks,
  }));
  return encodeIdentity({ ...parsed.value, references });
}

export interface CoarseIdentityOptions {
  /** Bytes of `encodeIdentity`. */
  readonly identity: Uint8Array;
  /** The pack of the call. */
  readonly pack: Pack;
  readonly codec: PictureCodec;
}

/**
 * A small identity of the same person, about 3.5 kB, to be sent first (`SenderSessionOptions.coarse`): the
 * neutral geometry unchanged, and the first reference at a low quality. Throws a TypeError that names a bad
 * option; rejects where the picture cannot be read.
 */
export async function coarseIdentity({
  identity,
  pack,
  codec,
}: CoarseIdentityOptions): Promise<Uint8Array> {
  checkPack(pack);
  checkMethods('codec', codec, 'encode', 'decode');
  const parsed = identity instanceof Uint8Array ? parseIdentity(identity) : undefined;
  if (!parsed?.ok) throw new TypeError('identity: must be bytes of encodeIdentity');
  const [first] = parsed.value.references;
  const picture = await codec.decode(first.picture, MAX_REFERENCE_SIDE);
  let coded = first.picture;
  for (const [side, quality] of CHOICES) {
    const small = picture.width === side ? picture : resampleSquare(picture, whole(picture), side);
    coded = await codec.encode(small, quality);
    if (coded.length <= ENOUGH_BYTES) break;
  }
  return encodeCompactIdentity(parsed.value, coded, pack);
}
