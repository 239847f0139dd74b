import { CROP_UNITS, type Landmarks } from '../../geometry/landmarks.js';
import type { Picture } from '../../geometry/picture.js';
import { LEFT_LIDS, LIPS_INNER, RIGHT_LIDS } from '../../geometry/regions.js';
import { gapOf, ringOf } from '../../geometry/ring.js';
import { smoothstep } from '../../geometry/smoothstep.js';
import type { DecoderReference } from '../decoder.js';

/**
 * What shows between the lips. Teeth hang from the skull: they keep their size, and the lips cover
 * and uncover them. Where the lips open further than a reference shows, the inside is made up: soft
 * teeth, shadow, tongue.
 */
export interface Mouth {
  /** Lays out a frame (crop units). */
  update(geometry: Landmarks): void;
  /** Turns to the pixel at `x`, `y`: fills `colour` (R, G, B) with the made-up inside there. */
  look(x: number, y: number): void;
  /**
   * Where in reference `k` that pixel comes from, given where the lips' mesh would take it; the
   * position is in `at`, pixels. Returns how much of it gives way to `colour`, 0–1.
   */
  source(k: number, meshX: number, meshY: number): number;
  readonly at: { x: number; y: number };
  readonly colour: Float32Array;
}

/** Crop units that a reference's lips are apart before it shows an inside at all, and wholly. */
const CLOSED_GAP = 0.8;
const OPEN_GAP = 2;
/** How far closed lips are stretched before the inside is made up. */
const MOST_STRETCH = 1.5;
/** Crop units of opening over which what is made up fades in. */
const FADE_IN = 3;
/** Crop units over which the inside passes into the lips. */
const LIP_EDGE = 2;
/** Colours as shares of the cheeks' R, G, B. */
const SHADOW = [0.34, 0.2, 0.19];
const TONGUE = [0.6, 0.38, 0.38];
/** The teeth's R, G, B as shares of the cheeks' luma. */
const TEETH = [1.08, 1.0, 0.94];
/** How much of the teeth shows through the shadow of the lips. */
const TEETH_SHARE = 0.75;
/** The teeth's height over the mouth's width, and its most over the opening. */
const TEETH_HEIGHT = 0.14;
const TEETH_MOST = 0.45;

/** Where in a ring of lips the second corner is. */
const CORNER = LIPS_INNER.length / 2;

/** A mouth of a person with these references (crop units) and pictures of `size`. */
export function createMouth(references: readonly DecoderReference[], size: number): Mouth {
  const unit = size / CROP_UNITS;
  const sources = references.map(({ landmarks }) => {
    const lips = createLips(size);
    lips.place(landmarks);
    const shows = smoothstep(CLOSED_GAP * unit, OPEN_GAP * unit, lips.gap());
    return { lips, shows, faceWidth: eyeDistance(landmarks) };
  });
  const frames = sources.map(() => ({ scale: 1, missing: 0 }));
  const skin = cheekColour(references[0].picture, references[0].landmarks);
  const luma = 0.299 * skin[0] + 0.587 * skin[1] + 0.114 * skin[2];
  const shadow = SHADOW.map((value, i) => value * skin[i]);
  const tongue = TONGUE.map((value, i) => value * skin[i]);
  const teeth = TEETH.map((value) => value * luma);
  const colour = new Float32Array(3);
  const at = { x: 0, y: 0 };
  const lips = createLips(size);
  let smile = 0;
  // The pixel looked at: its share of the mouth's width, its distance from the upper lip, and how
  // far it is from both lips' edges, 0–1.
  let across = 0;
  let below = 0;
  let edge = 0;

  function update(geometry: Landmarks): void {
    lips.place(geometry);
    const gap = lips.gap();
    const faceWidth = eyeDistance(geometry);
    sources.forEach((source, k) => {
      const scale = source.faceWidth / (faceWidth + 1e-6);
      const stretch = MOST_STRETCH + source.shows * (1 - MOST_STRETCH);
      frames[k].scale = scale;
      frames[k].missing = smoothstep(0, FADE_IN * unit, gap * scale - stretch * source.lips.gap());
    });
    // Rounded lips cover the teeth.
    smile = smoothstep(1.2, 3.5, lips.width() / (gap + 1e-3));
  }

  function look(x: number, y: number): void {
    lips.look(x, y);
    const width = lips.width();
    const opening = Math.max(1e-3, lips.bottom() - lips.top());
    across = lips.along() / width;
    below = lips.across() - lips.top();
    const above = opening - below;
    edge = smoothstep(0, Math.min(LIP_EDGE * unit, 0.3 * opening), Math.min(below, above));
    const height = Math.min(TEETH_HEIGHT * width, TEETH_MOST * opening);
    const middle = smoothstep(0.05, 0.3, across) * smoothstep(0.05, 0.3, 1 - across);
    const tooth =
      TEETH_SHARE * smile * middle * (1 - smoothstep(0.7 * height, 1.15 * height, below));
    const lick = 0.8 * middle * (1 - smoothstep(0.15 * opening, 0.5 * opening, above));
    for (let i = 0; i < 3; i++) {
      const back = shadow[i] + lick * (tongue[i] - shadow[i]);
      colour[i] = back + tooth * (teeth[i] - back);
    }
  }

  function source(k: number, meshX: number, meshY: number): number {
    const { lips: own, shows } = sources[k];
    const { scale, missing } = frames[k];
    at.x = meshX;
    at.y = meshY;
    if (shows === 0) return missing * edge;
    own.goTo(across * own.width());
    const opening = own.bottom() - own.top();
    const depth = below * scale;
    own.toPixel(own.top() + Math.min(depth, opening), at);
    at.x = meshX + shows * edge * (at.x - meshX);
    at.y = meshY + shows * edge * (at.y - meshY);
    const beyond = smoothstep(0.7 * opening, opening, depth);
    return missing * edge * (1 - shows + shows * beyond);
  }
  return { update, look, source, at, colour };
}

