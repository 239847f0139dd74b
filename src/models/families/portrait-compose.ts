import { createPicture, type Picture } from '../../geometry/picture.js';
import { COEFFICIENTS } from '../../geometry/warp-map.js';
import type { FaceWarp } from './face-warp.js';
import { NETWORK_SIZE } from './portrait-inputs.js';

/** Points across the network's flow and blend. */
export const GRID_SIZE = 64;

/** What the network says of a frame, channel planes in row-major order. */
export interface PortraitOutputs {
  /** K × 2 × 64 × 64: how far beside to look in the reference, x then y, in pixels of 256. */
  readonly flow: Float32Array;
  /** K × 64 × 64: how much of the warp's motion to take back, -1 to 1: at 1 the reference rests. */
  readonly hold: Float32Array;
  /** K × 64 × 64: factor on each reference's share, above 0. */
  readonly blend: Float32Array;
  /** 4 × 256 × 256: R, G, B to add (1 is full scale), then how much of the references to drop, 0–1. */
  readonly paint: Float32Array;
}

/** Weights below this cannot be seen. */
const LEAST_WEIGHT = 0.004;
/** Planes of a grid row: flow x, flow y, hold, blend. */
const GRID_PLANES = 4;
/** R, G, B, and how much of the references to drop. */
const PAINT_CHANNELS = 4;

/**
 * Makes a picture of `size × size` of `count` warped references as the network says; the same
 * outputs serve every size, and the references keep their own detail. `warp` is of that size and
 * laid out for the frame.
 */
export function composePortrait(
  warp: FaceWarp,
  count: number,
  size: number,
  { flow, hold, blend, paint }: PortraitOutputs,
): Picture {
  const picture = createPicture(size, size);
  const { data } = picture;
  const grid = new Float32Array(GRID_PLANES * count * GRID_SIZE);
  const weights = new Float64Array(count);
  const { ids } = warp.map;
  // Of the triangle that the row is in: whether its maps say all, they, and the references it shows.
  let plain = false;
  let m = warp.map.triangle(0);
  const used = new Uint8Array(count);
  let active = 0;
  const line = new Float32Array(PAINT_CHANNELS * NETWORK_SIZE);
  const scale = size / NETWORK_SIZE;
  const perGrid = GRID_SIZE / size;
  for (let row = 0, i = 0; row < size; row++) {
    const y = row + 0.5;
    gridRow(grid, count, y * perGrid - 0.5, scale, flow, hold, blend);
    paintRow(line, clamped(y / scale - 0.5, NETWORK_SIZE - 1), paint);
    let end = 0;
    for (let column = 0; column < size; column++, i++) {
      const x = column + 0.5;
      if (column === end) {
        const id = ids[i];
        plain = warp.isPlain(id);
        do end++;
        while (end < size && ids[i + end - column] === id);
        active = 0;
        if (plain) m = warp.map.triangle(id);
        for (let k = 0, c = 6; k < count; k++, c += COEFFICIENTS) {
          const at = m[c + 1] * y + m[c + 2];
          const shows = at + m[c] * x > 0 || at + m[c] * (end - 0.5) > 0;
          if (!plain || shows) used[active++] = k;
        }
      }
      const gx = clamped(x * perGrid - 0.5, GRID_SIZE - 1);
      const g = gx | 0;
      const part = gx - g;
      const next = g < GRID_SIZE - 1 ? 1 : 0;
      let total = 0;
      for (let a = 0; a < active; a++) {
        const k = used[a];
        const at = (GRID_PLANES * k + 3) * GRID_SIZE + g;
        const c = COEFFICIENTS * k + 6;
        const share = plain
          ? clamped(m[c] * x + m[c + 1] * y + m[c + 2], 1)
          : warp.share(k, x, y, i);
        const factor = grid[at] + part * (grid[at + next] - grid[at]);
        weights[a] = share * factor;
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
        const at = GRID_PLANES * k * GRID_SIZE + g;
        const below = at + GRID_SIZE;
        const rest = below + GRID_SIZE;
        const held = grid[rest] + part * (grid[rest + next] - grid[rest]);
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
        const colour = warp.colour(
          k,
          u + held * (x - u) + grid[at] + part * (grid[at + next] - grid[at]),
          v + held * (y - v) + grid[below] + part * (grid[below + next] - grid[below]),
        );
        red += weight * (colour & 255);
        green += weight * ((colour >>> 8) & 255);
        blue += weight * ((colour >>> 16) & 255);
        sum += weight;
      }
      const px = clamped(x / scale - 0.5, NETWORK_SIZE - 1);
      const p = PAINT_CHANNELS * (px | 0);
      const q = px < NETWORK_SIZE - 1 ? p + PAINT_CHANNELS : p;
      const across = px - (px | 0);
      const drop = line[p + 3] + across * (line[q + 3] - line[p + 3]);
      const keep = (1 - drop) / sum;
      const out = 4 * i;
      data[out] = red * keep + line[p] + across * (line[q] - line[p]);
      data[out + 1] = green * keep + line[p + 1] + across * (line[q + 1] - line[p + 1]);
      data[out + 2] = blue * keep + line[p + 2] + across * (line[q + 2] - line[p + 2]);
      data[out + 3] = 255;
    }
  }
  return picture;
}

/** The grid's values at row `y` (grid points at whole numbers); flow in pixels of the picture. */
function gridRow(
  out: Float32Array,
  count: number,
  y: number,
  scale: number,
  flow: Float32Array,
  hold: Float32Array,
  blend: Float32Array,
): void {
  const top = clamped(y, GRID_SIZE - 1);
  const row = (top | 0) * GRID_SIZE;
  const part = top - (top | 0);
  const below = top < GRID_SIZE - 1 ? GRID_SIZE : 0;
  const points = GRID_SIZE * GRID_SIZE;
  for (let k = 0; k < count; k++) {
    for (let plane = 0; plane < GRID_PLANES; plane++) {
      const isFlow = plane < 2;
      const from = isFlow ? flow : plane === 2 ? hold : blend;
      const base = (isFlow ? 2 * k + plane : k) * points + row;
      const unit = isFlow ? scale : 1;
      const to = (GRID_PLANES * k + plane) * GRID_SIZE;
      for (let i = 0; i < GRID_SIZE; i++) {
        const at = base + i;
        out[to + i] = unit * (from[at] + part * (from[at + below] - from[at]));
      }
    }
  }
}

const clamped = (value: number, limit: number): number => Math.min(Math.max(value, 0), limit);

/** The paint at row `y` (rows at whole numbers), pixel by pixel; colours as 0–255. */
function paintRow(out: Float32Array, y: number, paint: Float32Array): void {
  const row = (y | 0) * NETWORK_SIZE;
  const part = y - (y | 0);
  const below = y < NETWORK_SIZE - 1 ? NETWORK_SIZE : 0;
  for (let channel = 0; channel < PAINT_CHANNELS; channel++) {
    const unit = channel < 3 ? 255 : 1;
    const base = channel * NETWORK_SIZE * NETWORK_SIZE + row;
    for (let i = 0; i < NETWORK_SIZE; i++) {
      const at = base + i;
      const value = paint[at] + part * (paint[at + below] - paint[at]);
      out[PAINT_CHANNELS * i + channel] = unit * value;
    }
  }
}
