import { type Landmarks, MESH_POINT_COUNT, POINT_COUNT } from '../src/geometry/landmarks.js';
import { createPicture, type Picture } from '../src/geometry/picture.js';
import {
  FACE_OVAL,
  LEFT_IRIS,
  LEFT_LIDS,
  RIGHT_IRIS,
  RIGHT_LIDS,
} from '../src/geometry/regions.js';
import { TRIANGLES } from '../src/geometry/topology.js';

/**
 * A face that is nobody's, in crop units: the mesh's graph spread evenly inside an ellipse (Tutte's
 * embedding, which folds nowhere), bulging towards the camera, with irises between the lids.
 */
export function syntheticFace(centreX = 128, centreY = 120): Landmarks {
  const neighbours = Array.from({ length: MESH_POINT_COUNT }, () => new Set<number>());
  for (let t = 0; t < TRIANGLES.length; t += 3) {
    const corners = [...TRIANGLES.subarray(t, t + 3)];
    for (const a of corners) for (const b of corners) if (a !== b) neighbours[a].add(b);
  }
  const x = new Float64Array(MESH_POINT_COUNT);
  const y = new Float64Array(MESH_POINT_COUNT);
  FACE_OVAL.forEach((p, i) => {
    const angle = (2 * Math.PI * i) / FACE_OVAL.length;
    x[p] = 50 * Math.sin(angle);
    y[p] = -64 * Math.cos(angle);
  });
  const oval = new Set(FACE_OVAL);
  for (let round = 0; round < 600; round++) {
    for (let p = 0; p < MESH_POINT_COUNT; p++) {
      if (oval.has(p)) continue;
      let sx = 0;
      let sy = 0;
      for (const q of neighbours[p]) {
        sx += x[q];
        sy += y[q];
      }
      x[p] = sx / neighbours[p].size;
      y[p] = sy / neighbours[p].size;
    }
  }
  const face = new Float32Array(3 * POINT_COUNT);
  for (let p = 0; p < MESH_POINT_COUNT; p++) {
    const depth = -40 * Math.sqrt(Math.max(0, 1 - (x[p] / 50) ** 2 - (y[p] / 64) ** 2));
    face.set([centreX + x[p], centreY + y[p], depth], 3 * p);
  }
  for (const [iris, lids] of [
    [RIGHT_IRIS, RIGHT_LIDS],
    [LEFT_IRIS, LEFT_LIDS],
  ]) {
    const centre = [0, 1, 2].map(
      (axis) => lids.reduce((sum, p) => sum + face[3 * p + axis], 0) / lids.length,
    );
    iris.forEach((p, i) => {
      const reach = i === 0 ? 0 : 1;
      const angle = (Math.PI * i) / 2;
      face.set(
        [centre[0] + reach * Math.cos(angle), centre[1] + reach * Math.sin(angle), centre[2]],
        3 * p,
      );
    });
  }
  return face;
}

/** The same face, moved. */
export function moved(face: Landmarks, dx: number, dy: number): Landmarks {
  return face.map((value, i) => value + [dx, dy, 0][i % 3]);
}

/** A picture without two alike neighbourhoods: smooth waves of three lengths, one a channel. */
export function syntheticPicture(size: number): Picture {
  const picture = createPicture(size, size);
  for (let y = 0, i = 0; y < size; y++) {
    for (let x = 0; x < size; x++, i += 4) {
      const u = (x * 256) / size;
      const v = (y * 256) / size;
      picture.data[i] = 128 + 90 * Math.sin(u / 9) * Math.cos(v / 13);
      picture.data[i + 1] = 128 + 90 * Math.sin((u + v) / 17);
      picture.data[i + 2] = 40 + 0.7 * u;
      picture.data[i + 3] = 255;
    }
  }
  return picture;
}
