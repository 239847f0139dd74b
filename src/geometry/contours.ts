import { CROP_UNITS, type Landmarks } from './landmarks.js';
import {
  FACE_OVAL,
  LEFT_BROW,
  LEFT_LIDS,
  LIPS_INNER,
  LIPS_OUTER,
  NOSE_BASE,
  NOSE_BRIDGE,
  RIGHT_BROW,
  RIGHT_LIDS,
} from './regions.js';

const CLOSED = [LIPS_OUTER, LIPS_INNER, RIGHT_LIDS, LEFT_LIDS, FACE_OVAL];
const OPEN = [RIGHT_BROW, LEFT_BROW, NOSE_BRIDGE, NOSE_BASE];

/** The lines of a face, two points each. */
const SEGMENTS: readonly number[] = [
  ...CLOSED.flatMap((ring) => ring.flatMap((point, i) => [point, ring[(i + 1) % ring.length]])),
  ...OPEN.flatMap((line) => line.slice(1).flatMap((point, i) => [line[i], point])),
];

/** Pixels from a line's middle to where it ends. */
const HALF_WIDTH = 1;

/**
 * Draws the contours of a face (lips, lids, brows, nose, oval; crop units) into `plane`, a
 * `size × size` picture of one channel: 1 on a line, falling to 0 one pixel beside it.
 */
export function drawContours(geometry: Landmarks, size: number, plane: Float32Array): void {
  plane.fill(0);
  const scale = size / CROP_UNITS;
  for (let s = 0; s < SEGMENTS.length; s += 2) {
    const a = 3 * SEGMENTS[s];
    const b = 3 * SEGMENTS[s + 1];
    const ax = geometry[a] * scale - 0.5;
    const ay = geometry[a + 1] * scale - 0.5;
    const dx = geometry[b] * scale - 0.5 - ax;
    const dy = geometry[b + 1] * scale - 0.5 - ay;
    const norm = 1 / (dx * dx + dy * dy + 1e-9);
    const left = Math.max(0, Math.ceil(Math.min(ax, ax + dx) - HALF_WIDTH));
    const right = Math.min(size - 1, Math.floor(Math.max(ax, ax + dx) + HALF_WIDTH));
    const top = Math.max(0, Math.ceil(Math.min(ay, ay + dy) - HALF_WIDTH));
    const bottom = Math.min(size - 1, Math.floor(Math.max(ay, ay + dy) + HALF_WIDTH));
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const t = Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) * norm));
        const distance = Math.hypot(x - ax - t * dx, y - ay - t * dy);
        const at = y * size + x;
        plane[at] = Math.max(plane[at], 1 - distance / HALF_WIDTH);
      }
    }
  }
}

/** Draws a disc (centre, then points of its edge; crop units) over `plane` where `within` is set. */
export function drawDisc(
  geometry: Landmarks,
  [centre, ...edge]: readonly number[],
  size: number,
  within: Float32Array,
  plane: Float32Array,
): void {
  const scale = size / CROP_UNITS;
  const cx = geometry[3 * centre] * scale - 0.5;
  const cy = geometry[3 * centre + 1] * scale - 0.5;
  let radius = 0;
  for (const p of edge) {
    const dx = geometry[3 * p] * scale - 0.5 - cx;
    radius += Math.hypot(dx, geometry[3 * p + 1] * scale - 0.5 - cy) / edge.length;
  }
  const reach = radius + 0.5;
  const bottom = Math.min(size - 1, Math.floor(cy + reach));
  const right = Math.min(size - 1, Math.floor(cx + reach));
  for (let y = Math.max(0, Math.ceil(cy - reach)); y <= bottom; y++) {
    for (let x = Math.max(0, Math.ceil(cx - reach)); x <= right; x++) {
      const cover = Math.min(1, Math.max(0, reach - Math.hypot(x - cx, y - cy)));
      const at = y * size + x;
      plane[at] = Math.max(plane[at], cover * within[at]);
    }
  }
}
