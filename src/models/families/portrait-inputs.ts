import type { AppearanceBasis } from '../../geometry/appearance.js';
import { drawContours, drawDisc } from '../../geometry/contours.js';
import { CROP_UNITS, type Landmarks, POINT_COUNT } from '../../geometry/landmarks.js';
import { NO_TRIANGLE } from '../../geometry/rasteriser.js';
import { LEFT_IRIS, RIGHT_IRIS } from '../../geometry/regions.js';
import {
  LEFT_EYE_TRIANGLES,
  MOUTH_TRIANGLES,
  RIGHT_EYE_TRIANGLES,
} from '../../geometry/topology.js';
import { COEFFICIENTS } from '../../geometry/warp-map.js';
import type { DecoderReference } from '../decoder.js';
import { type AppearanceField, createAppearanceField } from './appearance-field.js';
import { createFaceWarp, type FaceWarp } from './face-warp.js';

/** Pixels across the pictures that the network sees and makes. */
export const NETWORK_SIZE = 256;
/** Pixels across the conditioning. */
export const CONDITIONING_SIZE = 128;
/**
 * Channels of the conditioning: the canonical face's x and y (the NMFC image of Head2Head, extended
 * to hair and background; -1 to 1 over its crop), face, inside of the mouth, inside of the lids,
 * irises, contours.
 */
export const CONDITIONING_CHANNELS = 7;
/** Channels of what the network is told of each reference beside its pixels: `trust`. */
export const TRUST_CHANNELS = 4;
/** Pixels that the warp moved something by, for a 1 in `trust`, and the most that is told. */
const MOTION_UNIT = 32;
const MOST_MOTION = 2;

/** A step of an 8-bit channel. */
const UNIT = 1 / 255;
const FACE_TRIANGLES = MOUTH_TRIANGLES.end;
/** The background's rings reach far beyond the canonical face's crop; what matters is inside. */
const FAR = 1.5;

/** What the network of a frame sees, channel planes in row-major order; one frame's at a time. */
export interface PortraitInputs {
  /** Lays out a frame (crop units) and fills in what the network sees of it. */
  update(geometry: Landmarks): void;
  /** Lays out a frame: `warp` and `field` alone. */
  layOut(geometry: Landmarks): void;
  /** Fills in what the network sees of the frame that is laid out. */
  fill(): void;
  /** K × 3 × 256 × 256: each reference, warped to the frame; 0–1. */
  readonly warped: Float32Array;
  /**
   * K × 4 × 128 × 128: the share that the geometry alone gives the reference (0–1); the logarithm
   * to base 2 of how many of its pixels, along a line, go into one of the frame's (limited to -1 to
   * 1); how far to the right and below what is shown lies in the reference, in units of 32 pixels
   * (limited to -2 to 2).
   */
  readonly trust: Float32Array;
  /** `CONDITIONING_CHANNELS` × 128 × 128. */
  readonly conditioning: Float32Array;
  readonly warp: FaceWarp;
  /** The frame's appearance: in `warped` already, to be added to what the network paints. */
  readonly field: AppearanceField | undefined;
}

/**
 * Inputs for a person with these references, pictures of 256 × 256; `appearance` is the pack's basis,
 * where it has one.
 */
