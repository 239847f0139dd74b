import { createPicture, type Picture } from '../../geometry/picture.js';
import { COEFFICIENTS } from '../../geometry/warp-map.js';
import type { FaceWarp } from './face-warp.js';

/** Weights below this cannot be seen. */
export const LEAST_WEIGHT = 0.004;
const OPAQUE = 0xff000000;

/**
 * Makes a picture of `size × size` of `count` warped references by their shares alone. `warp` is of that
 * size and laid out for the frame.
 */
export function blendReferences(warp: FaceWarp, count: number, size: number): Picture {
  const picture = createPicture(size, size);
  const out = new Uint32Array(picture.data.buffer);
  const { ids } = warp.map;
  const used = new Uint8Array(count);
  const weights = new Float64Array(count);
  for (let row = 0, i = 0; row < size; row++) {
    const y = row + 0.5;
    for (let column = 0; column < size; ) {
      const id = ids[i];
      const end = runEnd(ids, i, column, size);
      const plain = warp.isPlain(id);
      const m = warp.map.triangle(plain ? id : 0);
      const active = plain ? shownBy(m, column, end, y, used) : allOf(used);
      if (plain && active === 1) {
        const k = used[0];
        const c = COEFFICIENTS * k;
        const u = m[c + 1] * y + m[c + 2];
        const v = m[c + 4] * y + m[c + 5];
        for (; column < end; column++, i++) {
          const x = column + 0.5;
          out[i] = OPAQUE | warp.colour(k, m[c] * x + u, m[c + 3] * x + v);
        }
        continue;
      }
      for (; column < end; column++, i++) {
        const x = column + 0.5;
        let total = 0;
        for (let a = 0; a < active; a++) {
          const c = COEFFICIENTS * used[a] + 6;
          weights[a] = plain
            ? Math.max(m[c] * x + m[c + 1] * y + m[c + 2], 0)
            : warp.share(used[a], x, y, i);
          total += weights[a];
        }
        let red = 0;
        let green = 0;
        let blue = 0;
        let sum = 1e-9;
        for (let a = 0; a < active; a++) {
          const weight = weights[a];
          if (weight < LEAST_WEIGHT * total) continue;
          const k = used[a];
          let u: number;
          let v: number;
          if (plain) {
            const c = COEFFICIENTS * k;
            u = m[c] * x + m[c + 1] * y + m[c + 2];
            v = m[c + 3] * x + m[c + 4] * y + m[c + 5];
          } else {
            warp.locate(k, x, y, i);
            u = warp.at.x;
            v = warp.at.y;
          }
          const colour = warp.colour(k, u, v);
          red += weight * (colour & 255);
          green += weight * ((colour >>> 8) & 255);
          blue += weight * ((colour >>> 16) & 255);
          sum += weight;
        }
        const r = red / sum + 0.5;
        const g = green / sum + 0.5;
        out[i] = OPAQUE | ((blue / sum + 0.5) << 16) | (g << 8) | r;
      }
    }
  }
  return picture;
}

/** The column before which the triangle of pixel `i`, in this column, ends. */
export function runEnd(ids: Uint16Array, i: number, column: number, size: number): number {
  const id = ids[i];
  let end = column + 1;
  while (end < size && ids[i + end - column] === id) end++;
  return end;
}

/** Writes which references show in a run of a triangle's pixels, and gives their number. */
export function shownBy(
  m: Float32Array,
  column: number,
  end: number,
  y: number,
  used: Uint8Array,
): number {
  let active = 0;
  // Shares are linear along the row: what shows, shows at one of the ends.
  for (let k = 0, c = 6; k < used.length; k++, c += COEFFICIENTS) {
    const at = m[c + 1] * y + m[c + 2];
    if (at + m[c] * (column + 0.5) > 0 || at + m[c] * (end - 0.5) > 0) used[active++] = k;
  }
  return active;
}

/** Writes that all show, and gives their number. */
export function allOf(used: Uint8Array): number {
  for (let k = 0; k < used.length; k++) used[k] = k;
  return used.length;
}
