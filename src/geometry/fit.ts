import type { Landmarks } from './landmarks.js';

/** A similarity of the plane: `x' = a·x − b·y + tx`, `y' = b·x + a·y + ty`. */
export interface Similarity {
  readonly a: number;
  readonly b: number;
  readonly tx: number;
  readonly ty: number;
}

/** The least-squares similarity that takes `points` of `from` to those of `to` (x and y alone). */
export function fitSimilarity(
  from: Landmarks,
  to: Landmarks,
  points: readonly number[],
): Similarity {
  let fx = 0;
  let fy = 0;
  let gx = 0;
  let gy = 0;
  for (const p of points) {
    fx += from[3 * p];
    fy += from[3 * p + 1];
    gx += to[3 * p];
    gy += to[3 * p + 1];
  }
  const n = points.length;
  fx /= n;
  fy /= n;
  gx /= n;
  gy /= n;
  let dot = 0;
  let cross = 0;
  let norm = 0;
  for (const p of points) {
    const x = from[3 * p] - fx;
    const y = from[3 * p + 1] - fy;
    const u = to[3 * p] - gx;
    const v = to[3 * p + 1] - gy;
    dot += x * u + y * v;
    cross += x * v - y * u;
    norm += x * x + y * y;
  }
  const a = norm > 0 ? dot / norm : 1;
  const b = norm > 0 ? cross / norm : 0;
  return { a, b, tx: gx - a * fx + b * fy, ty: gy - b * fx - a * fy };
}

/**
 * The least-squares affine projection of `points` of `from` (x, y, z) to those of `to` (x, y): eight
 * numbers, `x' = m0·x + m1·y + m2·z + m3` and `y' = m4·x + …`. Degenerate directions are left
 * where a shift of the centroid puts them.
 */
export function fitProjection(
  from: Landmarks,
  to: Landmarks,
  points: readonly number[],
): Float64Array {
  const n = points.length;
  const centre = [0, 0, 0];
  const target = [0, 0];
  for (const p of points) {
    for (let i = 0; i < 3; i++) centre[i] += from[3 * p + i] / n;
    for (let i = 0; i < 2; i++) target[i] += to[3 * p + i] / n;
  }
  const normal = new Float64Array(9);
  const right = [new Float64Array(3), new Float64Array(3)];
  const d = [0, 0, 0];
  for (const p of points) {
    for (let i = 0; i < 3; i++) d[i] = from[3 * p + i] - centre[i];
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) normal[3 * i + j] += d[i] * d[j];
      // Fitted is the change, so that what the points do not determine stays the identity.
      for (let k = 0; k < 2; k++) right[k][i] += d[i] * (to[3 * p + k] - target[k] - d[k]);
    }
  }
  // A ridge of a thousandth of the spread keeps a flat face from an arbitrary depth.
  const ridge = 1e-3 * (normal[0] + normal[4] + normal[8]) + 1e-9;
  for (let i = 0; i < 3; i++) normal[4 * i] += ridge;
  const out = new Float64Array(8);
  for (let k = 0; k < 2; k++) {
    const row = solve3(normal, right[k]);
    row[k] += 1;
    out.set(row, 4 * k);
    out[4 * k + 3] = target[k] - row[0] * centre[0] - row[1] * centre[1] - row[2] * centre[2];
  }
  return out;
}

/** Solves a symmetric positive-definite 3×3 system by Cramer's rule. */
function solve3(m: Float64Array, r: Float64Array): Float64Array {
  const c0 = m[4] * m[8] - m[5] * m[7];
  const c1 = m[5] * m[6] - m[3] * m[8];
  const c2 = m[3] * m[7] - m[4] * m[6];
  const det = m[0] * c0 + m[1] * c1 + m[2] * c2;
  return Float64Array.of(
    (r[0] * c0 + m[1] * (m[5] * r[2] - r[1] * m[8]) + m[2] * (r[1] * m[7] - m[4] * r[2])) / det,
    (m[0] * (r[1] * m[8] - m[5] * r[2]) + r[0] * c1 + m[2] * (m[3] * r[2] - r[1] * m[6])) / det,
    (m[0] * (m[4] * r[2] - r[1] * m[7]) + m[1] * (r[1] * m[6] - m[3] * r[2]) + r[0] * c2) / det,
  );
}

/** Solves a symmetric positive-definite system by Cholesky's decomposition. */
export function solveSymmetric(matrix: Float64Array, vector: Float64Array): Float64Array {
  const n = vector.length;
  const l = matrix.slice();
  const x = vector.slice();
  for (let j = 0; j < n; j++) {
    for (let k = 0; k < j; k++) l[j * n + j] -= l[j * n + k] ** 2;
    l[j * n + j] = Math.sqrt(Math.max(l[j * n + j], 1e-12));
    for (let i = j + 1; i < n; i++) {
      for (let k = 0; k < j; k++) l[i * n + j] -= l[i * n + k] * l[j * n + k];
      l[i * n + j] /= l[j * n + j];
    }
  }
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i] -= l[i * n + k] * x[k];
    x[i] /= l[i * n + i];
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i] -= l[k * n + i] * x[k];
    x[i] /= l[i * n + i];
  }
  return x;
}