export function createPortraitInputs(
  references: readonly DecoderReference[],
  appearance?: AppearanceBasis,
): PortraitInputs {
  const field = appearance && createAppearanceField(appearance);
  const warp = createFaceWarp(references, NETWORK_SIZE);
  const count = references.length;
  const plane = NETWORK_SIZE * NETWORK_SIZE;
  const small = CONDITIONING_SIZE * CONDITIONING_SIZE;
  const warped = new Float32Array(3 * count * plane);
  const trust = new Float32Array(TRUST_CHANNELS * count * small);
  const conditioning = new Float32Array(CONDITIONING_CHANNELS * small);
  const face = new Float32Array(3 * POINT_COUNT);
  const line = new Uint32Array(NETWORK_SIZE);
  /** Of the triangle that is described, reference by reference. */
  const stretches = new Float64Array(count);
  const channel = (index: number) => conditioning.subarray(index * small, (index + 1) * small);
  const eyes = channel(4);
  const irises = channel(5);
  const contours = channel(6);

  function layOut(geometry: Landmarks): void {
    face.set(geometry.subarray(0, face.length));
    warp.update(geometry);
    field?.update(geometry);
  }

  function fill(): void {
    for (let k = 0; k < count; k++) paint(warped.subarray(3 * k * plane), k);
    if (field) correct(field);
    describe();
    irises.fill(0);
    drawDisc(face, RIGHT_IRIS, CONDITIONING_SIZE, eyes, irises);
    drawDisc(face, LEFT_IRIS, CONDITIONING_SIZE, eyes, irises);
    drawContours(face, CONDITIONING_SIZE, contours);
  }

  function update(geometry: Landmarks): void {
    layOut(geometry);
    fill();
  }

  function paint(out: Float32Array, k: number): void {
    for (let row = 0, i = 0; row < NETWORK_SIZE; row++) {
      warp.colours(k, row, line);
      for (let column = 0; column < NETWORK_SIZE; column++, i++) {
        const colour = line[column];
        out[i] = (colour & 255) * UNIT;
        out[i + plane] = ((colour >>> 8) & 255) * UNIT;
        out[i + 2 * plane] = ((colour >>> 16) & 255) * UNIT;
      }
    }
  }

  /** Adds the appearance to the warped references. */
  function correct({ planes, boxes }: AppearanceField): void {
    for (const [left, top, right, bottom] of boxes) {
      for (let channel = 0; channel < 3 * count; channel++) {
        const from = (channel % 3) * plane;
        const to = channel * plane;
        for (let y = top; y < bottom; y++) {
          const end = y * NETWORK_SIZE + right;
          for (let i = y * NETWORK_SIZE + left; i < end; i++)
            warped[to + i] = Math.min(Math.max(warped[to + i] + planes[from + i], 0), 1);
        }
      }
    }
  }

  /** The conditioning and the trust, at every second pixel of every second row. */
  function describe(): void {
    const step = NETWORK_SIZE / CONDITIONING_SIZE;
    const { ids } = warp.map;
    let current = NO_TRIANGLE;
    let m = warp.map.triangle(0);
    for (let row = 0, i = 0; row < CONDITIONING_SIZE; row++) {
      for (let column = 0; column < CONDITIONING_SIZE; column++, i++) {
        const id = ids[step * (row * NETWORK_SIZE + column)];
        const x = step * column + 0.5;
        const y = step * row + 0.5;
        const onFace = id < FACE_TRIANGLES;
        conditioning[2 * small + i] = onFace ? 1 : 0;
        conditioning[3 * small + i] = onFace && id >= MOUTH_TRIANGLES.first ? 1 : 0;
        eyes[i] = id >= RIGHT_EYE_TRIANGLES.first && id < LEFT_EYE_TRIANGLES.end ? 1 : 0;
        if (id === NO_TRIANGLE) {
          conditioning[i] = (2 * x) / CROP_UNITS - 1;
          conditioning[small + i] = (2 * y) / CROP_UNITS - 1;
          for (let k = 0, out = i; k < count; k++, out += TRUST_CHANNELS * small) {
            trust[out] = k === 0 ? 1 : 0;
            for (let c = 1; c < TRUST_CHANNELS; c++) trust[out + c * small] = 0;
          }
          continue;
        }
        if (id !== current) {
          current = id;
          m = warp.map.triangle(id);
          for (let k = 0, c = 0; k < count; k++, c += COEFFICIENTS) {
            const area = Math.abs(m[c] * m[c + 4] - m[c + 1] * m[c + 3]);
            stretches[k] = limited(0.5 * Math.log2(area + 1e-6), 1);
          }
        }
        for (let k = 0, c = 0, out = i; k < count; k++, c += COEFFICIENTS) {
          trust[out] = Math.min(Math.max(m[c + 6] * x + m[c + 7] * y + m[c + 8], 0), 1);
          trust[out + small] = stretches[k];
          const right = m[c] * x + m[c + 1] * y + m[c + 2] - x;
          const below = m[c + 3] * x + m[c + 4] * y + m[c + 5] - y;
          trust[out + 2 * small] = limited(right / MOTION_UNIT, MOST_MOTION);
          trust[out + 3 * small] = limited(below / MOTION_UNIT, MOST_MOTION);
          out += TRUST_CHANNELS * small;
        }
        const c = COEFFICIENTS * count;
        const half = CROP_UNITS / 2;
        const across = (m[c] * x + m[c + 1] * y + m[c + 2]) / half - 1;
        const down = (m[c + 3] * x + m[c + 4] * y + m[c + 5]) / half - 1;
        conditioning[i] = limited(across, FAR);
        conditioning[small + i] = limited(down, FAR);
      }
    }
  }
  return { update, layOut, fill, warped, trust, conditioning, warp, field };
}

const limited = (value: number, limit: number): number => Math.min(Math.max(value, -limit), limit);
