import { CANONICAL_FACE } from '../geometry/canonical-face.js';
import { type Landmarks, MESH_POINT_COUNT, POINT_COUNT } from '../geometry/landmarks.js';
import { LEFT_LIDS, RIGHT_LIDS } from '../geometry/regions.js';
import { TRIANGLES } from '../geometry/topology.js';
import { ByteReader, ByteWriter } from '../protocol/bytes.js';
import type { Parsed } from '../protocol/errors.js';
import { type Identity, parseIdentity } from '../protocol/identity.js';
import { STREAM_SIZES } from '../protocol/limits.js';
import { MAX_VALUE } from '../protocol/motion-codec.js';
import {
  decodeGeometry,
  encodeGeometry,
  encodePicture,
  parsePicture,
  REFERENCE_QUANTISER,
} from '../protocol/picture-update.js';
import { RangeDecoder, RangeEncoder } from '../protocol/range-coder.js';
import { createFrameModel } from './frame-model.js';
import type { Pack } from './pack.js';

/** First byte of the blob. */
const FORMAT = 2;
const COORDINATES = 3 * POINT_COUNT;
/** Steps in a crop unit, as in the full identity. */
const STEPS = 64;
const MAX_STEP = 0x7fff;
/** The scale of the canonical face is in 1/4096. */
const SCALE_BITS = 12;
/** Ones of a Rice code at most. */
const MAX_ONES = 40;
const MAX_RICE = 15;

const CANONICAL = Int32Array.from(CANONICAL_FACE, (value) => Math.round(value * STEPS));

interface Step {
  readonly point: number;
  /** Points before it that it lies beside. */
  readonly beside: readonly number[];
}

/**
 * The order in which points are written: from the tip of the nose outwards over the mesh, breadth
 * first, neighbours by their number; then the irises, the centre beside the outer corner of its eye.
 */
const WALK: readonly Step[] = (() => {
  const neighbours = Array.from({ length: MESH_POINT_COUNT }, () => new Set<number>());
  for (let t = 0; t < TRIANGLES.length; t += 3) {
    const corners = TRIANGLES.subarray(t, t + 3);
    for (const a of corners) for (const b of corners) if (a !== b) neighbours[a].add(b);
  }
  const walk: Step[] = [];
  const rank = new Map([[1, 0]]);
  for (const point of rank.keys()) {
    const sorted = [...neighbours[point]].sort((a, b) => a - b);
    for (const next of sorted) if (!rank.has(next)) rank.set(next, rank.size);
    const own = rank.get(point)!;
    walk.push({ point, beside: sorted.filter((other) => rank.get(other)! < own) });
  }
  const corners: Record<number, number> = { 468: RIGHT_LIDS[0], 473: LEFT_LIDS[0] };
  for (let point = MESH_POINT_COUNT; point < POINT_COUNT; point++)
    walk.push({ point, beside: [corners[point] ?? point - 1] });
  return walk;
})();

/** What is expected of a coordinate: the mean over the points beside it, to whole steps. */
function expected(offsets: Int32Array, beside: readonly number[], axis: number): number {
  if (beside.length === 0) return 0;
  let sum = 0;
  for (const other of beside) sum += offsets[3 * other + axis];
  return Math.floor((2 * sum + beside.length) / (2 * beside.length));
}

/** The canonical face at a scale of `scale` / 4096, in steps. */
const scaled = (i: number, scale: number): number =>
  (CANONICAL[i] * scale + (1 << (SCALE_BITS - 1))) >> SCALE_BITS;

/**
 * A small identity of one reference, so that a stranger is seen soon (spec/bitstream.md, "Compact identity
 * blob"). The neutral geometry is that of `identity` to 1/64 crop unit; of its references the first is
 * taken, with `picture` (WebP) in the place of its own. Throws a TypeError where that is none.
 */
export function encodeCompactIdentity(
  { size, neutral, references: [{ landmarks }] }: Identity,
  picture: Uint8Array,
  pack: Pack,
): Uint8Array {
  const steps = Int32Array.from(neutral, (value) => Math.round(value * STEPS));
  const scale = scaleOf(neutral);
  const offsets = steps.map((step, i) => step - scaled(i, scale));
  const encoder = new RangeEncoder();
  const parameters = [0, 1, 2].map((axis) => {
    const folded = WALK.map(({ point, beside }) => {
      const residual = offsets[3 * point + axis] - expected(offsets, beside, axis);
      return residual < 0 ? -2 * residual - 1 : 2 * residual;
    });
    const parameter = riceParameter(folded);
    for (const value of folded) {
      for (let ones = value >> parameter; ones > 0; ones--) encoder.bits(1, 1);
      encoder.bits(0, 1);
      encoder.bits(value & ((1 << parameter) - 1), parameter);
    }
    return parameter;
  });
  const coded = encoder.finish();
  const model = createFrameModel(pack, neutral);
  const values = model.quantise(landmarks, undefined, REFERENCE_QUANTISER, MAX_VALUE);
  const reference = encodePicture({
    kind: 'reference',
    index: 0,
    shown: 1,
    quantiser: REFERENCE_QUANTISER,
    geometry: encodeGeometry(pack.tables, values),
    picture,
  });
  const writer = new ByteWriter(reference.length + coded.length + 16);
  writer.u8(FORMAT).u16(size).u16(scale);
  for (const parameter of parameters) writer.u8(parameter);
  return writer.varint(coded.length).bytes(coded).bytes(reference).finish();
}

