import { ByteReader, ByteWriter } from './bytes.js';
import type { Parsed } from './errors.js';
import { float16Bits, float16Value } from './float16.js';
import {
  IDENTITY_POINTS,
  MAX_CODE_LENGTH,
  MAX_IDENTITY_BYTES,
  MAX_PERSONAL_BYTES,
  MAX_REFERENCE_BYTES,
  MAX_REFERENCE_SIDE,
  MAX_REFERENCES,
  STREAM_SIZES,
  type StreamSize,
} from './limits.js';
import { webpSize } from './webp-header.js';

/** A reference picture of the enrolled person. */
export interface IdentityReference {
  /** A WebP file, at most `MAX_REFERENCE_SIDE` pixels on a side. */
  readonly picture: Uint8Array;
  /** 478 × (x, y, z) in crop units: whole multiples of 1/64 once parsed. */
  readonly landmarks: Float32Array;
}

/** What a receiver must know of a person to show motion frames of them. */
export interface Identity {
  /** Pixels across the square picture that the references were made for. */
  readonly size: StreamSize;
  /** The face at rest, 478 × (x, y, z) in crop units: whole multiples of 1/64 once parsed. */
  readonly neutral: Float32Array;
  /** 1–`MAX_REFERENCES`. */
  readonly references: readonly IdentityReference[];
  /** z_l of the decoder families that have one: 1–`MAX_CODE_LENGTH` numbers of binary16. */
  readonly layoutCode?: Float32Array;
  /** z_s, likewise. */
  readonly styleCode?: Float32Array;
  /**
   * Differences of a personal pack, 1–`MAX_PERSONAL_BYTES` (`parsePersonal`): only for receivers with
   * the feature `personal`, others read no such identity.
   */
  readonly personal?: Uint8Array;
}

/** First byte of the blob. */
const FORMAT_VERSION = 1;
const HAS_LAYOUT_CODE = 1;
const HAS_STYLE_CODE = 2;
const HAS_PERSONAL = 4;
/** Code of `image/webp`, the one picture format of this version. */
const WEBP = 1;

/** Numbers in a geometry. */
const COORDINATES = IDENTITY_POINTS * 3;
/** Steps in a crop unit: a quarter of the finest quantiser of the motion codec. */
const STEPS = 64;
const MAX_STEP = 0x7fff;

/**
 * The bytes of an identity (`spec/bitstream.md`, Identity blob). It rounds the geometry to 1/64 crop
 * unit and the codes to binary16, so the sender must itself work with what `parseIdentity` gives
 * back. Throws a TypeError that names a field that is out of its range.
 */
export function encodeIdentity(identity: Identity): Uint8Array {
  const { size, references, layoutCode, styleCode, personal } = identity;
  check(STREAM_SIZES.includes(size), `size: must be one of ${STREAM_SIZES.join(', ')}`);
  check(
    references.length >= 1 && references.length <= MAX_REFERENCES,
    `references: must be 1–${MAX_REFERENCES}`,
  );
  const writer = new ByteWriter(4096)
    .u8(FORMAT_VERSION)
    .u8(
      (layoutCode ? HAS_LAYOUT_CODE : 0) |
        (styleCode ? HAS_STYLE_CODE : 0) |
        (personal ? HAS_PERSONAL : 0),
    )
    .u16(size)
    .u8(references.length);
  const neutral = toSteps(identity.neutral, 'neutral');
  for (const step of neutral) writer.u16(step);
  references.forEach((reference, index) => {
    writeReference(writer, reference, neutral, `references[${index}]`);
  });
  if (layoutCode) writeCode(writer, layoutCode, 'layoutCode');
  if (styleCode) writeCode(writer, styleCode, 'styleCode');
  if (personal) {
    check(
      personal.length >= 1 && personal.length <= MAX_PERSONAL_BYTES,
      `personal: must be 1–${MAX_PERSONAL_BYTES} bytes`,
    );
    writer.varint(personal.length).bytes(personal);
  }
  check(
    writer.length <= MAX_IDENTITY_BYTES,
    `identity: must be at most ${MAX_IDENTITY_BYTES} bytes`,
  );
  return writer.finish();
}

function writeReference(
  writer: ByteWriter,
  { picture, landmarks }: IdentityReference,
  neutral: Int16Array,
  path: string,
): void {
  const dimensions = webpSize(picture);
  check(
    dimensions.ok &&
      Math.max(dimensions.value.width, dimensions.value.height) <= MAX_REFERENCE_SIDE &&
      picture.length <= MAX_REFERENCE_BYTES,
    `${path}.picture: must be WebP of at most ${MAX_REFERENCE_SIDE} pixels a side and ${MAX_REFERENCE_BYTES} bytes`,
  );
  writer.u8(WEBP).varint(picture.length).bytes(picture);
  const steps = toSteps(landmarks, `${path}.landmarks`);
  const previous = [0, 0, 0];
  for (let index = 0; index < COORDINATES; index++) {
    const offset = steps[index] - neutral[index];
    writer.signedVarint(offset - previous[index % 3]);
    previous[index % 3] = offset;
  }
}

