/** Quantiser index of the motion codec: the operating point of docs/decisions.md. */
export const DEFAULT_QUANTISER = 4;

/** Frames between independent frames where nobody asks for one: 4 seconds at 25 frames a second. */
export const DEFAULT_INDEPENDENT_INTERVAL = 100;

/** Frames a message: docs/decisions.md, "Four frames a message by default". */
export const DEFAULT_FRAMES_PER_PACKET = 4;
