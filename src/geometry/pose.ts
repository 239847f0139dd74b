import { type Landmarks, POINT_COUNT } from './landmarks.js';
import { RIGID_POINTS } from './regions.js';

/** Head pose: the similarity that takes a person's neutral geometry to the picture. */
export interface Pose {
  /** Natural logarithm of the scale. */
  readonly logScale: number;
  /** Rotation vector (axis × angle), radians. */
  readonly rotation: readonly [number, number, number];
  /** Where the neutral's origin lands, in crop units. */
  readonly x: number;
  readonly y: number;
}

/** Weight in the pose fit of points that do not move with the skull alone. */
const SOFT_WEIGHT = 0.15;

const WEIGHTS = (() => {
  const weights = new Float64Array(POINT_COUNT).fill(SOFT_WEIGHT);
  for (const point of RIGID_POINTS) weights[point] = 1;
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
})();

/** Row-major 3×3 matrix of a rotation vector (Rodrigues' formula). */
export function rotationMatrix([x, y, z]: readonly [number, number, number]): Float64Array {
  const angle = Math.hypot(x, y, z);
  const a = angle < 1e-9 ? 1 : Math.sin(angle) / angle;
  const b = angle < 1e-9 ? 0.5 : (1 - Math.cos(angle)) / (angle * angle);
  const xx = b * x * x;
  const yy = b * y * y;
  const zz = b * z * z;
  return Float64Array.of(
    1 - yy - zz,
    b * x * y - a * z,
    b * x * z + a * y,
    b * x * y + a * z,
    1 - xx - zz,
    b * y * z - a * x,
    b * x * z - a * y,
    b * y * z + a * x,
    1 - xx - yy,
  );
}

/** Rotation vector of a unit quaternion (w, x, y, z). */
function rotationVector(q: ArrayLike<number>): [number, number, number] {
  const sign = q[0] < 0 ? -1 : 1;
  const sine = Math.hypot(q[1], q[2], q[3]);
  const angle = 2 * Math.atan2(sine, sign * q[0]);
  const factor = sine < 1e-12 ? 2 : (sign * angle) / sine;
  return [q[1] * factor, q[2] * factor, q[3] * factor];
}

/** The eigenvector of the largest eigenvalue of a symmetric 4×4 matrix (cyclic Jacobi). */
function largestEigenvector(m: number[][]): number[] {
  const v = [0, 1, 2, 3].map((i) => [0, 1, 2, 3].map((j) => Number(i === j)));
  for (let sweep = 0; sweep < 12; sweep++) {
    let off = 0;
    for (let p = 0; p < 3; p++) {
      for (let q = p + 1; q < 4; q++) {
        off += m[p][q] * m[p][q];
        if (Math.abs(m[p][q]) < 1e-300) continue;
        const theta = (m[q][q] - m[p][p]) / (2 * m[p][q]);
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        const s = t * c;
        for (let k = 0; k < 4; k++) {
          const [a, b] = [m[k][p], m[k][q]];
          m[k][p] = c * a - s * b;
          m[k][q] = s * a + c * b;
        }
        for (let k = 0; k < 4; k++) {
          const [a, b] = [m[p][k], m[q][k]];
          m[p][k] = c * a - s * b;
          m[q][k] = s * a + c * b;
          const [d, e] = [v[k][p], v[k][q]];
          v[k][p] = c * d - s * e;
          v[k][q] = s * d + c * e;
        }
      }
    }
    if (off < 1e-20) break;
  }
  let best = 0;
  for (let i = 1; i < 4; i++) if (m[i][i] > m[best][best]) best = i;
  return v.map((row) => row[best]);
}

function centroid(points: Landmarks): [number, number, number] {
  let [x, y, z] = [0, 0, 0];
  for (let p = 0; p < POINT_COUNT; p++) {
    x += WEIGHTS[p] * points[3 * p];
    y += WEIGHTS[p] * points[3 * p + 1];
    z += WEIGHTS[p] * points[3 * p + 2];
  }
  return [x, y, z];
}

/** A pose with the depth offset that a picture does not show but alignment in 3-D needs. */
export interface FittedPose extends Pose {
  readonly z: number;
}

/**
 * The weighted least-squares similarity from `neutral` to `landmarks`: rotation by Horn's quaternion
 * method (1987), scale as Umeyama (1991). Skull points weigh most, so expression moves it little.
 */
