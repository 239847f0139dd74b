import {
  type AppearanceBasis,
  appearanceOf,
  appearanceValues,
  type Box,
  type Patch,
  patchesOf,
} from '../../geometry/appearance.js';
import { CROP_UNITS, type Landmarks } from '../../geometry/landmarks.js';

/** The appearance of a frame as a picture of differences, 256 × 256. */
export interface AppearanceField {
  /** Lays out a frame (crop units); without appearance numbers there is no difference anywhere. */
  update(geometry: Landmarks): void;
  /** Where there may be a difference. */
  readonly boxes: readonly Box[];
  /** 3 × 256 × 256: R, G, B to add to the warped references; 1 is full scale. */
  readonly planes: Float32Array;
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

  return { update, boxes, planes };
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
