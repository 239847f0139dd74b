import { createPicture, type Picture } from '../../src/geometry/picture.js';

/** How much narrower the other face is. */
const SQUEEZE = 0.86;

/** Another face of a picture's: mirrored, narrower, darker, its hair and what is behind it in other colours. */
export function otherFace({ width, height, data }: Picture): Picture {
  const out = createPicture(width, height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      const across = Math.round(width / 2 - (x - width / 2) / SQUEEZE);
      const from = 4 * (y * width + Math.min(Math.max(across, 0), width - 1));
      const [red, green, blue] = data.subarray(from, from + 3);
      out.data[at] = 0.62 * red;
      out.data[at + 1] = 0.5 * green + 0.05 * red;
      out.data[at + 2] = 0.45 * blue + 20;
      out.data[at + 3] = 255;
    }
  }
  return out;
}
