import { CROP_UNITS, type Landmarks } from '../geometry/landmarks.js';
import { fitPose } from '../geometry/pose.js';
import type { Square } from '../geometry/resample.js';
import { checkOption } from '../protocol/check-options.js';

/** A square of a source picture, in whole pixels: a crop between pixels would shimmer. */
export type CropSquare = Square;

/** Crop side over the size of the face's landmark box: hair above, shoulders below. */
const SIDE_PER_FACE = 2;
/** The face's centre may leave the crop's by this much of the side before the crop follows. */
const DEAD_ZONE = 0.15;

interface FaceBox {
  readonly x: number;
  readonly y: number;
  readonly size: number;
}

/** Centre and larger side of the box around a face, in the landmarks' unit. */
export function faceBox(landmarks: Landmarks): FaceBox {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let at = 0; at < landmarks.length; at += 3) {
    left = Math.min(left, landmarks[at]);
    right = Math.max(right, landmarks[at]);
    top = Math.min(top, landmarks[at + 1]);
    bottom = Math.max(bottom, landmarks[at + 1]);
  }
  return {
    x: (left + right) / 2,
    y: (top + bottom) / 2,
    size: Math.max(right - left, bottom - top),
  };
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}

/**
 * The square that the codec sees of each picture: as large as the enrolment frames ask for, and
 * still, so that a background at rest stays at rest, until the face is about to leave it.
 */
export class HeadCrop {
  readonly #width: number;
  readonly #height: number;
  readonly #side: number;
  #x: number;
  #y: number;

  /**
   * `faces`: landmarks (pixels) of the enrolment frames, one at least (else a TypeError), of
   * `width × height` pictures. `side`: pixels across, of which no more are taken than the picture has;
   * default twice the faces' median size.
   */
  constructor(faces: readonly Landmarks[], width: number, height: number, side?: number) {
    checkOption(faces.length > 0, 'faces', 'the landmarks of one face at least');
    const boxes = faces.map(faceBox);
    this.#width = width;
    this.#height = height;
    const wanted = side ?? SIDE_PER_FACE * median(boxes.map((box) => box.size));
    this.#side = Math.max(1, Math.min(Math.round(wanted), width, height));
    this.#x = median(boxes.map((box) => box.x));
    this.#y = median(boxes.map((box) => box.y));
  }

  /** The square where it is now. */
  get square(): CropSquare {
    const half = this.#side / 2;
    return {
      x: clamp(Math.round(this.#x - half), 0, this.#width - this.#side),
      y: clamp(Math.round(this.#y - half), 0, this.#height - this.#side),
      side: this.#side,
    };
  }

  /** Follows the face (landmarks in pixels) and gives the square for its picture. */
  follow(landmarks: Landmarks): CropSquare {
    const box = faceBox(landmarks);
    const reach = DEAD_ZONE * this.#side;
    this.#x = clamp(this.#x, box.x - reach, box.x + reach);
    this.#y = clamp(this.#y, box.y - reach, box.y + reach);
    return this.square;
  }
}

/**
 * The crop for an identity that was made earlier, with another camera or at another distance: as
 * large as makes the face the size it has in `neutral` (the identity's, crop units), so that its
 * references fit. `faces`: the first landmarks (pixels) of `width × height` pictures, one at least
 * (else a TypeError); turned heads measure as frontal ones do.
 */
export function resumeCrop(
  faces: readonly Landmarks[],
  neutral: Landmarks,
  width: number,
  height: number,
): HeadCrop {
  const pixelsPerUnit = faces.map((face) => Math.exp(fitPose(neutral, face).logScale));
  return new HeadCrop(faces, width, height, CROP_UNITS * median(pixelsPerUnit));
}

/** Landmarks in pixels of the source picture, as crop units of a square of it. */
export function toCropUnits(landmarks: Landmarks, { x, y, side }: CropSquare): Landmarks {
  const scale = CROP_UNITS / side;
  const offset = [x, y, 0];
  return landmarks.map((value, index) => (value - offset[index % 3]) * scale);
}