/** The inner lips in the mouth's own frame: from corner to corner, and across. */
function createLips(size: number) {
  const lower = { along: new Float32Array(CORNER + 1), across: new Float32Array(CORNER + 1) };
  const upper = { along: new Float32Array(CORNER + 1), across: new Float32Array(CORNER + 1) };
  let ox = 0;
  let oy = 0;
  let ax = 1;
  let ay = 0;
  let width = 1;
  let gap = 0;
  let along = 0;
  let across = 0;

  function place(geometry: Landmarks): void {
    const ring = ringOf(geometry, LIPS_INNER, size);
    gap = gapOf(ring);
    [ox, oy] = ring;
    width = Math.hypot(ring[2 * CORNER] - ox, ring[2 * CORNER + 1] - oy) + 1e-3;
    ax = (ring[2 * CORNER] - ox) / width;
    ay = (ring[2 * CORNER + 1] - oy) / width;
    for (let i = 0; i <= CORNER; i++) {
      const opposite = (LIPS_INNER.length - i) % LIPS_INNER.length;
      for (const [lip, point] of [
        [lower, i],
        [upper, opposite],
      ] as const) {
        const x = ring[2 * point] - ox;
        const y = ring[2 * point + 1] - oy;
        lip.along[i] = ax * x + ay * y;
        lip.across[i] = ax * y - ay * x;
      }
    }
  }
  return {
    place,
    gap: () => gap,
    width: () => width,
    look(x: number, y: number): void {
      along = ax * (x - ox) + ay * (y - oy);
      across = ax * (y - oy) - ay * (x - ox);
    },
    goTo(value: number): void {
      along = value;
    },
    along: () => along,
    across: () => across,
    top: () => interpolate(upper.along, upper.across, along),
    bottom: () => interpolate(lower.along, lower.across, along),
    toPixel(down: number, out: { x: number; y: number }): void {
      out.x = ox + ax * along - ay * down;
      out.y = oy + ay * along + ax * down;
    },
  };
}

function interpolate(xs: Float32Array, ys: Float32Array, x: number): number {
  let i = 1;
  while (i < xs.length - 1 && xs[i] < x) i++;
  const span = xs[i] - xs[i - 1];
  const t = Math.abs(span) < 1e-6 ? 0 : Math.min(1, Math.max(0, (x - xs[i - 1]) / span));
  return ys[i - 1] + t * (ys[i] - ys[i - 1]);
}

/** The distance between the outer corners of the eyes: the skull's scale, in crop units. */
function eyeDistance(geometry: Landmarks): number {
  const [right, left] = [3 * RIGHT_LIDS[0], 3 * LEFT_LIDS[0]];
  return Math.hypot(
    geometry[right] - geometry[left],
    geometry[right + 1] - geometry[left + 1],
    geometry[right + 2] - geometry[left + 2],
  );
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
