import { CROP_UNITS, type Landmarks } from '../../geometry/landmarks.js';
import { depthInside, gapOf, type Ring, ringOf } from '../../geometry/ring.js';
import { smoothstep } from '../../geometry/smoothstep.js';

/** One eye of a frame: moves what the references show inside the lids as an eyeball would. */
export interface Eye {
  /** Lays out a frame (crop units). */
  update(geometry: Landmarks): void;
  /**
   * Where in reference `k` the pixel at `x`, `y` comes from, given where the lids' mesh would take
   * it; the result is in `at`, pixels.
   */
  source(k: number, x: number, y: number, meshX: number, meshY: number): void;
  readonly at: { x: number; y: number };
}

interface EyeView {
  readonly ring: Ring;
  readonly gap: number;
  readonly irisX: number;
  readonly irisY: number;
  readonly irisRadius: number;
}

/** Pixels at 256 over which the lids' edge passes into the eyeball. */
const LID_EDGE = 1.2;
/** Lids that open wider than the reference's by this factor stretch the eye instead. */
const WIDEST = 1.3;

function viewOf(
  geometry: Landmarks,
  lids: readonly number[],
  iris: readonly number[],
  size: number,
): EyeView {
  const scale = size / CROP_UNITS;
  const ring = ringOf(geometry, lids, size);
  const [centre, ...edge] = iris;
  const irisX = geometry[3 * centre] * scale;
  const irisY = geometry[3 * centre + 1] * scale;
  let irisRadius = 0;
  for (const p of edge) {
    irisRadius +=
      Math.hypot(geometry[3 * p] * scale - irisX, geometry[3 * p + 1] * scale - irisY) /
      edge.length;
  }
  return { ring, gap: gapOf(ring), irisX, irisY, irisRadius };
}

/** An eye between `lids` (a ring from the outer corner) with `iris` (centre, then edge). */
export function createEye(
  references: readonly Landmarks[],
  lids: readonly number[],
  iris: readonly number[],
  size: number,
): Eye {
  const sources = references.map((reference) => viewOf(reference, lids, iris, size));
  const inner = lids.length;
  const maps = sources.map(() => ({ a: 1, b: 0, tx: 0, ty: 0, shiftX: 0, shiftY: 0, stretch: 0 }));
  const edge = (LID_EDGE * size) / CROP_UNITS;
  const at = { x: 0, y: 0 };
  let view = sources[0];

  function update(geometry: Landmarks): void {
    view = viewOf(geometry, lids, iris, size);
    const dx = view.ring[inner] - view.ring[0];
    const dy = view.ring[inner + 1] - view.ring[1];
    const norm = dx * dx + dy * dy + 1e-6;
    sources.forEach(({ ring, gap, irisX, irisY }, k) => {
      const ex = ring[inner] - ring[0];
      const ey = ring[inner + 1] - ring[1];
      const a = (dx * ex + dy * ey) / norm;
      const b = (dx * ey - dy * ex) / norm;
      const tx = ring[0] - a * view.ring[0] + b * view.ring[1];
      const ty = ring[1] - b * view.ring[0] - a * view.ring[1];
      const scale = Math.hypot(a, b);
      const stretch = smoothstep(1, WIDEST, (view.gap * scale) / (gap + 1e-3));
      let shiftX = irisX - (a * view.irisX - b * view.irisY + tx);
      let shiftY = irisY - (b * view.irisX + a * view.irisY + ty);
      // Stretched lids carry the iris up and down; only the sideways part is left to move.
      const along = (shiftX * ex + shiftY * ey) / (ex * ex + ey * ey + 1e-6);
      shiftX += stretch * (along * ex - shiftX);
      shiftY += stretch * (along * ey - shiftY);
      Object.assign(maps[k], { a, b, tx, ty, shiftX, shiftY, stretch });
    });
  }

  function source(k: number, x: number, y: number, meshX: number, meshY: number): void {
    const { a, b, tx, ty, shiftX, shiftY, stretch } = maps[k];
    const { irisRadius } = view;
    const away = Math.hypot(x - view.irisX, y - view.irisY);
    const gaze = 1 - smoothstep(1.1 * irisRadius, 2.8 * irisRadius, away);
    const ballX = a * x - b * y + tx + gaze * shiftX;
    const ballY = b * x + a * y + ty + gaze * shiftY;
    const openX = ballX + stretch * (meshX + gaze * shiftX - ballX);
    const openY = ballY + stretch * (meshY + gaze * shiftY - ballY);
    const share =
      smoothstep(0, edge, depthInside(view.ring, x, y)) *
      smoothstep(0, edge, depthInside(sources[k].ring, openX, openY));
    at.x = meshX + share * (openX - meshX);
    at.y = meshY + share * (openY - meshY);
  }
  return { update, source, at };
}
