import { fitProjection } from './fit.js';
import { CROP_UNITS, type Landmarks, MESH_POINT_COUNT } from './landmarks.js';
import { fitPose, rotationMatrix } from './pose.js';
import { FACE_OVAL, RIGID_POINTS } from './regions.js';
import { smoothstep } from './smoothstep.js';
import {
  createNodeShares,
  hasSurround,
  NODE_OFFSETS,
  nodeShares,
  surroundMotion,
} from './surround.js';
import { TRIANGLES } from './topology.js';

/**
 * The face mesh extended over the whole crop: rings of vertices around the face oval, of which the
 * inner ones move with the skull (hair, ears), the outer ones less and less, and those at the
 * border and beyond not at all (background). Surround points move them all on top of that.
 */
export interface HeadMesh {
  readonly vertexCount: number;
  /** Three vertices each: first the face's (`TRIANGLES`), then the rings' from outside inwards. */
  readonly triangles: Uint16Array;
  /** Writes the vertices of the head with this geometry, x y interleaved, in crop units. */
  place(geometry: Landmarks, vertices: Float32Array): void;
}

const SIDES = FACE_OVAL.length;
/** Rings that ride on the skull: radius over the oval's. Hair reaches about 1.4 (own clips). */
const SKULL_RINGS = [1.18, 1.42];
/** Rings between the hair and the border: the share of the way, and of the skull's motion. */
const OUTER_RINGS = [
  { way: 1 / 3, share: 0.7 },
  { way: 2 / 3, share: 0.25 },
  { way: 1, share: 0 },
];
/** The share of the skull's motion straight below the chin, ring by ring: neck, then shoulders. */
const BELOW_CHIN = [0.8, 0.4, 0.15, 0.05, 0];
/** How much of the oval's own motion (an opening jaw) each ring follows. */
const JAW_SHARE = [0.5, 0.2, 0.08, 0, 0, 0];
/** How much further up the hair reaches than to the sides. */
const HAIR_ABOVE = 0.25;
/** How far behind the oval the hair lies, in widths of the face: its outline turns with the skull. */
const HAIR_DEPTH = 0.1;
/** The last ring, a circle that holds the whole crop. */
const FAR_RADIUS = CROP_UNITS * 0.75;
const RING_COUNT = SKULL_RINGS.length + OUTER_RINGS.length + 1;

/**
 * Builds the mesh around the geometries of a person's references (crop units). `base` is the index
 * of the reference that looks most straight into the camera.
 */
export function createHeadMesh(references: readonly Landmarks[], base: number): HeadMesh {
  const model = references[base];
  const skull = skullRings(model);
  const count = MESH_POINT_COUNT + RING_COUNT * SIDES;
  const skullCount = SKULL_RINGS.length * SIDES;

  // Where the rings rest: the mean of where the references have them.
  const rest = new Float32Array(2 * RING_COUNT * SIDES);
  for (const reference of references) {
    const projection = projectionOf(model, reference);
    for (let i = 0; i < skullCount; i++) {
      rest[2 * i] += projectX(projection, skull, i) / references.length;
      rest[2 * i + 1] += projectY(projection, skull, i) / references.length;
    }
  }
  const share = new Float32Array(RING_COUNT * SIDES);
  const centre = ovalCentre(rest, SKULL_RINGS.length - 1);
  for (let i = 0; i < SIDES; i++) {
    const hair = SIDES * (SKULL_RINGS.length - 1) + i;
    const x = rest[2 * hair];
    const y = rest[2 * hair + 1];
    const radius = Math.hypot(x - centre.x, y - centre.y);
    const dx = (x - centre.x) / radius;
    const dy = (y - centre.y) / radius;
    const below = smoothstep(0.3, 0.9, dy);
    const border = Math.max(toBorder(centre.x, centre.y, dx, dy), 1.25 * radius);
    for (let ring = 0; ring < RING_COUNT; ring++) {
      const vertex = SIDES * ring + i;
      const outer = OUTER_RINGS[ring - SKULL_RINGS.length];
      share[vertex] =
        (ring < SKULL_RINGS.length ? 1 : (outer?.share ?? 0)) * (1 - below) +
        (BELOW_CHIN[ring] ?? 0) * below;
      if (outer !== undefined) {
        const distance = radius + (border - radius) * outer.way;
        rest[2 * vertex] = centre.x + dx * distance;
        rest[2 * vertex + 1] = centre.y + dy * distance;
      } else if (ring === RING_COUNT - 1) {
        const distance = Math.max(FAR_RADIUS, 1.1 * border);
        rest[2 * vertex] = CROP_UNITS / 2 + dx * distance;
        rest[2 * vertex + 1] = CROP_UNITS / 2 + dy * distance;
      }
    }
  }

  const strayX = new Float32Array(SIDES);
  const strayY = new Float32Array(SIDES);

  function place(geometry: Landmarks, vertices: Float32Array): void {
    for (let i = 0; i < MESH_POINT_COUNT; i++) {
      vertices[2 * i] = geometry[3 * i];
      vertices[2 * i + 1] = geometry[3 * i + 1];
    }
    const projection = projectionOf(model, geometry);
    for (let side = 0; side < SIDES; side++) {
      const p = FACE_OVAL[side];
      strayX[side] = geometry[3 * p] - projectX(projection, model, p);
      strayY[side] = geometry[3 * p + 1] - projectY(projection, model, p);
    }
    for (let vertex = 0; vertex < RING_COUNT * SIDES; vertex++) {
      // Outer rings follow the hair's ring.
      const i = Math.min(vertex, skullCount - SIDES + (vertex % SIDES));
      const side = vertex % SIDES;
      const jaw = JAW_SHARE[(vertex - side) / SIDES];
      const out = 2 * (MESH_POINT_COUNT + vertex);
      const dx = projectX(projection, skull, i) - rest[2 * i];
      const dy = projectY(projection, skull, i) - rest[2 * i + 1];
      vertices[out] = rest[2 * vertex] + share[vertex] * dx + jaw * strayX[side];
      vertices[out + 1] = rest[2 * vertex + 1] + share[vertex] * dy + jaw * strayY[side];
    }
    if (hasSurround(geometry)) moveRings(geometry, vertices);
  }

  const nodes = createNodeShares();

  function moveRings(geometry: Landmarks, vertices: Float32Array): void {
    const motion = surroundMotion(geometry);
    for (let at = 2 * MESH_POINT_COUNT; at < 2 * count; at += 2) {
      nodeShares(vertices[at], vertices[at + 1], nodes);
      for (let i = 0; i < 4; i++) {
        const node = 2 * (nodes.first + NODE_OFFSETS[i]);
        vertices[at] += nodes.shares[i] * motion[node];
        vertices[at + 1] += nodes.shares[i] * motion[node + 1];
      }
    }
  }
  return { vertexCount: count, triangles: joinTriangles(), place };
}

