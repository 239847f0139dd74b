/**
 * Index lists into the 478 points. Left and right are the person's own. Source: the connection
 * sets of MediaPipe Face Mesh (FACEMESH_LIPS, _LEFT_EYE, _RIGHT_EYE, _IRISES, _FACE_OVAL).
 */

/** The outer edge of the lips, a closed ring: from the right corner along the lower lip and back. */
export const LIPS_OUTER: readonly number[] = [
  61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
];

/** The inner edge of the lips, point by point beside `LIPS_OUTER`. */
export const LIPS_INNER: readonly number[] = [
  78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
];

/** The 40 points of the lips. */
export const LIPS: readonly number[] = [...LIPS_OUTER, ...LIPS_INNER];

/** The edge of the right lids, a closed ring: outer corner, lower lid, inner corner, upper lid. */
export const RIGHT_LIDS: readonly number[] = [
  33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246,
];

/** The edge of the left lids, in the order of `RIGHT_LIDS`. */
export const LEFT_LIDS: readonly number[] = [
  263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466,
];

/** The right iris: its centre, then four points of its edge. */
export const RIGHT_IRIS: readonly number[] = [468, 469, 470, 471, 472];

/** The left iris: its centre, then four points of its edge. */
export const LEFT_IRIS: readonly number[] = [473, 474, 475, 476, 477];

/** Points that move with the skull alone: forehead, temples, nose bridge, eye corners. */
export const RIGID_POINTS: readonly number[] = [
  10, 109, 338, 67, 297, 103, 332, 54, 284, 21, 251, 162, 389, 127, 356, 8, 168, 6, 197, 195, 5, 33,
  133, 362, 263,
];

/** The outline of the face, a closed ring from the top of the forehead. */
export const FACE_OVAL: readonly number[] = [
  10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148,
  176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
];

/** The right brow's upper edge, from the outside inwards. */
export const RIGHT_BROW: readonly number[] = [70, 63, 105, 66, 107];

/** The left brow's upper edge, from the outside inwards. */
export const LEFT_BROW: readonly number[] = [300, 293, 334, 296, 336];

/** The nose from its bridge to its tip. */
export const NOSE_BRIDGE: readonly number[] = [168, 6, 197, 195, 5, 4, 1];

/** The lower edge of the nose, from the right wing to the left. */
export const NOSE_BASE: readonly number[] = [98, 97, 2, 326, 327];