/** The scale of the canonical face that is nearest to a geometry, in 1/4096. */
function scaleOf(neutral: Landmarks): number {
  const size = (geometry: Landmarks) => {
    const mean = [0, 0, 0];
    for (let i = 0; i < COORDINATES; i++) mean[i % 3] += geometry[i] / POINT_COUNT;
    return Math.sqrt(geometry.reduce((sum, value, i) => sum + (value - mean[i % 3]) ** 2, 0));
  };
  return Math.round(Math.min((size(neutral) / size(CANONICAL_FACE)) * 2 ** SCALE_BITS, 0xffff));
}

/** The parameter of the shortest Rice code (Rice and Plaunt 1971) of these numbers. */
function riceParameter(values: readonly number[]): number {
  const largest = Math.max(...values);
  let best = MAX_RICE;
  let fewest = Number.POSITIVE_INFINITY;
  for (let k = 0; k <= MAX_RICE; k++) {
    if (largest >> k > MAX_ONES) continue;
    const bits = values.reduce((sum, value) => sum + (value >> k) + 1 + k, 0);
    if (bits < fewest) best = k;
    fewest = Math.min(fewest, bits);
  }
  return best;
}

/** Reads an untrusted identity, a full or a compact one, as `parseIdentity`. */
export function parseAnyIdentity(bytes: Uint8Array, pack: Pack): Parsed<Identity> {
  return bytes[0] === FORMAT ? parseCompactIdentity(bytes, pack) : parseIdentity(bytes);
}

function parseCompactIdentity(bytes: Uint8Array, pack: Pack): Parsed<Identity> {
  const reader = new ByteReader(bytes);
  reader.u8();
  const announced = reader.u16();
  const size = STREAM_SIZES.find((known) => known === announced);
  const scale = reader.u16();
  const parameters = [reader.u8(), reader.u8(), reader.u8()];
  const length = reader.varint();
  if (size === undefined || parameters.some((parameter) => parameter > MAX_RICE))
    reader.fail('malformed');
  const coded = reader.bytes(length);
  const blob = reader.bytes(reader.remaining);
  if (reader.drop !== undefined) return { ok: false, drop: reader.drop };
  const neutral = readNeutral(coded, scale, parameters);
  if (!neutral.ok) return neutral;
  const reference = parsePicture(blob);
  if (!reference.ok) return reference;
  const { value } = reference;
  if (value.kind !== 'reference' || value.index !== 0 || value.shown !== 1)
    return { ok: false, drop: 'malformed' };
  const values = decodeGeometry(pack.tables, value.geometry);
  if (!values.ok) return values;
  const model = createFrameModel(pack, neutral.value);
  const landmarks = model.reconstruct(values.value, value.quantiser).slice(0, COORDINATES);
  if (!landmarks.every(Number.isFinite)) return { ok: false, drop: 'malformed' };
  const references = [{ picture: value.picture, landmarks }];
  return { ok: true, value: { size: size!, neutral: neutral.value, references } };
}

function readNeutral(
  coded: Uint8Array,
  scale: number,
  parameters: readonly number[],
): Parsed<Landmarks> {
  const decoder = new RangeDecoder(coded);
  const offsets = new Int32Array(COORDINATES);
  const neutral = new Float32Array(COORDINATES);
  let valid = true;
  for (const [axis, parameter] of parameters.entries()) {
    for (const { point, beside } of WALK) {
      let ones = 0;
      while (ones <= MAX_ONES && decoder.bits(1) === 1) ones++;
      const folded = (ones << parameter) + decoder.bits(parameter);
      const residual = folded & 1 ? -(folded + 1) / 2 : folded / 2;
      const i = 3 * point + axis;
      offsets[i] = expected(offsets, beside, axis) + residual;
      const step = scaled(i, scale) + offsets[i];
      valid &&= ones <= MAX_ONES && Math.abs(step) <= MAX_STEP;
      neutral[i] = step / STEPS;
    }
  }
  return valid && !decoder.invalid
    ? { ok: true, value: neutral }
    : { ok: false, drop: 'malformed' };
}
