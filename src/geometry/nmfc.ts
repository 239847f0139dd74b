import { CANONICAL_FACE } from './canonical-face.js';
import { CROP_UNITS, type Landmarks, MESH_POINT_COUNT, POINT_COUNT } from './landmarks.js';
import { createRasteriser, NO_TRIANGLE } from './rasteriser.js';
import { LEFT_IRIS, RIGHT_IRIS } from './regions.js';
import { LEFT_EYE_TRIANGLES, RIGHT_EYE_TRIANGLES, TRIANGLES } from './topology.js';

/** Planes of an image of normalised mean face coordinates: x, y, z. */
export const NMFC_CHANNELS = 3;
/** What the eye plane shows between the lids, and in the iris there. */
const EYE = 0.5;
const IRIS = 1;

/**
 * The normalised mean face coordinates of each triangle of `TRIANGLES`, x y z interleaved: its centre
 * in the canonical face, of which each axis runs from 0 to 1 (Head2HeadFS, Doukas et al. 2021, equation 3).
 */
export const MEAN_FACE_COORDINATES: Float32Array = (() => {
  const out = new Float32Array(TRIANGLES.length);
  for (let axis = 0; axis < 3; axis++) {
    const values = Array.from({ length: MESH_POINT_COUNT }, (_, p) => CANONICAL_FACE[3 * p + axis]);
    const low = Math.min(...values);
    const range = Math.max(...values) - low;
    for (let t = 0; t < TRIANGLES.length; t += 3) {
      const sum =
        values[TRIANGLES[t]] + values[TRIANGLES[t + 1]] + values[TRIANGLES[t + 2]] - 3 * low;
      out[t + axis] = sum / (3 * range);
    }
  }
  return out;
})();

/** Draws NMFC images of one size. Holds its buffers from call to call. */
export interface NmfcRasteriser {
  /**
   * The NMFC image of a geometry (crop units; surround and appearance are not looked at) into `out`: x, y
   * and z plane, `size × size` each, 0–1, flat over each visible triangle, 0 where there is none. With
   * eyes a fourth plane: 0.5 between the lids, 1 where the iris is there, else 0.
   */
  draw(geometry: Landmarks, out: Float32Array): void;
}

/**
 * A rasteriser of `size × size` pixels: orthographic, without light. `eyes` adds the eye plane, for the mesh
 * does not say where the eyes look (the public code of head2head draws sketches of the eyes for that).
 */
export function createNmfcRasteriser(size: number, eyes: boolean): NmfcRasteriser {
  const { draw, clear, ids } = createRasteriser(size, size);
  const vertices = new Float32Array(2 * POINT_COUNT);
  const depth = new Float32Array(POINT_COUNT);
  const scale = size / CROP_UNITS;
  const plane = size * size;

  function drawEye(
    { first, end }: typeof LEFT_EYE_TRIANGLES,
    iris: readonly number[],
    out: Float32Array,
  ) {
    const [centre, ...edge] = iris;
    const x = vertices[2 * centre];
    const y = vertices[2 * centre + 1];
    const reach = (p: number) => Math.hypot(vertices[2 * p] - x, vertices[2 * p + 1] - y);
    const radius = edge.reduce((sum, p) => sum + reach(p), 0) / edge.length;
    for (let i = 0; i < plane; i++) {
      if (ids[i] < first || ids[i] >= end) continue;
      const across = (i % size) + 0.5 - x;
      const down = Math.floor(i / size) + 0.5 - y;
      out[NMFC_CHANNELS * plane + i] = across * across + down * down < radius * radius ? IRIS : EYE;
    }
  }

  return {
    draw(geometry, out) {
      for (let p = 0; p < POINT_COUNT; p++) {
        vertices[2 * p] = scale * geometry[3 * p];
        vertices[2 * p + 1] = scale * geometry[3 * p + 1];
        depth[p] = scale * geometry[3 * p + 2];
      }
      clear();
      draw(TRIANGLES, 0, TRIANGLES.length / 3, vertices, depth);
      for (let i = 0; i < plane; i++) {
        const t = ids[i];
        for (let axis = 0; axis < NMFC_CHANNELS; axis++) {
          out[axis * plane + i] = t === NO_TRIANGLE ? 0 : MEAN_FACE_COORDINATES[3 * t + axis];
        }
      }
      if (!eyes) return;
      out.fill(0, NMFC_CHANNELS * plane, (NMFC_CHANNELS + 1) * plane);
      drawEye(RIGHT_EYE_TRIANGLES, RIGHT_IRIS, out);
      drawEye(LEFT_EYE_TRIANGLES, LEFT_IRIS, out);
    },
  };
}
