import {
  LENGTH_SYMBOLS,
  type MotionTables,
  RESIDUAL_LIMIT,
  RESIDUAL_SYMBOLS,
} from './motion-tables.js';
import type { RangeDecoder, RangeEncoder } from './range-coder.js';

/** Largest magnitude of a coded value: bit lengths go to 15. */
export const MAX_VALUE = 2 ** (LENGTH_SYMBOLS - 1) - 1;
const ESCAPE = RESIDUAL_SYMBOLS - 1;

/**
 * The integer state of the motion codec after a frame: all that the next frame may be predicted
 * from, equal bit for bit at both ends.
 */
export interface MotionState {
  /** Quantised pose (6), expression (n) and gaze (4); never changed once the state exists. */
  readonly values: Int16Array;
  /** Quantiser index 0–15 that gives the values their scale; only an independent frame changes it. */
  readonly quantiser: number;
  /** Recent size of residuals, in 1/16 of their sum: chooses the context of the next frame. */
  readonly activity: number;
  /** Whether a face was in the picture. Without one the values are those of the state before. */
  readonly facePresent: boolean;
}

/** The state that independent frames start from. */
export function initialState(valueCount: number, quantiser: number): MotionState {
  return { values: new Int16Array(valueCount), quantiser, activity: 0, facePresent: true };
}

const ACTIVITY_THRESHOLDS = [2, 4, 6, 8, 12];

/** Which of a value's residual tables codes the frame after a state of this activity. */
export function activityContext(activity: number, valueCount: number): number {
  // A mean residual of 1/8, 1/4, 3/8, 1/2 and 3/4 of a step, in the activity's unit.
  return ACTIVITY_THRESHOLDS.filter((threshold) => activity >= threshold * valueCount).length;
}

function nextActivity(activity: number, sum: number): number {
  return (activity * 5 + sum * 16 * 11 + 8) >> 4;
}

/** Largest residual magnitude that counts towards the activity. */
const ACTIVITY_CLIP = 6;

/** Exp-Golomb code of order 1 in uniform bits. */
function encodeEscape(encoder: RangeEncoder, value: number): void {
  const shifted = value + 2;
  const length = 31 - Math.clz32(shifted);
  for (let bit = 1; bit < length; bit++) encoder.bits(1, 1);
  encoder.bits(0, 1);
  encoder.bits(shifted - (1 << length), length);
}

function decodeEscape(decoder: RangeDecoder): number {
  let length = 1;
  while (length < LENGTH_SYMBOLS && decoder.bits(1) === 1) length++;
  return (1 << length) + decoder.bits(Math.min(length, 15)) - 2;
}

function clampValue(value: number): number {
  return Math.max(-MAX_VALUE, Math.min(MAX_VALUE, value));
}

/** Whether a frame is coded as differences from its reference state or on its own. */
export type Coding = 'predicted' | 'independent';

/**
 * Codes `values` (integers, |v| ≤ MAX_VALUE; undefined where the picture has no face) after the
 * state `base`: predicted from it, or independently of it, and then `base` must be an
 * `initialState`. Returns the state after the frame.
 */
export function encodeFrame(
  encoder: RangeEncoder,
  tables: MotionTables,
  coding: Coding,
  base: MotionState,
  values: Int16Array | undefined,
): MotionState {
  encoder.bits(values ? 1 : 0, 1);
  if (!values) return { ...base, facePresent: false };
  let sum = 0;
  if (coding === 'predicted') {
    const c = activityContext(base.activity, tables.valueCount);
    for (let v = 0; v < tables.valueCount; v++) {
      const residual = values[v] - base.values[v];
      const magnitude = Math.abs(residual);
      sum += Math.min(magnitude, ACTIVITY_CLIP);
      if (magnitude <= RESIDUAL_LIMIT) {
        encoder.symbol(tables.residual[v][c], residual + RESIDUAL_LIMIT);
      } else {
        encoder.symbol(tables.residual[v][c], ESCAPE);
        encoder.bits(residual < 0 ? 1 : 0, 1);
        encodeEscape(encoder, magnitude - RESIDUAL_LIMIT - 1);
      }
    }
  } else {
    for (let v = 0; v < tables.valueCount; v++) {
      const magnitude = Math.abs(values[v]);
      const length = 32 - Math.clz32(magnitude);
      encoder.symbol(tables.length[v], length);
      if (length === 0) continue;
      encoder.bits(values[v] < 0 ? 1 : 0, 1);
      encoder.bits(magnitude - (1 << (length - 1)), length - 1);
    }
  }
  const activity = coding === 'predicted' ? nextActivity(base.activity, sum) : 0;
  return { values: values.slice(), quantiser: base.quantiser, activity, facePresent: true };
}

/**
 * The inverse of `encodeFrame`. Any bytes decode to some state: whether it is the sender's, the
 * packet's digest tells.
 */
export function decodeFrame(
  decoder: RangeDecoder,
  tables: MotionTables,
  coding: Coding,
  base: MotionState,
): MotionState {
  if (decoder.bits(1) === 0) return { ...base, facePresent: false };
  const values = new Int16Array(tables.valueCount);
  let sum = 0;
  if (coding === 'predicted') {
    const c = activityContext(base.activity, tables.valueCount);
    for (let v = 0; v < tables.valueCount; v++) {
      const symbol = decoder.symbol(tables.residual[v][c]);
      let residual = symbol - RESIDUAL_LIMIT;
      if (symbol === ESCAPE) {
        const negative = decoder.bits(1) === 1;
        const magnitude = RESIDUAL_LIMIT + 1 + decodeEscape(decoder);
        residual = negative ? -magnitude : magnitude;
      }
      sum += Math.min(Math.abs(residual), ACTIVITY_CLIP);
      values[v] = clampValue(base.values[v] + residual);
    }
  } else {
    for (let v = 0; v < tables.valueCount; v++) {
      const length = decoder.symbol(tables.length[v]);
      if (length === 0) continue;
      const negative = decoder.bits(1) === 1;
      const magnitude = (1 << (length - 1)) + decoder.bits(length - 1);
      values[v] = negative ? -magnitude : magnitude;
    }
  }
  const activity = coding === 'predicted' ? nextActivity(base.activity, sum) : 0;
  return { values, quantiser: base.quantiser, activity, facePresent: true };
}

/**
 * FNV-1a (32 bits) over the state: values and activity as 16-bit big-endian, then a byte each of
 * quantiser and presence.
 */
export function stateDigest(state: MotionState): number {
  let hash = 0x811c9dc5;
  const byte = (value: number) => {
    hash = Math.imul(hash ^ (value & 0xff), 0x01000193);
  };
  for (const value of state.values) {
    byte(value >> 8);
    byte(value);
  }
  byte(state.activity >> 8);
  byte(state.activity);
  byte(state.quantiser);
  byte(state.facePresent ? 1 : 0);
  return hash >>> 0;
}
