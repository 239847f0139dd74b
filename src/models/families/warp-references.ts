import { fitSimilarity } from '../../geometry/fit.js';
import { type Landmarks, MESH_POINT_COUNT } from '../../geometry/landmarks.js';
import {
  FACE_OVAL,
  LEFT_IRIS,
  LEFT_LIDS,
  LIPS,
  RIGHT_IRIS,
  RIGHT_LIDS,
  RIGID_POINTS,
} from '../../geometry/regions.js';
import { smoothstep } from '../../geometry/smoothstep.js';
import { TRIANGLES } from '../../geometry/topology.js';

/** Chooses which reference shows which part of the face, frame by frame. */
export interface ReferenceChooser {
  /**
   * For each reference, then each vertex of the head mesh, its share in the next frame. The shares
   * of a vertex sum to 1. The array is the chooser's and good until the next call.
   */
  choose(geometry: Landmarks): Float32Array;
}

/** A part of the face with its own choice. */
interface Part {
  readonly points: readonly number[];
  /** Widths of the face from `points` where its say begins to fall, and where it ends. */
  readonly near: number;
  readonly far: number;
  /** How much of the pose's mismatch counts, beside its own shape's. */
  readonly poseShare: number;
  /** The share that a new choice gains a frame. */
  readonly fade: number;
}

const PARTS: readonly Part[] = [
  { points: LIPS, near: 0.05, far: 0.3, poseShare: 0.35, fade: 0.34 },
  { points: [...RIGHT_LIDS, ...RIGHT_IRIS], near: 0.03, far: 0.14, poseShare: 0.5, fade: 0.5 },
  { points: [...LEFT_LIDS, ...LEFT_IRIS], near: 0.03, far: 0.14, poseShare: 0.5, fade: 0.5 },
];
/** The share that a new choice for the rest of the head gains a frame. */
const HEAD_FADE = 0.3;
/** A choice stands until another is better by this factor: no flicker between near equals. */
const STICKINESS = 0.8;
/** How much of a head's motion in the picture counts beside its turning, which warps worse. */
const MOTION_SHARE = 0.3;
/** Shares below this are dropped: they cost time and cannot be seen. */
const LEAST_SHARE = 0.04;

const UPPER_FACE: readonly number[] = [...RIGID_POINTS, ...FACE_OVAL];

/** A chooser among references with these geometries (crop units), for meshes of `vertexCount`. */
export function createReferenceChooser(
  references: readonly Landmarks[],
  vertexCount: number,
): ReferenceChooser {
  const count = references.length;
  const influence = PARTS.map((part) => influenceOf(part, references[0]));
  const visible = references.map(visibility);
  const shares = new Float32Array(count * vertexCount);
  const choices = [
    createFade(count, HEAD_FADE),
    ...PARTS.map(({ fade }) => createFade(count, fade)),
  ];

  function choose(geometry: Landmarks): Float32Array {
    const turns = references.map((reference) => mismatch(reference, geometry));
    const head = choices[0].follow(turns.map(({ turn, motion }) => turn + MOTION_SHARE * motion));
    const parts = PARTS.map((part, i) =>
      choices[i + 1].follow(
        turns.map(
          ({ turn, similarity }, k) =>
            part.poseShare * turn + residual(references[k], geometry, similarity, part.points),
        ),
      ),
    );
    // Where the chosen reference does not see a point, the others stand in, the nearest most.
    const standIn = turns.map(({ turn }) => 1 / (1 + turn * turn));
    for (let vertex = 0; vertex < vertexCount; vertex++) {
      const onFace = vertex < MESH_POINT_COUNT;
      let sum = 0;
      let seen = 0;
      for (let k = 0; k < count; k++) {
        let share = head[k];
        if (onFace) {
          for (let i = 0; i < PARTS.length; i++) {
            share += influence[i][vertex] * (parts[i][k] - head[k]);
          }
          share *= visible[k][vertex];
        }
        shares[k * vertexCount + vertex] = share;
        seen += share;
      }
      if (seen < 1 - LEAST_SHARE && onFace) {
        let others = 1e-6;
        for (let k = 0; k < count; k++) others += standIn[k] * visible[k][vertex] ** 2;
        for (let k = 0; k < count; k++) {
          const other = (standIn[k] * visible[k][vertex] ** 2) / others;
          shares[k * vertexCount + vertex] += (1 - seen) * other + 1e-6 * head[k];
        }
      }
      for (let k = 0; k < count; k++) {
        const i = k * vertexCount + vertex;
        if (shares[i] < LEAST_SHARE) shares[i] = Math.min(shares[i], 1e-9 * head[k]);
        sum += shares[i];
      }
      if (sum < 1e-6) shares[vertex] = sum = 1;
      for (let k = 0; k < count; k++) shares[k * vertexCount + vertex] /= sum;
    }
    return shares;
  }
  return { choose };
}