export function fitPose(neutral: Landmarks, landmarks: Landmarks): FittedPose {
  const [nx, ny, nz] = centroid(neutral);
  const [lx, ly, lz] = centroid(landmarks);
  const s = new Float64Array(9);
  let variance = 0;
  for (let p = 0; p < POINT_COUNT; p++) {
    const w = WEIGHTS[p];
    const a = [neutral[3 * p] - nx, neutral[3 * p + 1] - ny, neutral[3 * p + 2] - nz];
    const b = [landmarks[3 * p] - lx, landmarks[3 * p + 1] - ly, landmarks[3 * p + 2] - lz];
    variance += w * (a[0] * a[0] + a[1] * a[1] + a[2] * a[2]);
    for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) s[3 * i + j] += w * a[i] * b[j];
  }
  const [xx, xy, xz, yx, yy, yz, zx, zy, zz] = s;
  const quaternion = largestEigenvector([
    [xx + yy + zz, yz - zy, zx - xz, xy - yx],
    [yz - zy, xx - yy - zz, xy + yx, zx + xz],
    [zx - xz, xy + yx, yy - xx - zz, yz + zy],
    [xy - yx, zx + xz, yz + zy, zz - xx - yy],
  ]);
  const rotation = rotationVector(quaternion);
  const r = rotationMatrix(rotation);
  let trace = 0;
  for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) trace += r[3 * i + j] * s[3 * j + i];
  const scale = Math.max(1e-3, variance > 0 ? trace / variance : 1);
  const at = (row: number) => scale * (r[3 * row] * nx + r[3 * row + 1] * ny + r[3 * row + 2] * nz);
  return {
    logScale: Math.log(scale),
    rotation,
    x: lx - at(0),
    y: ly - at(1),
    z: lz - at(2),
  };
}

/** Takes points from the neutral's frame to the picture's. Writes into `out` (may be `points`). */
export function applyPose(pose: Pose, points: Landmarks, out: Landmarks): Landmarks {
  const r = rotationMatrix(pose.rotation);
  const scale = Math.exp(pose.logScale);
  for (let at = 0; at < points.length; at += 3) {
    const [x, y, z] = [points[at], points[at + 1], points[at + 2]];
    out[at] = scale * (r[0] * x + r[1] * y + r[2] * z) + pose.x;
    out[at + 1] = scale * (r[3] * x + r[4] * y + r[5] * z) + pose.y;
    out[at + 2] = scale * (r[6] * x + r[7] * y + r[8] * z);
  }
  return out;
}

/** The inverse of `applyPose`, with the depth offset taken out. */
export function removePose(pose: FittedPose, points: Landmarks, out: Landmarks): Landmarks {
  const r = rotationMatrix(pose.rotation);
  const scale = Math.exp(-pose.logScale);
  for (let at = 0; at < points.length; at += 3) {
    const x = points[at] - pose.x;
    const y = points[at + 1] - pose.y;
    const z = points[at + 2] - pose.z;
    out[at] = scale * (r[0] * x + r[3] * y + r[6] * z);
    out[at + 1] = scale * (r[1] * x + r[4] * y + r[7] * z);
    out[at + 2] = scale * (r[2] * x + r[5] * y + r[8] * z);
  }
  return out;
}

/** Rounds of the generalised Procrustes mean: the fourth moves no point by 0.01 crop units. */
const PROCRUSTES_ROUNDS = 4;

/**
 * A person's neutral geometry: the generalised Procrustes mean of some frames (Gower 1975), with its
 * centroid at the origin, in the frame and scale of the first.
 */
export function neutralGeometry(frames: readonly Landmarks[]): Landmarks {
  const mean = centred(frames[0]);
  const aligned = new Float32Array(mean.length);
  for (let round = 0; round < PROCRUSTES_ROUNDS; round++) {
    const sum = new Float64Array(mean.length);
    for (const frame of frames) {
      removePose(fitPose(mean, frame), frame, aligned);
      for (let i = 0; i < sum.length; i++) sum[i] += aligned[i];
    }
    mean.set(centred(Float32Array.from(sum, (value) => value / frames.length)));
  }
  return mean;
}

function centred(points: Landmarks): Landmarks {
  const mean = [0, 0, 0];
  for (let i = 0; i < points.length; i++) mean[i % 3] += points[i] / POINT_COUNT;
  return points.map((value, i) => value - mean[i % 3]);
}
