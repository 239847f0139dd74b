import type { IdentityProof } from './identity-proof.js';

/** A peer of another major version is refused; a higher minor one adds what the other may ignore. */
export interface ProtocolVersion {
  readonly major: number;
  readonly minor: number;
}

/** The version that this library speaks. */
export const PROTOCOL_VERSION: ProtocolVersion = { major: 1, minor: 0 };

/** What a side is able to do. */
export interface Capabilities {
  /** Decoder families, the preferred one first. */
  readonly families: readonly string[];
  /** Pixels across the largest picture it sends or shows. */
  readonly maxSize: number;
  /** Names of optional parts of the protocol; unknown ones are ignored. */
  readonly features: readonly string[];
}

/** Which model pack a side has loaded. */
export interface PackIdentity {
  readonly name: string;
  /** Of the pack's manifest: 64 lower-case hexadecimal digits. */
  readonly sha256: string;
}

/** What the motion stream will be. */
export interface StreamParameters {
  /** Pixels across the square picture. */
  readonly size: number;
  /** Nominal frames per second. */
  readonly fps: number;
  /** Numbers in an expression vector. */
  readonly expressionComponents: number;
}

/** Everything that the handshake agrees on. */
export interface SessionTerms {
  readonly capabilities: Capabilities;
  readonly pack: PackIdentity;
  readonly stream: StreamParameters;
}

/** `hello` (sender → receiver) and `hello-ack` (its answer, with the agreed stream). */
export interface HelloMessage {
  readonly type: 'hello' | 'hello-ack';
  readonly version: ProtocolVersion;
  /** Name and version of the implementation, for people. */
  readonly library: string;
  /** Undefined where the peer's major version is not ours: its fields may mean anything. */
  readonly terms: SessionTerms | undefined;
}

/** The end of a handshake that cannot succeed. */
export interface RejectMessage {
  readonly type: 'reject';
  readonly version: ProtocolVersion;
  /** Stable code; later versions may add some. */
  readonly code: string;
  /** One line that says what to do. */
  readonly message: string;
}

/** The sender has an identity to transfer. */
export interface IdentityOfferMessage {
  readonly type: 'identity-offer';
  /** Names this offer in the messages that follow; 0–2³²−1. */
  readonly transferId: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly chunkBytes: number;
  /** Whose it is, and for which connection it is offered; undefined: unsigned. */
  readonly proof?: IdentityProof;
}

/** The receiver asks for every chunk that it does not have. */
export interface IdentityRequestMessage {
  readonly type: 'identity-request';
  readonly transferId: number;
  /** Bit i (byte i/8, least significant first) set: chunk i is there. Missing bytes count as 0. */
  readonly have: Uint8Array;
}

/** A piece of the identity. */
export interface IdentityChunkMessage {
  readonly type: 'identity-chunk';
  readonly transferId: number;
  readonly index: number;
  /** A view of the received message: to be copied before the message's buffer is used again. */
  readonly bytes: Uint8Array;
}

/** The identity is complete, verified and in use. */
export interface IdentityReadyMessage {
  readonly type: 'identity-ready';
  readonly transferId: number;
}

/** The receiver does not want this identity. */
export interface IdentityRefusedMessage {
  readonly type: 'identity-refused';
  readonly transferId: number;
  readonly code: string;
  readonly message: string;
}

/** The beginning of a picture during the call; it takes the place of one that is not complete. */
export interface PictureStartMessage {
  readonly type: 'picture-start';
  /** Names the picture in the messages that follow; 0–2³²−1. */
  readonly pictureId: number;
  /** Length of the whole blob (`encodePicture`). */
  readonly bytes: number;
  /** By the key of the identity's proof (`pictureStatement`); undefined: unsigned. */
  readonly signature?: Uint8Array;
  /** The first of them: a view of the received message. */
  readonly chunk: Uint8Array;
}

/** The bytes that follow those sent of the picture. */
export interface PictureChunkMessage {
  readonly type: 'picture-chunk';
  readonly pictureId: number;
  /** A view of the received message. */
  readonly chunk: Uint8Array;
}

/** The picture is in use: a reference is shown with from now on, a still is ready to be shown. */
export interface PictureUsedMessage {
  readonly type: 'picture-used';
  readonly pictureId: number;
}

/** The picture is not used. */
export interface PictureRefusedMessage {
  readonly type: 'picture-refused';
  readonly pictureId: number;
  readonly code: string;
  readonly message: string;
}

/** Asks for the peer's clock. */
export interface PingMessage {
  readonly type: 'ping';
  /** The asking side's clock, milliseconds of any origin. */
  readonly sent: number;
}

/** Answers a ping. */
export interface PongMessage {
  readonly type: 'pong';
  /** `sent` of the ping. */
  readonly sent: number;
  /** The answering side's clock when the ping arrived and when this left. */
  readonly received: number;
  readonly replied: number;
}

/** Figures of the side that sends it, for the other side's report. */
export interface StatsMessage {
  readonly type: 'stats';
  readonly figures: Readonly<Record<string, number>>;
}

/** The last message: the side is leaving. */
export interface ByeMessage {
  readonly type: 'bye';
  /** Stable code: `ended` (the stream is over), `closed` (by its user), `failed`. */
  readonly reason: string;
  /** One line for people; may be empty. */
  readonly message: string;
  readonly figures: Readonly<Record<string, number>>;
}

/** A message of the control channel. */
export type ControlMessage =
  | HelloMessage
  | RejectMessage
  | IdentityOfferMessage
  | IdentityRequestMessage
  | IdentityChunkMessage
  | IdentityReadyMessage
  | IdentityRefusedMessage
  | PictureStartMessage
  | PictureChunkMessage
  | PictureUsedMessage
  | PictureRefusedMessage
  | PingMessage
  | PongMessage
  | StatsMessage
  | ByeMessage;

/** First byte of each message. 0x80 and above stay free for applications. */
export const CONTROL_TYPES = {
  hello: 0x01,
  'hello-ack': 0x02,
  reject: 0x03,
  'identity-offer': 0x10,
  'identity-request': 0x11,
  'identity-chunk': 0x12,
  'identity-ready': 0x13,
  'identity-refused': 0x14,
  ping: 0x20,
  pong: 0x21,
  stats: 0x22,
  bye: 0x23,
  'picture-start': 0x30,
  'picture-chunk': 0x31,
  'picture-used': 0x32,
  'picture-refused': 0x33,
} as const satisfies Record<ControlMessage['type'], number>;
