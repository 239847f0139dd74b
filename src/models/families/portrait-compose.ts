import { createPicture, type Picture } from '../../geometry/picture.js';
import { COEFFICIENTS } from '../../geometry/warp-map.js';
import type { FaceWarp } from './face-warp.js';
import { NETWORK_SIZE } from './portrait-inputs.js';
import { allOf, LEAST_WEIGHT, runEnd, shownBy } from './reference-blend.js';

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

/** Planes of a grid row: flow x, flow y, hold, blend. */
const GRID_PLANES = 4;
/** R, G, B, and how much of the references to drop: where each begins in a row of the paint. */
const PAINT_CHANNELS = 4;
const GREEN = NETWORK_SIZE;
const BLUE = 2 * NETWORK_SIZE;
const DROP = 3 * NETWORK_SIZE;

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
  const used = new Uint8Array(count);
  const { ids } = warp.map;
  const lines = new Float32Array(PAINT_CHANNELS * NETWORK_SIZE);
  const scale = size / NETWORK_SIZE;
  const onGrid = between(size, GRID_SIZE);
  const onPaint = between(size, NETWORK_SIZE);
  for (let row = 0, i = 0; row < size; row++) {
    const y = row + 0.5;
    gridRow(grid, count, onGrid.first[row] + onGrid.part[row], scale, flow, hold, blend);
    paintRow(lines, onPaint.first[row], onPaint.part[row], paint);
    for (let column = 0; column < size; ) {
      const id = ids[i];
      const end = runEnd(ids, i, column, size);
      const plain = warp.isPlain(id);
      const m = warp.map.triangle(plain ? id : 0);
      const active = plain ? shownBy(m, column, end, y, used) : allOf(used);
      for (; column < end; column++, i++) {
        const x = column + 0.5;
        const g = onGrid.first[column];
        const part = onGrid.part[column];
        const next = onGrid.step[column];
        let total = 1;
        if (active === 1) weights[0] = 1;
        else {
          total = 0;
          for (let a = 0; a < active; a++) {
            const k = used[a];
            const at = (GRID_PLANES * k + 3) * GRID_SIZE + g;
            const c = COEFFICIENTS * k + 6;
            const share = plain
              ? Math.max(m[c] * x + m[c + 1] * y + m[c + 2], 0)
              : warp.share(k, x, y, i);
            weights[a] = share * (grid[at] + part * (grid[at + next] - grid[at]));
            total += weights[a];
          }
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
        const p = onPaint.first[column];
        const q = p + onPaint.step[column];
        const across = onPaint.part[column];
        const drop = lines[DROP + p] + across * (lines[DROP + q] - lines[DROP + p]);
        const keep = (1 - drop) / sum;
        const out = 4 * i;
        data[out] = red * keep + 255 * (lines[p] + across * (lines[q] - lines[p]));
        data[out + 1] =
          green * keep + 255 * (lines[GREEN + p] + across * (lines[GREEN + q] - lines[GREEN + p]));
        data[out + 2] =
          blue * keep + 255 * (lines[BLUE + p] + across * (lines[BLUE + q] - lines[BLUE + p]));
        data[out + 3] = 255;
      }
    }
  }
  return picture;
}

/** Where pixels lie between points: the point before, the step to the next, the part of the way. */
function between(size: number, points: number) {
  const first = new Uint16Array(size);
  const step = new Uint8Array(size);
  const part = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    const at = clamped(((i + 0.5) * points) / size - 0.5, points - 1);
    first[i] = at;
    step[i] = at < points - 1 ? 1 : 0;
    part[i] = at - first[i];
  }
  return { first, step, part };
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
  const width = GRID_SIZE;
  const points = width * width;
  for (let k = 0; k < count; k++) {
    for (let plane = 0; plane < GRID_PLANES; plane++) {
      const isFlow = plane < 2;
      const from = isFlow ? flow : plane === 2 ? hold : blend;
      const base = (isFlow ? 2 * k + plane : k) * points + row;
      const unit = isFlow ? scale : 1;
      const to = (GRID_PLANES * k + plane) * GRID_SIZE;
      for (let i = 0; i < width; i++) {
        const at = base + i;
        out[to + i] = unit * (from[at] + part * (from[at + below] - from[at]));
      }
    }
  }
}

const clamped = (value: number, limit: number): number => Math.min(Math.max(value, 0), limit);

/** The paint at `part` of the way from a row to the next. */
function paintRow(out: Float32Array, row: number, part: number, paint: Float32Array): void {
  const width = NETWORK_SIZE;
  const below = part > 0 ? width : 0;
  for (let channel = 0; channel < PAINT_CHANNELS; channel++) {
    const to = channel * width;
    const base = (to + row) * width;
    for (let i = 0; i < width; i++) {
      const at = base + i;
      out[to + i] = paint[at] + part * (paint[at + below] - paint[at]);
    }
  }
}
