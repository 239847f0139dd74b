import {
  type AppearanceBasis,
  appearanceOf,
  appearanceValues,
  type Box,
  type Patch,
  patchesOf,
} from '../../geometry/appearance.js';
import { CROP_UNITS, type Landmarks } from '../../geometry/landmarks.js';
import type { Picture } from '../../geometry/picture.js';

/** The appearance of a frame as a picture of differences, 256 × 256. */
export interface AppearanceField {
  /** Lays out a frame (crop units); without appearance numbers there is no difference anywhere. */
  update(geometry: Landmarks): void;
  /** Where there may be a difference. */
  readonly boxes: readonly Box[];
  /** 3 × 256 × 256: R, G, B to add to the warped references; 1 is full scale. */
  readonly planes: Float32Array;
  /** Adds it to a square picture of the warped references, of any size. */
  correct(picture: Picture): void;
  /** Adds it to a network's paint (`PortraitOutputs.paint`), as far as that leaves the references. */
  addToPaint(paint: Float32Array): void;
}

/** Share of a box's side over which the difference fades out towards its border. */
const FADE = 1 / 8;
const PLANE = CROP_UNITS * CROP_UNITS;

export function createAppearanceField(basis: AppearanceBasis): AppearanceField {
  const planes = new Float32Array(3 * PLANE);
  const boxes: Box[] = [];

  function update(geometry: Landmarks): void {
    for (const box of boxes) clear(box);
    boxes.length = 0;
    const values = appearanceOf(geometry);
    if (values.length !== appearanceValues(basis)) return;
    for (const patch of patchesOf(geometry, basis)) {
      boxes.push(patch.box);
      draw(patch, cellsOf(patch, values));
    }
  }

  function clear([left, top, right, bottom]: Box): void {
    for (let plane = 0; plane < 3; plane++) {
      for (let y = top; y < bottom; y++) {
        const row = plane * PLANE + y * CROP_UNITS;
        planes.fill(0, row + left, row + right);
      }
    }
  }

  function draw({ box, size, mirrored }: Patch, cells: Float32Array): void {
    const [left, top, right, bottom] = box;
    const { width, height } = size;
    for (let y = top; y < bottom; y++) {
      const down = (y + 0.5 - top) / (bottom - top);
      const v = Math.min(Math.max(down * height - 0.5, 0), height - 1);
      const upper = Math.min(v | 0, height - 2);
      const below = v - upper;
      for (let x = left; x < right; x++) {
        const along = (x + 0.5 - left) / (right - left);
        const u = Math.min(Math.max((mirrored ? 1 - along : along) * width - 0.5, 0), width - 1);
        const first = Math.min(u | 0, width - 2);
        const beside = u - first;
        const fade = faded(along) * faded(down);
        const at = 3 * (upper * width + first);
        for (let c = 0; c < 3; c++) {
          const a = cells[at + c] + beside * (cells[at + 3 + c] - cells[at + c]);
          const under = at + 3 * width + c;
          const b = cells[under] + beside * (cells[under + 3] - cells[under]);
          planes[c * PLANE + y * CROP_UNITS + x] += fade * (a + below * (b - a));
        }
      }
    }
  }

  function correct({ width, data }: Picture): void {
    const scale = width / CROP_UNITS;
    const last = CROP_UNITS - 1;
    for (const [left, top, right, bottom] of boxes) {
      const end = Math.min((right + 1) * scale, width);
      const bottomEnd = Math.min((bottom + 1) * scale, width);
      for (let y = Math.max(Math.floor((top - 1) * scale), 0); y < bottomEnd; y++) {
        const down = Math.min(Math.max((y + 0.5) / scale - 0.5, 0), last);
        const upper = Math.min(down | 0, last - 1);
        // Nothing of this box is beyond its border.
        const above = upper >= top && upper < bottom ? 255 * (1 - down + upper) : 0;
        const below = upper + 1 >= top && upper + 1 < bottom ? 255 * (down - upper) : 0;
        for (let x = Math.max(Math.floor((left - 1) * scale), 0); x < end; x++) {
          const along = Math.min(Math.max((x + 0.5) / scale - 0.5, 0), last);
          const first = Math.min(along | 0, last - 1);
          const before = first >= left && first < right ? 1 - along + first : 0;
          const after = first + 1 >= left && first + 1 < right ? along - first : 0;
          let at = upper * CROP_UNITS + first;
          for (let c = 0; c < 3; c++, at += PLANE) {
            const next = at + CROP_UNITS;
            data[4 * (y * width + x) + c] +=
              above * (before * planes[at] + after * planes[at + 1]) +
              below * (before * planes[next] + after * planes[next + 1]);
          }
        }
      }
    }
  }

  function addToPaint(paint: Float32Array): void {
    for (const [left, top, right, bottom] of boxes) {
      for (let y = top; y < bottom; y++) {
        for (let at = y * CROP_UNITS + left, end = at + right - left; at < end; at++) {
          const kept = 1 - paint[3 * PLANE + at];
          for (let i = at; i < 3 * PLANE; i += PLANE) paint[i] += planes[i] * kept;
        }
      }
    }
  }

  return { update, boxes, planes, correct, addToPaint };
}

const faded = (place: number): number => Math.min(1, Math.min(place, 1 - place) / FADE);

/** The differences of a patch's cells, R, G, B in turn. */
function cellsOf({ basis, size, first, count }: Patch, values: Float32Array): Float32Array {
  const length = 3 * size.width * size.height;
  const cells = new Float32Array(length);
  for (let i = 0; i < count; i++) {
    const amount = values[first + i];
    if (amount === 0) continue;
    for (let at = 0; at < length; at++) cells[at] += amount * basis[i * length + at];
  }
  return cells;
}
