import { ByteReader, ByteWriter } from './bytes.js';
import { checkInteger, checkOption } from './check-options.js';
import type { Parsed } from './errors.js';
import {
  MAX_PICTURE_BYTES,
  MAX_PICTURE_GEOMETRY_BYTES,
  MAX_REFERENCE_SIDE,
  MAX_REFERENCES,
} from './limits.js';
import { decodeFrame, encodeFrame, initialState } from './motion-codec.js';
import { MAX_QUANTISER } from './motion-packet.js';
import type { MotionTables } from './motion-tables.js';
import { RangeDecoder, RangeEncoder } from './range-coder.js';
import { webpSize } from './webp-header.js';

/** A reference picture that takes a place among the identity's, or is added to them. */
export interface ReferencePicture {
  readonly kind: 'reference';
  /** Place, 0–`MAX_REFERENCES` − 1. */
  readonly index: number;
  /** Places that are shown with from now on, bit i for place i, 1–65535, its own among them; 0: it is kept, and what is shown stays. */
  readonly shown: number;
  /** Quantiser index of the geometry, 0–15. */
  readonly quantiser: number;
  /** 1–`MAX_PICTURE_GEOMETRY_BYTES` bytes of `encodeGeometry`. */
  readonly geometry: Uint8Array;
  /** A WebP file, at most `MAX_REFERENCE_SIDE` pixels on a side. */
  readonly picture: Uint8Array;
}

/** A picture of the whole crop, to be shown as it is until the next motion frame with a face. */
export interface StillPicture {
  readonly kind: 'still';
  /** Number of the first motion frame that it may stand for, modulo 2^16. */
  readonly sequence: number;
  /** As that of a reference. */
  readonly picture: Uint8Array;
}

/** Which of the references that the receiver has are shown with: back to earlier ones, without a picture. */
export interface ShownPlaces {
  readonly kind: 'places';
  /** Places that are shown with from now on, 1–65535. */
  readonly shown: number;
}

/** A picture during the call, or a choice among those that came. */
export type PictureUpdate = ReferencePicture | StillPicture | ShownPlaces;

/** Quantiser index of a reference's geometry as visavis writes it: half the motion's steps, for 5 bytes more. */
export const REFERENCE_QUANTISER = 0;

const REFERENCE = 1;
const STILL = 2;
const PLACES = 3;
const MAX_SHOWN = 2 ** MAX_REFERENCES - 1;

/** The blob of a picture (spec/bitstream.md, "Pictures"). TypeError that names a field out of its range. */
export function encodePicture(update: PictureUpdate): Uint8Array {
  if (update.kind === 'places') {
    checkInteger('shown', update.shown, 1, MAX_SHOWN);
    return new ByteWriter(3).u8(PLACES).u16(update.shown).finish();
  }
  const { picture } = update;
  const size = webpSize(picture);
  checkOption(
    size.ok && Math.max(size.value.width, size.value.height) <= MAX_REFERENCE_SIDE,
    'picture',
    `WebP of at most ${MAX_REFERENCE_SIDE} pixels a side`,
  );
  const writer = new ByteWriter(picture.length + 256);
  if (update.kind === 'reference') {
    const { index, shown, quantiser, geometry } = update;
    checkInteger('index', index, 0, MAX_REFERENCES - 1);
    checkInteger('shown', shown, 0, MAX_SHOWN);
    checkOption(
      isShownOrKept(shown, index),
      'shown',
      `0, or places with ${index} among them`,
      shown,
    );
    checkInteger('quantiser', quantiser, 0, MAX_QUANTISER);
    checkInteger('geometry.length', geometry.length, 1, MAX_PICTURE_GEOMETRY_BYTES);
    writer.u8(REFERENCE).u8(index).u16(shown).u8(quantiser).varint(geometry.length).bytes(geometry);
  } else {
    checkInteger('sequence', update.sequence, 0, 0xffff);
    writer.u8(STILL).u16(update.sequence);
  }
  writer.bytes(picture);
  checkOption(
    writer.length <= MAX_PICTURE_BYTES,
    'picture',
    `at most ${MAX_PICTURE_BYTES} bytes with its geometry`,
    picture.length,
  );
  return writer.finish();
}

const isShownOrKept = (shown: number, index: number): boolean =>
  shown === 0 || ((shown >> index) & 1) === 1;

/** Reads an untrusted blob; the parts are views of `bytes`, and what the picture holds is not looked at. */
export function parsePicture(bytes: Uint8Array): Parsed<PictureUpdate> {
  if (bytes.length > MAX_PICTURE_BYTES) return { ok: false, drop: 'over-limit' };
  const reader = new ByteReader(bytes);
  const kind = reader.u8();
  if (kind === PLACES) return readPlaces(reader);
  if (reader.drop === undefined && kind !== REFERENCE && kind !== STILL) reader.fail('malformed');
  const fields = kind === REFERENCE ? readReference(reader) : undefined;
  const sequence = kind === STILL ? reader.u16() : 0;
  const picture = reader.bytes(reader.remaining);
  if (reader.drop === undefined) {
    const size = webpSize(picture);
    if (!size.ok) reader.fail('malformed');
    else if (Math.max(size.value.width, size.value.height) > MAX_REFERENCE_SIDE) {
      reader.fail('over-limit');
    }
  }
  if (reader.drop !== undefined) return { ok: false, drop: reader.drop };
  if (fields) return { ok: true, value: { kind: 'reference', ...fields, picture } };
  return { ok: true, value: { kind: 'still', sequence, picture } };
}

function readPlaces(reader: ByteReader): Parsed<PictureUpdate> {
  const shown = reader.u16();
  if (shown === 0 || reader.remaining > 0) reader.fail('malformed');
  if (reader.drop !== undefined) return { ok: false, drop: reader.drop };
  return { ok: true, value: { kind: 'places', shown } };
}

function readReference(reader: ByteReader): Omit<ReferencePicture, 'kind' | 'picture'> {
  const index = reader.u8();
  if (index >= MAX_REFERENCES) reader.fail('over-limit');
  const shown = reader.u16();
  if (!isShownOrKept(shown, index)) reader.fail('malformed');
  const quantiser = reader.u8();
  if (quantiser > MAX_QUANTISER) reader.fail('malformed');
  const length = reader.varint();
  if (length > MAX_PICTURE_GEOMETRY_BYTES) reader.fail('over-limit');
  if (length === 0) reader.fail('malformed');
  return { index, shown, quantiser, geometry: reader.bytes(length) };
}

/** The integers of a geometry (those of a motion frame with a face) as bytes. */
export function encodeGeometry(tables: MotionTables, values: Int16Array): Uint8Array {
  const encoder = new RangeEncoder();
  encodeFrame(encoder, tables, 'independent', initialState(values.length, 0), values);
  return encoder.finish();
}

/** Back: any bytes give some integers, unless no encoder makes them or they have no face (`malformed`). */
export function decodeGeometry(tables: MotionTables, bytes: Uint8Array): Parsed<Int16Array> {
  const decoder = new RangeDecoder(bytes);
  const start = initialState(tables.valueCount, 0);
  const { values, facePresent } = decodeFrame(decoder, tables, 'independent', start);
  if (decoder.invalid || !facePresent) return { ok: false, drop: 'malformed' };
  return { ok: true, value: values };
}
