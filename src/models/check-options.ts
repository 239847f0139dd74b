import { fitsGeometry } from '../geometry/appearance.js';
import { type Landmarks, POINT_COUNT } from '../geometry/landmarks.js';
import type { Picture } from '../geometry/picture.js';
import { SURROUNDED_NUMBERS } from '../geometry/surround.js';
import { checkOption } from '../protocol/check-options.js';
import type { DecoderIdentity, DecoderOptions, DecoderReference } from './decoder.js';

const NUMBERS = 3 * POINT_COUNT;

/** 478 × 3 numbers; whether they are finite is not looked at. */
export function checkLandmarks(path: string, landmarks: Landmarks): void {
  checkOption(landmarks?.length === NUMBERS, path, `${NUMBERS} numbers`);
}

/** Points of a face alone, with surround points, or with these and appearance numbers. */
export function checkGeometry(path: string, geometry: Landmarks): void {
  const fits = geometry !== undefined && fitsGeometry(geometry.length);
  checkOption(
    fits,
    path,
    `${NUMBERS} numbers, or ${SURROUNDED_NUMBERS} and more with surround points`,
  );
}

/** RGBA pixels, as many as width and height say. */
export function checkPicture(path: string, picture: Picture): void {
  const { width = 0, height = 0, data } = picture ?? {};
  const sides = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0;
  const holds = sides && data?.length === width * height * 4;
  checkOption(holds, path, 'a picture: width × height × 4 bytes of data');
}

/** One reference at least, each of the identity's size and with its geometry; gives them. */
export function checkIdentity({ size, references }: DecoderIdentity): readonly DecoderReference[] {
  checkOption(references?.length > 0, 'identity.references', 'one at least');
  references.forEach(({ picture, landmarks }, i) => {
    checkGeometry(`identity.references[${i}].landmarks`, landmarks);
    checkPicture(`identity.references[${i}].picture`, picture);
    const fits = picture.width === size && picture.height === size;
    checkOption(fits, `identity.references[${i}].picture`, `${size}×${size}`);
  });
  return references;
}

/** What a decoder may show behind the person. */
export function checkBackground(
  path: string,
  background: NonNullable<DecoderOptions['background']>,
): void {
  if (background === 'keep' || background === 'blur') return;
  checkOption(
    typeof background === 'object' && background !== null,
    path,
    "'keep', 'blur' or a picture",
    background,
  );
  checkPicture(path, background as Picture);
}