/** The rings that ride on the skull, x y z interleaved, in the frame of `model`. */
function skullRings(model: Landmarks): Float32Array {
  const rings = new Float32Array(3 * SKULL_RINGS.length * SIDES);
  let cx = 0;
  let cy = 0;
  for (const p of FACE_OVAL) {
    cx += model[3 * p] / SIDES;
    cy += model[3 * p + 1] / SIDES;
  }
  const width = Math.hypot(
    model[3 * 454] - model[3 * 234],
    model[3 * 454 + 1] - model[3 * 234 + 1],
  );
  SKULL_RINGS.forEach((radius, ring) => {
    FACE_OVAL.forEach((p, i) => {
      const dx = model[3 * p] - cx;
      const dy = model[3 * p + 1] - cy;
      const up = Math.max(0, -dy / Math.hypot(dx, dy));
      const scale = radius * (1 + HAIR_ABOVE * up * ring);
      const out = 3 * (SIDES * ring + i);
      rings[out] = cx + dx * scale;
      rings[out + 1] = cy + dy * scale;
      rings[out + 2] = model[3 * p + 2] + HAIR_DEPTH * width * (ring + 1);
    });
  });
  return rings;
}

/**
 * How the skull of `model` lies in `geometry`: `x' = m0·x + m1·y + m2·z + m3`, y' alike. The mean of
 * the affine fit to the skull's points, which follows turning best, and the pose, which an opening
 * jaw disturbs least: 0.1 dB better than either (ten validation clips).
 */
function projectionOf(model: Landmarks, geometry: Landmarks): Float64Array {
  const pose = fitPose(model, geometry);
  const r = rotationMatrix(pose.rotation).map((value) => value * Math.exp(pose.logScale));
  const rigid = [r[0], r[1], r[2], pose.x, r[3], r[4], r[5], pose.y];
  return fitProjection(model, geometry, RIGID_POINTS).map((value, i) => (value + rigid[i]) / 2);
}

const projectX = (m: Float64Array, points: Float32Array, i: number): number =>
  m[0] * points[3 * i] + m[1] * points[3 * i + 1] + m[2] * points[3 * i + 2] + m[3];
const projectY = (m: Float64Array, points: Float32Array, i: number): number =>
  m[4] * points[3 * i] + m[5] * points[3 * i + 1] + m[6] * points[3 * i + 2] + m[7];

function ovalCentre(rings: Float32Array, ring: number): { x: number; y: number } {
  let x = 0;
  let y = 0;
  for (let i = SIDES * ring; i < SIDES * (ring + 1); i++) {
    x += rings[2 * i] / SIDES;
    y += rings[2 * i + 1] / SIDES;
  }
  return { x, y };
}

/** The distance from a point to the crop's border in a direction; 0 where the point is outside. */
function toBorder(x: number, y: number, dx: number, dy: number): number {
  const across = dx > 0 ? (CROP_UNITS - x) / dx : dx < 0 ? -x / dx : Number.POSITIVE_INFINITY;
  const down = dy > 0 ? (CROP_UNITS - y) / dy : dy < 0 ? -y / dy : Number.POSITIVE_INFINITY;
  return Math.max(0, Math.min(across, down));
}

/** The face's triangles, then the rings' strips from outside inwards, the oval's own last. */
function joinTriangles(): Uint16Array {
  const ringVertex = (ring: number, i: number): number =>
    ring < 0 ? FACE_OVAL[i % SIDES] : MESH_POINT_COUNT + SIDES * ring + (i % SIDES);
  const strips: number[] = [];
  for (let ring = RING_COUNT - 1; ring >= 0; ring--) {
    for (let i = 0; i < SIDES; i++) {
      const inner = ringVertex(ring - 1, i);
      const innerNext = ringVertex(ring - 1, i + 1);
      const outer = ringVertex(ring, i);
      const outerNext = ringVertex(ring, i + 1);
      strips.push(inner, outer, outerNext, inner, outerNext, innerNext);
    }
  }
  return Uint16Array.of(...TRIANGLES, ...strips);
}
