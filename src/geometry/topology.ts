import { TRIANGLE_COUNTS, TRIANGLES_BASE64 } from './topology-table.js';

const bytes = Uint8Array.from(atob(TRIANGLES_BASE64), (character) => character.charCodeAt(0));
const view = new DataView(bytes.buffer);

/**
 * The 898 triangles of the 468-point face mesh, three points each: MediaPipe's canonical face
 * model, in which the eyes and the mouth are closed by triangles between their lids and lips.
 * Sorted: skin, then what closes the right eye, the left eye and the mouth (`*_TRIANGLES`).
 */
export const TRIANGLES: Uint16Array = Uint16Array.from({ length: bytes.length / 2 }, (_, i) =>
  view.getUint16(2 * i, true),
);

/** A range of triangles: `first` to before `end`. */
export interface TriangleRange {
  readonly first: number;
  readonly end: number;
}

const [skin, rightEye, leftEye, mouth] = TRIANGLE_COUNTS;
const range = (first: number, count: number): TriangleRange => ({ first, end: first + count });

/** The triangles inside the right lids. */
export const RIGHT_EYE_TRIANGLES = range(skin, rightEye);
/** The triangles inside the left lids. */
export const LEFT_EYE_TRIANGLES = range(RIGHT_EYE_TRIANGLES.end, leftEye);
/** The triangles inside the inner lips. */
export const MOUTH_TRIANGLES = range(LEFT_EYE_TRIANGLES.end, mouth);
