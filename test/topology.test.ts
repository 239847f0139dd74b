import { expect, test } from 'vitest';
import { MESH_POINT_COUNT } from '../src/geometry/landmarks.js';
import * as regions from '../src/geometry/regions.js';
import {
  LEFT_EYE_TRIANGLES,
  MOUTH_TRIANGLES,
  RIGHT_EYE_TRIANGLES,
  TRIANGLES,
} from '../src/geometry/topology.js';

const triangle = (index: number) => [...TRIANGLES.subarray(3 * index, 3 * index + 3)];

test('the mesh is a disc of 468 points bounded by the face oval', () => {
  const edges = new Map<string, number>();
  for (let t = 0; t < TRIANGLES.length / 3; t++) {
    const [a, b, c] = triangle(t);
    for (const [from, to] of [
      [a, b],
      [b, c],
      [c, a],
    ]) {
      const key = `${Math.min(from, to)}-${Math.max(from, to)}`;
      edges.set(key, (edges.get(key) ?? 0) + 1);
    }
  }
  expect(new Set(TRIANGLES).size).toBe(MESH_POINT_COUNT);
  expect(MESH_POINT_COUNT - edges.size + TRIANGLES.length / 3).toBe(1);
  const boundary = [...edges].filter(([, uses]) => uses === 1).map(([key]) => key);
  const oval = regions.FACE_OVAL.map((point, i) => {
    const next = regions.FACE_OVAL[(i + 1) % regions.FACE_OVAL.length];
    return `${Math.min(point, next)}-${Math.max(point, next)}`;
  });
  expect(boundary.sort()).toEqual(oval.sort());
});

test.each([
  ['right eye', RIGHT_EYE_TRIANGLES, regions.RIGHT_LIDS],
  ['left eye', LEFT_EYE_TRIANGLES, regions.LEFT_LIDS],
  ['mouth', MOUTH_TRIANGLES, regions.LIPS_INNER],
])('the triangles that close the %s use its ring alone, and all of it', (_, range, ring) => {
  const points = new Set<number>();
  for (let t = range.first; t < range.end; t++) for (const point of triangle(t)) points.add(point);
  expect([...points].sort()).toEqual([...ring].sort());
  expect(range.end - range.first).toBe(ring.length - 2);
});

test('rings name each point once and the lips are the 40 of FACEMESH_LIPS', () => {
  for (const ring of Object.values(regions)) expect(new Set(ring).size).toBe(ring.length);
  expect(regions.LIPS.length).toBe(40);
});
