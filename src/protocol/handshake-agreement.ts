import {
  type Capabilities,
  type HelloMessage,
  type PackIdentity,
  PROTOCOL_VERSION,
  type ProtocolVersion,
  type StreamParameters,
} from './control-messages.js';
import type { StreamSize } from './limits.js';

/** What both sides know when the handshake is done. */
export interface Agreement {
  /** The common major and the lower minor version. */
  readonly version: ProtocolVersion;
  /** Name and version of the peer's implementation. */
  readonly peerLibrary: string;
  /** Decoder families that both sides know, in the receiver's order: at least one. */
  readonly families: readonly string[];
  /** Optional parts of the protocol that both sides know. */
  readonly features: readonly string[];
  readonly pack: PackIdentity;
  readonly stream: AgreedStream;
}

/** The stream in the largest size that both sides can. */
export interface AgreedStream extends StreamParameters {
  readonly size: StreamSize;
}

/** Why a handshake failed. A peer of a later version may give other codes. */
export type HandshakeFailureCode =
  | 'version-mismatch'
  | 'pack-mismatch'
  | 'stream-mismatch'
  | 'no-common-family'
  | 'unsupported-size'
  | 'same-role'
  | 'timeout';

/** Why there will be no session, for programs and for people. */
export interface HandshakeFailure {
  readonly code: HandshakeFailureCode;
  /** One line that says what to do. */
  readonly message: string;
}

export interface Agreed {
  readonly agreement: Agreement;
}

export interface Refused {
  readonly failure: HandshakeFailure;
}

/** Settles what the two sides have in common. `hello` is the peer's message. */
export function agree(
  hello: HelloMessage,
  sender: Capabilities,
  receiver: Capabilities,
  pack: PackIdentity,
  stream: AgreedStream,
): Agreed | Refused {
  const families = common(receiver.families, sender.families);
  if (families.length === 0) {
    const list = (names: readonly string[]) => names.slice(0, 3).join(', ') || 'none';
    return {
      failure: {
        code: 'no-common-family',
        message:
          `no decoder family in common (sender: ${list(sender.families)}; ` +
          `receiver: ${list(receiver.families)}): update the older side`,
      },
    };
  }
  return {
    agreement: {
      version: {
        major: PROTOCOL_VERSION.major,
        minor: Math.min(PROTOCOL_VERSION.minor, hello.version.minor),
      },
      peerLibrary: hello.library,
      families,
      features: common(receiver.features, sender.features),
      pack,
      stream,
    },
  };
}

function common(first: readonly string[], second: readonly string[]): string[] {
  return [...new Set(first)].filter((name) => second.includes(name));
}

/** The failure where `hello`, the peer's message, has another major version. */
export function versionMismatch(
  role: 'sender' | 'receiver',
  library: string,
  hello: HelloMessage,
): HandshakeFailure {
  const peer = role === 'sender' ? 'receiver' : 'sender';
  const older = hello.version.major < PROTOCOL_VERSION.major ? peer : role;
  const number = ({ major, minor }: ProtocolVersion) => `${major}.${minor}`;
  return {
    code: 'version-mismatch',
    message:
      `the ${role} speaks protocol ${number(PROTOCOL_VERSION)} (${library}), ` +
      `the ${peer} ${number(hello.version)} (${hello.library}): update the ${older}`,
  };
}

/** The failure where the packs differ, or undefined where they are the same. */
export function packMismatch(
  sender: PackIdentity,
  receiver: PackIdentity,
): HandshakeFailure | undefined {
  if (sender.sha256 === receiver.sha256) return undefined;
  return {
    code: 'pack-mismatch',
    message:
      `the sender has pack ${sender.name} (sha256 ${sender.sha256}), ` +
      `the receiver ${receiver.name} (sha256 ${receiver.sha256}): give both the same pack`,
  };
}

/** The stream in words. */
export function describeStream(stream: StreamParameters): string {
  return `${stream.size} pixels, ${stream.fps} fps, ${stream.expressionComponents} expression components`;
}