/** Shares that slide towards the reference of least cost. */
function createFade(count: number, step: number) {
  const shares = new Float32Array(count);
  let chosen = -1;
  return {
    follow(costs: readonly number[]): Float32Array {
      const best = costs.indexOf(Math.min(...costs));
      const first = chosen < 0;
      if (first || costs[best] < STICKINESS * costs[chosen]) chosen = best;
      for (let k = 0; k < count; k++) {
        const aim = k === chosen ? 1 : 0;
        const way = aim - shares[k];
        shares[k] = first || Math.abs(way) <= step ? aim : shares[k] + Math.sign(way) * step;
      }
      const sum = shares.reduce((total, share) => total + share, 0);
      for (let k = 0; k < count; k++) shares[k] /= sum;
      return shares;
    },
  };
}

/**
 * How differently a reference and a frame show the head turned, the mouth and the eyes: what is left, in
 * crop units (root mean square), once the upper face has been laid over the other's.
 */
export interface ReferenceMismatch {
  readonly turn: number;
  readonly mouth: number;
  readonly eyes: number;
}

/** What a reference with this geometry lacks for a frame with that one (crop units). */
export function referenceMismatch(reference: Landmarks, geometry: Landmarks): ReferenceMismatch {
  const { similarity, turn } = mismatch(reference, geometry);
  const [mouth, ...eyes] = PARTS.map(({ points }) =>
    residual(reference, geometry, similarity, points),
  );
  return { turn, mouth, eyes: Math.max(...eyes) };
}

/** How a reference's pose differs from a frame's: turning out of the plane, and the rest. */
function mismatch(reference: Landmarks, geometry: Landmarks) {
  const similarity = fitSimilarity(reference, geometry, UPPER_FACE);
  const still = { a: 1, b: 0, tx: 0, ty: 0 };
  return {
    similarity,
    turn: residual(reference, geometry, similarity, UPPER_FACE),
    motion: residual(reference, geometry, still, UPPER_FACE),
  };
}

/** Root mean square distance, in crop units, of points after a similarity. */
function residual(
  from: Landmarks,
  to: Landmarks,
  { a, b, tx, ty }: ReturnType<typeof fitSimilarity>,
  points: readonly number[],
): number {
  let sum = 0;
  for (const p of points) {
    const x = from[3 * p];
    const y = from[3 * p + 1];
    sum += (a * x - b * y + tx - to[3 * p]) ** 2 + (b * x + a * y + ty - to[3 * p + 1]) ** 2;
  }
  return Math.sqrt(sum / points.length);
}

/** How much say a part has at each mesh point, 0–1. */
function influenceOf(part: Part, face: Landmarks): Float32Array {
  const width = Math.hypot(face[3 * 454] - face[3 * 234], face[3 * 454 + 1] - face[3 * 234 + 1]);
  return Float32Array.from({ length: MESH_POINT_COUNT }, (_, i) => {
    let distance = Number.POSITIVE_INFINITY;
    for (const p of part.points) {
      distance = Math.min(
        distance,
        Math.hypot(face[3 * i] - face[3 * p], face[3 * i + 1] - face[3 * p + 1]),
      );
    }
    return 1 - smoothstep(part.near, part.far, distance / width);
  });
}

/** How well a picture with this geometry shows each mesh point: 0 edge on or hidden, 1 plainly. */
function visibility(face: Landmarks): Float32Array {
  const normals = new Float32Array(3 * MESH_POINT_COUNT);
  const d = new Float32Array(6);
  for (let t = 0; t < TRIANGLES.length; t += 3) {
    const a = 3 * TRIANGLES[t];
    for (let i = 0; i < 3; i++) {
      d[i] = face[3 * TRIANGLES[t + 1] + i] - face[a + i];
      d[3 + i] = face[3 * TRIANGLES[t + 2] + i] - face[a + i];
    }
    for (let corner = 0; corner < 3; corner++) {
      const out = 3 * TRIANGLES[t + corner];
      normals[out] += d[1] * d[5] - d[2] * d[4];
      normals[out + 1] += d[2] * d[3] - d[0] * d[5];
      normals[out + 2] += d[0] * d[4] - d[1] * d[3];
    }
  }
  return Float32Array.from({ length: MESH_POINT_COUNT }, (_, i) => {
    const [x, y, z] = normals.subarray(3 * i, 3 * i + 3);
    return smoothstep(0.05, 0.35, -z / (Math.hypot(x, y, z) + 1e-9));
  });
}
