/** Limits of the protocol, with their reasons; those of motion packets alone are in motion-packet.ts. */

/**
 * Bytes of one control message. RFC 8841 lets a peer refuse more than 64 KiB, older stacks
 * fragment at 16 KiB: so much every WebRTC stack passes whole.
 */
export const MAX_CONTROL_MESSAGE_BYTES = 16 * 1024;
/** Maps and arrays inside each other: the deepest message (hello) has 3; 4 leaves room to evolve. */
export const MAX_CONTROL_DEPTH = 4;
/** Values in one message, keys included: the largest (stats) has some 130; bounds work per byte. */
export const MAX_CONTROL_ITEMS = 512;

/** UTF-8 bytes of a map key, a code, a name, a list entry: room for a readable identifier. */
export const MAX_NAME_BYTES = 64;
/** UTF-8 bytes of a text for people: one line of a terminal, written out. */
export const MAX_TEXT_BYTES = 512;
/** Entries of a list of families or features: several times what exists. */
export const MAX_LIST_ENTRIES = 32;
/** Figures in one stats or bye message: the report needs about 30. */
export const MAX_SUMMARY_ENTRIES = 64;

/** Pixels across the square picture that the protocol knows. */
export const STREAM_SIZES = [256, 512] as const;
/** One of `STREAM_SIZES`. */
export type StreamSize = (typeof STREAM_SIZES)[number];
/** Nominal frames per second: below 1 no talking head, above 120 no camera. */
export const MIN_FPS = 1;
export const MAX_FPS = 120;
/** Expression components of a motion frame: packs use 32–48, blendshape sets 52. */
export const MAX_EXPRESSION_COMPONENTS = 64;

/** How long a peer may take to answer the handshake: several retransmissions of a lossy link. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Pings without an answer that are remembered: one a second through ten seconds of silence. */
export const MAX_PINGS_IN_FLIGHT = 10;
/** Samples of the clock filter: RFC 5905 §10 keeps 8. */
export const CLOCK_FILTER_SAMPLES = 8;

/**
 * Bytes of the whole identity. Four references of 512 px take about 150 KiB; sixteen large ones
 * 2 MiB.
 */
export const MAX_IDENTITY_BYTES = 4 * 1024 * 1024;
/** Identity bytes a chunk: half a message, so a lost connection costs little again. */
export const IDENTITY_CHUNK_BYTES = 8 * 1024;
/** Smallest chunk a receiver accepts: bounds the number of chunks to 4096 an identity. */
export const MIN_IDENTITY_CHUNK_BYTES = 1024;
/** Largest chunk: a message less its header of 1 + 5 + 5 bytes at most. */
export const MAX_IDENTITY_CHUNK_BYTES = MAX_CONTROL_MESSAGE_BYTES - 16;
/** Times that one identity is asked for on one connection until it is given up. */
export const MAX_IDENTITY_ATTEMPTS = 3;
/**
 * The sender adds no chunk above so many bytes waiting in the channel: enough to keep the link busy
 * between two polls, little enough that a ping or bye behind it is not held up for long.
 */
export const MAX_BUFFERED_IDENTITY_BYTES = 64 * 1024;

/**
 * Identities that a receiver takes in one session: a person enrols once, and again for another light
 * or other clothes. Each costs the decoder its set-up, in the middle of motion.
 */
export const MAX_IDENTITIES = 8;
/** Times that a sender offers its identity again on request: a receiver that keeps losing it is broken. */
export const MAX_IDENTITY_REOFFERS = 8;

/** Points of the geometry in an identity: the 478 of MediaPipe's face topology. */
export const IDENTITY_POINTS = 478;
/** Reference pictures: 4 by default; each costs the decoder memory and the identity bytes. */
export const MAX_REFERENCES = 16;
/** Pixels on a side of a reference picture: twice the largest stream, 4 MiB decompressed. */
export const MAX_REFERENCE_SIDE = 1024;
/** Bytes of one compressed reference picture: four times a detailed 512 px WebP. */
export const MAX_REFERENCE_BYTES = 512 * 1024;
/**
 * Bytes of a personal pack's differences: what a person's network differs in has about 4 bits for each
 * of the 0.8 million weights of `portrait-256-cpu`, and is sent once a call.
 */
export const MAX_PERSONAL_BYTES = 500_000;
/**
 * Bytes of one picture during the call: four times a detailed reference of 256 px, twice one of 512. At
 * 20 kbps it would take a minute already.
 */
export const MAX_PICTURE_BYTES = 128 * 1024;
/** Bytes of a coded geometry in it: a frame of the motion codec takes some 60, of nothing but escapes 740. */
export const MAX_PICTURE_GEOMETRY_BYTES = 768;
/** Bytes of pictures that a receiver takes in a call: half a day of a picture stream at 11 kbps. */
export const MAX_CALL_PICTURE_BYTES = 64 * 1024 * 1024;
/**
 * Pictures that a receiver takes at once, and then a second: twice an identity's references, then more
 * than a watching sender has to say. Each costs the decoder a set-up in the middle of motion.
 */
export const MAX_PICTURE_BURST = 32;
export const MAX_PICTURES_PER_SECOND = 4;
/** Bytes of a chunk of a picture: one datagram, and at low rates fewer, as motion waits behind each. */
export const MAX_PICTURE_CHUNK_BYTES = 1_000;
export const MIN_PICTURE_CHUNK_BYTES = 256;
/** A sender adds no picture above so many bytes waiting in the channel: motion must not wait behind them. */
export const MAX_BUFFERED_PICTURE_BYTES = 2 * 1024;
/** Pictures sent that the receiver has said nothing of: beyond, the oldest are forgotten. */
export const MAX_UNANSWERED_PICTURES = 32;
/** Numbers in a layout or style code: eight times the 512 of the published families. */
export const MAX_CODE_LENGTH = 4096;

/**
 * Bytes of one motion message as a sender writes it: one SCTP chunk in one datagram on every path, as
 * the loss of a fragment would lose the whole.
 */
export const MAX_MOTION_MESSAGE_BYTES = 1_100;
