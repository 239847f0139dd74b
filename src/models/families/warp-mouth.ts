import { CROP_UNITS, type Landmarks } from '../../geometry/landmarks.js';
import type { Picture } from '../../geometry/picture.js';
import { LIPS_INNER } from '../../geometry/regions.js';
import { gapOf, ringOf } from '../../geometry/ring.js';
import { smoothstep } from '../../geometry/smoothstep.js';
import type { DecoderReference } from '../decoder.js';

/** The mouth's inside where lips open wider than a reference shows: soft teeth, shadow, tongue. */
export interface Mouth {
  /** Lays out a frame (crop units). */
  update(geometry: Landmarks): void;
  /** How much of reference `k` gives way to the made-up inside in this frame, 0–1. */
  missing(k: number): number;
  /**
   * The made-up inside at `x`, `y` in pixels: its colour goes to `colour` (R, G, B); returned is
   * how much it covers there, 0 at the lips to 1.
   */
  inside(x: number, y: number): number;
  readonly colour: Float32Array;
}

/** How far the reference's opening is stretched before the inside is made up. */
const MOST_STRETCH = 1.7;
/** Crop units of opening over which what is made up fades in. */
const FADE_IN = 3;
/** Crop units over which the inside passes into the lips. */
const LIP_EDGE = 2.5;
/** Colours as shares of the cheeks' R, G, B. */
const SHADOW = [0.34, 0.2, 0.19];
const TONGUE = [0.6, 0.38, 0.38];
/** The teeth's brightness as a share of the cheeks' luma, R, G, B. */
const TEETH = [1.08, 1.0, 0.94];
/** How much of the teeth shows through the shadow of the lips. */
const TEETH_SHARE = 0.75;
/** The teeth's height over the mouth's width, and its most over the opening. */
const TEETH_HEIGHT = 0.14;
const TEETH_MOST = 0.45;

const CORNER = LIPS_INNER.length / 2;

/** A mouth of a person with these references (crop units) and pictures of `size`. */
export function createMouth(references: readonly DecoderReference[], size: number): Mouth {
  const unit = size / CROP_UNITS;
  const gaps = references.map(({ landmarks }) => gapOf(ringOf(landmarks, LIPS_INNER, size)));
  const share = gaps.map(() => 0);
  const skin = cheekColour(references[0].picture, references[0].landmarks);
  const luma = 0.299 * skin[0] + 0.587 * skin[1] + 0.114 * skin[2];
  const shadow = SHADOW.map((value, i) => value * skin[i]);
  const tongue = TONGUE.map((value, i) => value * skin[i]);
  const teeth = TEETH.map((value) => value * luma);
  const colour = new Float32Array(3);
  // The two lips in the mouth's own frame: along its axis, across it.
  const lower = { along: new Float32Array(CORNER + 1), across: new Float32Array(CORNER + 1) };
  const upper = { along: new Float32Array(CORNER + 1), across: new Float32Array(CORNER + 1) };
  let ox = 0;
  let oy = 0;
  let ax = 1;
  let ay = 0;
  let width = 1;
  let smile = 0;

  function update(geometry: Landmarks): void {
    const ring = ringOf(geometry, LIPS_INNER, size);
    const gap = gapOf(ring);
    gaps.forEach((own, k) => {
      share[k] = smoothstep(0, FADE_IN * unit, gap - MOST_STRETCH * own);
    });
    [ox, oy] = ring;
    width = Math.hypot(ring[2 * CORNER] - ox, ring[2 * CORNER + 1] - oy) + 1e-3;
    ax = (ring[2 * CORNER] - ox) / width;
    ay = (ring[2 * CORNER + 1] - oy) / width;
    // Rounded lips cover the teeth.
    smile = smoothstep(1.2, 3.5, width / (gap + 1e-3));
    for (let i = 0; i <= CORNER; i++) {
      for (const [lip, point] of [
        [lower, i],
        [upper, (LIPS_INNER.length - i) % LIPS_INNER.length],
      ] as const) {
        const x = ring[2 * point] - ox;
        const y = ring[2 * point + 1] - oy;
        lip.along[i] = ax * x + ay * y;
        lip.across[i] = ax * y - ay * x;
      }
    }
  }

  function inside(x: number, y: number): number {
    const along = ax * (x - ox) + ay * (y - oy);
    const across = ax * (y - oy) - ay * (x - ox);
    const top = interpolate(upper.along, upper.across, along);
    const bottom = interpolate(lower.along, lower.across, along);
    const opening = Math.max(1e-3, bottom - top);
    const below = across - top;
    const above = bottom - across;
    const height = Math.min(TEETH_HEIGHT * width, TEETH_MOST * opening);
    const corner = smoothstep(0.05, 0.3, along / width) * smoothstep(0.05, 0.3, 1 - along / width);
    const tooth =
      TEETH_SHARE * smile * corner * (1 - smoothstep(0.7 * height, 1.15 * height, below));
    const lick = 0.8 * corner * (1 - smoothstep(0.15 * opening, 0.5 * opening, above));
    for (let i = 0; i < 3; i++) {
      const back = shadow[i] + lick * (tongue[i] - shadow[i]);
      colour[i] = back + tooth * (teeth[i] - back);
    }
    const edge = Math.min(LIP_EDGE * unit, 0.3 * opening);
    return smoothstep(0, edge, Math.min(below, above));
  }
  return { update, missing: (k) => share[k], inside, colour };
}

function interpolate(xs: Float32Array, ys: Float32Array, x: number): number {
  let i = 1;
  while (i < xs.length - 1 && xs[i] < x) i++;
  const span = xs[i] - xs[i - 1];
  const t = Math.abs(span) < 1e-6 ? 0 : Math.min(1, Math.max(0, (x - xs[i - 1]) / span));
  return ys[i - 1] + t * (ys[i] - ys[i - 1]);
}

/** Points of both cheeks. */
const CHEEKS = [50, 101, 118, 205, 280, 330, 347, 425];

/** The mean R, G, B of the cheeks. */
function cheekColour({ width, height, data }: Picture, landmarks: Landmarks): number[] {
  const sum = [0, 0, 0];
  const pixel = (value: number, side: number) =>
    Math.min(side - 1, Math.max(0, Math.floor((value * side) / CROP_UNITS)));
  for (const p of CHEEKS) {
    const at = pixel(landmarks[3 * p + 1], height) * width + pixel(landmarks[3 * p], width);
    for (let i = 0; i < 3; i++) sum[i] += data[4 * at + i] / CHEEKS.length;
  }
  return sum;
}
