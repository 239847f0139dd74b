import { checkOption } from '../protocol/check-options.js';
import type { Parsed } from '../protocol/errors.js';

/** The sender offers, the receiver answers; a room holds at most one of each. */
export type Role = 'sender' | 'receiver';

/** Longest signalling message in bytes. An offer with data channels alone is 0.6–3 kB. */
export const MAX_SIGNAL_BYTES = 16 * 1024;
/** Longest ICE candidate line: RFC 8839 lines are under 200 characters; 4 times that. */
const MAX_CANDIDATE_LENGTH = 800;

const ROOM_NAME = /^[A-Za-z0-9_-]{1,64}$/;
/** Characters of a media section's name (RFC 8843 "mid"); browsers use "0". */
const MAX_MID_LENGTH = 64;
/** Characters of an ICE user name (RFC 8445 allows 256). */
const MAX_UFRAG_LENGTH = 256;
/** More media sections than any session description under MAX_SIGNAL_BYTES could hold. */
const MAX_M_LINES = 256;

/** A session description as WebRTC's `RTCSessionDescriptionInit`. */
export interface SessionDescription {
  readonly type: 'offer' | 'answer';
  readonly sdp: string;
}

/** An ICE candidate as WebRTC's `RTCIceCandidateInit`. */
export interface IceCandidate {
  readonly candidate: string;
  readonly sdpMid: string | null;
  readonly sdpMLineIndex: number | null;
  readonly usernameFragment: string | null;
}

/** What the two peers say to each other through the server. */
export type PeerMessage =
  | { readonly type: 'description'; readonly description: SessionDescription }
  | { readonly type: 'candidate'; readonly candidate: IceCandidate }
  /** An orderly goodbye, so that the end is not taken for a crash. */
  | { readonly type: 'bye' };

/** The first message of a client. */
export interface JoinMessage {
  readonly type: 'join';
  /** 1–64 of A–Z, a–z, 0–9, _ and -. */
  readonly room: string;
  readonly role: Role;
}

export type ClientMessage = JoinMessage | PeerMessage;

export type ServerMessage =
  | PeerMessage
  /** Answers 'join'; `peerPresent` says whether the other role is already in the room. */
  | { readonly type: 'joined'; readonly peerPresent: boolean }
  | { readonly type: 'peer-joined' }
  | { readonly type: 'peer-left' };

/** A place in a room, whatever carries its messages. */
export interface Signalling {
  /** Whether the other peer was in the room when this one joined. */
  readonly peerPresent: boolean;
  /** Does nothing once the connection is gone: `onClose` has said so. */
  send(message: PeerMessage): void;
  /** What arrived before a handler was set is delivered when it is set. */
  onMessage: ((message: ServerMessage) => void) | undefined;
  /** The connection ended without `close()`; `reason` is for people. */
  onClose: ((reason: string) => void) | undefined;
  close(): void;
}

/** Why the server closes a connection: WebSocket close codes of the private range 4000–4999. */
export const SignalCloseCode = {
  badMessage: 4400,
  roomTaken: 4409,
  notJoined: 4408,
  tooFast: 4429,
  full: 4503,
  tooSlow: 4508,
} as const;

/** Whether `room` may name a room. */
export function isRoomName(room: unknown): room is string {
  return typeof room === 'string' && ROOM_NAME.test(room);
}

/** Throws a TypeError where an option is no role. */
export function checkRole(path: string, role: Role): void {
  checkOption(isRole(role), path, "'sender' or 'receiver'", role);
}

function isRole(role: unknown): role is Role {
  return role === 'sender' || role === 'receiver';
}

/** Reads what a client sent to the server. */
export function parseClientMessage(text: string): Parsed<ClientMessage> {
  return parse(text, (fields) => (fields.type === 'join' ? readJoin(fields) : readPeer(fields)));
}

/** Reads what the server sent to a client. */
export function parseServerMessage(text: string): Parsed<ServerMessage> {
  return parse(text, (fields) => {
    switch (fields.type) {
      case 'joined':
        return typeof fields.peerPresent === 'boolean'
          ? { type: 'joined', peerPresent: fields.peerPresent }
          : undefined;
      case 'peer-joined':
      case 'peer-left':
        return { type: fields.type };
      default:
        return readPeer(fields);
    }
  });
}

type Fields = Record<string, unknown>;
type Read<T> = T | 'unknown-type' | undefined;

function parse<T extends object>(text: string, read: (fields: Fields) => Read<T>): Parsed<T> {
  if (text.length > MAX_SIGNAL_BYTES) return { ok: false, drop: 'over-limit' };
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch {
    return { ok: false, drop: 'malformed' };
  }
  if (!isFields(fields)) return { ok: false, drop: 'malformed' };
  const value = read(fields);
  if (value === 'unknown-type') return { ok: false, drop: 'unknown-type' };
  return value === undefined ? { ok: false, drop: 'malformed' } : { ok: true, value };
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readJoin({ room, role }: Fields): JoinMessage | undefined {
  if (!isRoomName(room) || !isRole(role)) return undefined;
  return { type: 'join', room, role };
}

function readPeer(fields: Fields): Read<PeerMessage> {
  switch (fields.type) {
    case 'description':
      return readDescription(fields.description);
    case 'candidate':
      return readCandidate(fields.candidate);
    case 'bye':
      return { type: 'bye' };
    default:
      return 'unknown-type';
  }
}

function readDescription(value: unknown): PeerMessage | undefined {
  if (!isFields(value)) return undefined;
  const { type, sdp } = value;
  if ((type !== 'offer' && type !== 'answer') || typeof sdp !== 'string') return undefined;
  return { type: 'description', description: { type, sdp } };
}

function readCandidate(value: unknown): PeerMessage | undefined {
  if (!isFields(value) || !isText(value.candidate, MAX_CANDIDATE_LENGTH)) return undefined;
  const sdpMid = value.sdpMid ?? null;
  const sdpMLineIndex = value.sdpMLineIndex ?? null;
  const usernameFragment = value.usernameFragment ?? null;
  if (sdpMid !== null && !isText(sdpMid, MAX_MID_LENGTH)) return undefined;
  if (sdpMLineIndex !== null && !isIndex(sdpMLineIndex)) return undefined;
  if (usernameFragment !== null && !isText(usernameFragment, MAX_UFRAG_LENGTH)) return undefined;
  const candidate = { candidate: value.candidate, sdpMid, sdpMLineIndex, usernameFragment };
  return { type: 'candidate', candidate };
}

function isText(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.length <= maxLength;
}

function isIndex(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < MAX_M_LINES;
}
