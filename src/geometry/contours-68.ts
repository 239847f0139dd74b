import { CROP_UNITS, type Landmarks } from './landmarks.js';

/**
 * The 68 points of iBUG 300-W (Sagonas et al. 2013) among the 478, in their order: jaw, brows, nose,
 * eyes, outer and inner lip, each from the picture's left. The jaw's lie on MediaPipe's face oval, at
 * the turned-away side of a head they are on the mesh's edge, not on the outline that is seen.
 */
export const LANDMARKS_68: readonly number[] = [
  ...[127, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356],
  ...[70, 63, 105, 66, 107, 336, 296, 334, 293, 300],
  ...[168, 197, 5, 4, 98, 97, 2, 326, 327],
  ...[33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380],
  ...[61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181],
  ...[78, 82, 13, 312, 308, 317, 14, 87],
];

/**
 * Open lines through the 68 points: first point, the one after the last, red, green and blue (0–255).
 * These and their colours are those that the public code of LSR (Meshry et al. 2021) draws, after FSTH
 * (Zakharov et al. 2019).
 */
export const CONTOURS_68: readonly (readonly number[])[] = [
  [0, 17, 0, 128, 0],
  [17, 22, 255, 165, 0],
  [22, 27, 255, 165, 0],
  [27, 31, 0, 0, 255],
  [31, 36, 0, 0, 255],
  [36, 42, 255, 0, 0],
  [42, 48, 255, 0, 0],
  [48, 60, 128, 0, 128],
  [60, 68, 255, 192, 203],
];

/** Width of a line as a share of the picture's: 2 points at 100 dpi (25/9 pixels) of 224 pixels. */
const LINE_WIDTH_68 = 25 / 9 / 224;

/**
 * Draws the contours of the 68 points (crop units) into `planes`, a `size × size` picture of three
 * planes, R, G, B, 0–1, on black: each line over those before, its edge softened over a pixel.
 * `training/common/contours.py` draws the same.
 */
export function drawContours68(geometry: Landmarks, size: number, planes: Float32Array): void {
  planes.fill(0);
  const cover = new Float32Array(size * size);
  const reach = (LINE_WIDTH_68 * size + 1) / 2;
  for (const [first, end, ...colour] of CONTOURS_68) {
    const box = { left: size, top: size, right: -1, bottom: -1 };
    for (let i = first; i < end - 1; i++) coverSegment(geometry, i, size, reach, cover, box);
    for (let y = box.top; y <= box.bottom; y++) {
      for (let x = box.left; x <= box.right; x++) {
        const at = y * size + x;
        if (cover[at] === 0) continue;
        for (let c = 0; c < 3; c++) {
          const channel = c * size * size + at;
          planes[channel] += cover[at] * (colour[c] / 255 - planes[channel]);
        }
        cover[at] = 0;
      }
    }
  }
}

interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Raises `cover` to what the segment from point `i` to the next covers, and `box` to hold it. */
function coverSegment(
  geometry: Landmarks,
  i: number,
  size: number,
  reach: number,
  cover: Float32Array,
  box: Box,
): void {
  const scale = size / CROP_UNITS;
  const [a, b] = [3 * LANDMARKS_68[i], 3 * LANDMARKS_68[i + 1]];
  const ax = geometry[a] * scale - 0.5;
  const ay = geometry[a + 1] * scale - 0.5;
  const dx = geometry[b] * scale - 0.5 - ax;
  const dy = geometry[b + 1] * scale - 0.5 - ay;
  const norm = 1 / (dx * dx + dy * dy + 1e-9);
  const left = Math.max(0, Math.ceil(Math.min(ax, ax + dx) - reach));
  const right = Math.min(size - 1, Math.floor(Math.max(ax, ax + dx) + reach));
  const top = Math.max(0, Math.ceil(Math.min(ay, ay + dy) - reach));
  const bottom = Math.min(size - 1, Math.floor(Math.max(ay, ay + dy) + reach));
  box.left = Math.min(box.left, left);
  box.right = Math.max(box.right, right);
  box.top = Math.min(box.top, top);
  box.bottom = Math.max(box.bottom, bottom);
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const t = Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) * norm));
      const distance = Math.hypot(x - ax - t * dx, y - ay - t * dy);
      const at = y * size + x;
      cover[at] = Math.max(cover[at], Math.min(1, Math.max(0, reach - distance)));
    }
  }
}
