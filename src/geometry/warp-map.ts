import { CANONICAL_FACE } from './canonical-face.js';
import { createHeadMesh, type HeadMesh } from './head-mesh.js';
import { CROP_UNITS, type Landmarks, MESH_POINT_COUNT } from './landmarks.js';
import { createRasteriser } from './rasteriser.js';
import { TRIANGLES } from './topology.js';

/** Pixels² (twice the area) below which a triangle shows its first corner alone: its map would be wild. */
const LEAST_AREA = 0.1;

/** Numbers a triangle holds for one reference: u, v and weight as `a·x + b·y + c`. */
export const COEFFICIENTS = 9;

/**
 * For each pixel of a frame, where in each reference it comes from and how much of it: the affine
 * maps of the triangles of a `HeadMesh`. Positions are pixels, pixel centres at halves.
 */
export interface WarpMap {
  readonly mesh: HeadMesh;
  /** The triangle of each pixel, or the rasteriser's `NO_TRIANGLE`. */
  readonly ids: Uint16Array;
  /**
   * Lays out a frame. `weights` holds for each reference, then each mesh vertex, its share; the
   * shares of a vertex sum to 1.
   */
  update(geometry: Landmarks, weights: Float32Array): void;
  /**
   * The maps of one triangle, reference by reference, `COEFFICIENTS` each, into the frame's buffer
   * (good until the next update). A reference that has no share in the triangle has zero weights.
   * The canonical face's map comes last; its weight means nothing.
   */
  triangle(id: number): Float32Array;
  /** The maps of all triangles, `stride` numbers each; good until the next update. */
  all(): Float32Array;
  readonly stride: number;
}

/** A warp map between references with these geometries (crop units) and pictures of `size`. */
export function createWarpMap(references: readonly Landmarks[], size: number): WarpMap {
  const mesh = createHeadMesh(references, straightest(references));
  const scale = size / CROP_UNITS;
  const { triangles, vertexCount } = mesh;
  const triangleCount = triangles.length / 3;
  const faceTriangles = TRIANGLES.length / 3;
  const rasteriser = createRasteriser(size, size);
  const depth = new Float32Array(MESH_POINT_COUNT);
  const target = new Float32Array(2 * vertexCount);
  const placed = (on: HeadMesh, geometry: Landmarks) => {
    const vertices = new Float32Array(2 * vertexCount);
    on.place(geometry, vertices);
    return vertices.map((value) => value * scale);
  };
  const sources = references.map((reference) => placed(mesh, reference));
  sources.push(placed(createHeadMesh([CANONICAL_FACE], 0), CANONICAL_FACE));
  const stride = COEFFICIENTS * sources.length;
  const maps = new Float32Array(stride * triangleCount);
  const views = Array.from({ length: triangleCount }, (_, id) =>
    maps.subarray(stride * id, stride * (id + 1)),
  );
  const ready = new Uint8Array(triangleCount);
  let shares: Float32Array = new Float32Array(0);

  function update(geometry: Landmarks, weights: Float32Array): void {
    mesh.place(geometry, target);
    for (let i = 0; i < target.length; i++) target[i] *= scale;
    for (let i = 0; i < MESH_POINT_COUNT; i++) depth[i] = geometry[3 * i + 2];
    rasteriser.clear();
    rasteriser.draw(triangles, faceTriangles, triangleCount, target, undefined);
    rasteriser.draw(triangles, 0, faceTriangles, target, depth);
    ready.fill(0);
    shares = weights;
  }

  function triangle(id: number): Float32Array {
    const map = views[id];
    if (ready[id]) return map;
    ready[id] = 1;
    const a = triangles[3 * id];
    const b = triangles[3 * id + 1];
    const c = triangles[3 * id + 2];
    const ax = target[2 * a];
    const ay = target[2 * a + 1];
    const bx = target[2 * b] - ax;
    const by = target[2 * b + 1] - ay;
    const cx = target[2 * c] - ax;
    const cy = target[2 * c + 1] - ay;
    const area = bx * cy - by * cx;
    const share = Math.abs(area) < LEAST_AREA ? 0 : 1 / area;
    // What the second and the third corner's differences count for, in x and in y.
    const bByX = cy * share;
    const cByX = -by * share;
    const bByY = -cx * share;
    const cByY = bx * share;
    for (let k = 0, out = 0; k < sources.length; k++) {
      const source = sources[k];
      const base = k * vertexCount;
      for (let value = 0; value < 3; value++, out += 3) {
        const from = value === 2 ? shares : source;
        const step = value === 2 ? 1 : 2;
        const offset = value === 2 ? base : value;
        const atA = from[step * a + offset];
        const toB = from[step * b + offset] - atA;
        const toC = from[step * c + offset] - atA;
        const x = toB * bByX + toC * cByX;
        const y = toB * bByY + toC * cByY;
        map[out] = x;
        map[out + 1] = y;
        map[out + 2] = atA - x * ax - y * ay;
      }
    }
    return map;
  }

  function all(): Float32Array {
    for (let id = 0; id < triangleCount; id++) triangle(id);
    return maps;
  }
  return { mesh, ids: rasteriser.ids, update, triangle, all, stride };
}

/** The geometry that is turned the least: its temples are equally far from the camera. */
function straightest(references: readonly Landmarks[]): number {
  const turn = references.map((points) => {
    const width = Math.hypot(
      points[3 * 454] - points[3 * 234],
      points[3 * 454 + 1] - points[3 * 234 + 1],
    );
    const yaw = points[3 * 454 + 2] - points[3 * 234 + 2];
    return Math.abs(yaw) / Math.max(1, width);
  });
  return turn.indexOf(Math.min(...turn));
}