function toSteps(geometry: Float32Array, path: string): Int16Array {
  check(geometry.length === COORDINATES, `${path}: must be ${COORDINATES} numbers`);
  return Int16Array.from(geometry, (value) => {
    const step = Math.round(value * STEPS);
    check(Math.abs(step) <= MAX_STEP, `${path}: must be within ±${MAX_STEP / STEPS} crop units`);
    return step;
  });
}

function writeCode(writer: ByteWriter, code: Float32Array, path: string): void {
  check(
    code.length >= 1 && code.length <= MAX_CODE_LENGTH,
    `${path}: must be 1–${MAX_CODE_LENGTH} numbers`,
  );
  writer.varint(code.length);
  for (const value of code) {
    const half = float16Bits(value);
    check(Number.isFinite(float16Value(half)), `${path}: must be numbers within ±65504`);
    writer.u16(half);
  }
}

function check(condition: boolean, message: string): void {
  if (!condition) throw new TypeError(message);
}

/**
 * Reads an untrusted identity. Pictures and differences are views of `bytes`; what they hold is not
 * looked at.
 */
export function parseIdentity(bytes: Uint8Array): Parsed<Identity> {
  if (bytes.length > MAX_IDENTITY_BYTES) return { ok: false, drop: 'over-limit' };
  const reader = new ByteReader(bytes);
  if (reader.u8() !== FORMAT_VERSION) reader.fail('malformed');
  const flags = reader.u8();
  if (flags > (HAS_LAYOUT_CODE | HAS_STYLE_CODE | HAS_PERSONAL)) reader.fail('malformed');
  const announced = reader.u16();
  const size = STREAM_SIZES.find((known) => known === announced);
  const count = reader.u8();
  if (count > MAX_REFERENCES) reader.fail('over-limit');
  if (size === undefined || count === 0) reader.fail('malformed');
  const neutral = readNeutral(reader);
  const references: IdentityReference[] = [];
  while (references.length < count && reader.drop === undefined) {
    references.push(readReference(reader, neutral));
  }
  const layoutCode = flags & HAS_LAYOUT_CODE ? readCode(reader) : undefined;
  const styleCode = flags & HAS_STYLE_CODE ? readCode(reader) : undefined;
  const personal = flags & HAS_PERSONAL ? readPersonal(reader) : undefined;
  if (reader.remaining > 0) reader.fail('malformed');
  if (reader.drop !== undefined || size === undefined) {
    return { ok: false, drop: reader.drop ?? 'malformed' };
  }
  return {
    ok: true,
    value: {
      size,
      neutral,
      references,
      ...(layoutCode && { layoutCode }),
      ...(styleCode && { styleCode }),
      ...(personal && { personal }),
    },
  };
}

function readNeutral(reader: ByteReader): Float32Array {
  const geometry = new Float32Array(COORDINATES);
  for (let index = 0; index < COORDINATES && reader.drop === undefined; index++) {
    const step = (reader.u16() << 16) >> 16;
    if (step < -MAX_STEP) reader.fail('malformed');
    geometry[index] = step / STEPS;
  }
  return geometry;
}

function readReference(reader: ByteReader, neutral: Float32Array): IdentityReference {
  if (reader.u8() !== WEBP) reader.fail('malformed');
  const length = reader.varint();
  if (length > MAX_REFERENCE_BYTES) reader.fail('over-limit');
  const picture = reader.bytes(length);
  if (reader.drop === undefined) {
    const dimensions = webpSize(picture);
    if (!dimensions.ok) reader.fail('malformed');
    else if (Math.max(dimensions.value.width, dimensions.value.height) > MAX_REFERENCE_SIDE) {
      reader.fail('over-limit');
    }
  }
  const landmarks = new Float32Array(COORDINATES);
  const offsets = [0, 0, 0];
  for (let index = 0; index < COORDINATES && reader.drop === undefined; index++) {
    offsets[index % 3] += reader.signedVarint();
    const step = neutral[index] * STEPS + offsets[index % 3];
    if (Math.abs(step) > MAX_STEP) reader.fail('malformed');
    landmarks[index] = step / STEPS;
  }
  return { picture, landmarks };
}

function readPersonal(reader: ByteReader): Uint8Array {
  const length = reader.varint();
  if (length > MAX_PERSONAL_BYTES) reader.fail('over-limit');
  if (length === 0) reader.fail('malformed');
  return reader.bytes(length);
}

function readCode(reader: ByteReader): Float32Array {
  const length = reader.varint();
  if (length > MAX_CODE_LENGTH) reader.fail('over-limit');
  if (length === 0) reader.fail('malformed');
  if (length * 2 > reader.remaining) reader.fail('truncated');
  if (reader.drop !== undefined) return new Float32Array(0);
  const code = new Float32Array(length);
  for (let index = 0; index < length; index++) {
    code[index] = float16Value(reader.u16());
    if (!Number.isFinite(code[index])) reader.fail('malformed');
  }
  return code;
}
