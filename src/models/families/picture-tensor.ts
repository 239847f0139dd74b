import { createPicture, type Picture } from '../../geometry/picture.js';
import { resampleSquare, whole } from '../../geometry/resample.js';
import type { Tensor } from '../inference.js';

/** Square pictures of one size as K × 3 × S × S, R, G, B planes of 0–1. */
export function pictureTensor(pictures: readonly Picture[]): Tensor {
  const { width } = pictures[0];
  const plane = width * width;
  const data = new Float32Array(3 * plane * pictures.length);
  for (const [k, picture] of pictures.entries())
    for (let i = 0; i < plane; i++)
      for (let c = 0; c < 3; c++) data[(3 * k + c) * plane + i] = picture.data[4 * i + c] / 255;
  return { data, dims: [pictures.length, 3, width, width] };
}

/** Planes of a network, each value turned into 0–255 by `scale`, as a picture of `size × size`; one plane is R alone. */
export function pictureOf(
  planes: Float32Array,
  side: number,
  size: number,
  scale: (value: number) => number,
): Picture {
  const picture = createPicture(side, side);
  const plane = side * side;
  for (let i = 0; i < planes.length; i++)
    picture.data[4 * (i % plane) + Math.floor(i / plane)] = scale(planes[i]);
  for (let i = 3; i < picture.data.length; i += 4) picture.data[i] = 255;
  return side === size ? picture : resampleSquare(picture, whole(picture), size);
}
