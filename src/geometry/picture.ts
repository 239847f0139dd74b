/**
 * An RGBA picture: 8 bits a channel, rows top to bottom without padding, structurally an
 * `ImageData`. Alpha is carried but means nothing to the codec (written as 255).
 */
export interface Picture {
  /** Pixels across. */
  readonly width: number;
  /** Pixels down. */
  readonly height: number;
  /** `width × height × 4` bytes, R G B A. */
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

/** A picture of `width × height` transparent black pixels. */
export function createPicture(width: number, height: number): Picture {
  return { width, height, data: new Uint8ClampedArray(width * height * 4) };
}
