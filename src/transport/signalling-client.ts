import { checkOption } from '../protocol/check-options.js';
import { ConnectError } from './connect-error.js';
import {
  checkRole,
  isRoomName,
  type PeerMessage,
  parseServerMessage,
  type Role,
  type ServerMessage,
  type Signalling,
} from './signalling.js';

/** A server on the other side of the world answers in under a second. */
const JOIN_TIMEOUT_MS = 5_000;
/** What may wait for `onMessage` to be set: a call's signalling is about 10 messages. */
const MAX_EARLY_MESSAGES = 128;
/** WebSocket close codes from here up are the signalling server's own, with a reason for people. */
const FIRST_PRIVATE_CODE = 4_000;

/** The part of the WHATWG WebSocket that is used: a browser's, or the one of the `ws` package. */
export interface WebSocketLike {
  readonly readyState: number;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
}

/** Options of `joinRoom`. */
export interface JoinRoomOptions {
  /** ws:// or wss:// */
  readonly url: string;
  /** 1–64 of A–Z, a–z, 0–9, _ and -. */
  readonly room: string;
  readonly role: Role;
  /** Node 20 has none of its own: hand in that of the `ws` package. Default: the global one. */
  readonly WebSocket?: new (
    url: string,
  ) => WebSocketLike;
  /** Gives up and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Joins a room of a signalling server. Rejects with a ConnectError ('signalling-unreachable',
 * 'signalling-refused'), or a TypeError where an option is bad.
 */
export async function joinRoom(options: JoinRoomOptions): Promise<Signalling> {
  const { url, room, role, signal } = options;
  const WebSocketClass = options.WebSocket ?? globalThis.WebSocket;
  checkOptions(options, WebSocketClass);
  signal?.throwIfAborted();

  const socket = new WebSocketClass(url);
  const inbox = createInbox(socket);
  try {
    const peerPresent = await new Promise<boolean>((resolve, reject) => {
      const unreachable = () =>
        reject(
          new ConnectError(
            'signalling-unreachable',
            `nobody answers at ${url}: start \`npx visavis signal\` there, or correct --signal`,
          ),
        );
      const timer = setTimeout(unreachable, JOIN_TIMEOUT_MS);
      const abort = () => reject(signal?.reason);
      signal?.addEventListener('abort', abort, { once: true });
      inbox.settled = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      };
      socket.onopen = () => socket.send(JSON.stringify({ type: 'join', room, role }));
      socket.onerror = unreachable;
      inbox.onJoined = resolve;
      inbox.onClose = (reason, code) => {
        if (code < FIRST_PRIVATE_CODE) unreachable();
        else reject(new ConnectError('signalling-refused', reason));
      };
    });
    return createConnection(socket, inbox, peerPresent);
  } catch (error) {
    inbox.ended = true;
    socket.close();
    throw error;
  } finally {
    inbox.settled();
  }
}

function checkOptions({ url, room, role }: JoinRoomOptions, WebSocketClass: unknown): void {
  const hasClass = typeof WebSocketClass === 'function';
  checkOption(hasClass, 'WebSocket', 'a WebSocket class: this platform has none of its own');
  const isUrl = /^wss?:\/\/[^/]/.test(url) && URL.canParse(url);
  checkOption(isUrl, 'url', 'a ws:// or wss:// URL', url);
  checkOption(isRoomName(room), 'room', '1–64 letters, digits, _ or -', room);
  checkRole('role', role);
}

interface Inbox {
  ended: boolean;
  settled(): void;
  onJoined: (peerPresent: boolean) => void;
  onMessage: ((message: ServerMessage) => void) | undefined;
  onClose: ((reason: string, code: number) => void) | undefined;
  readonly early: ServerMessage[];
}

function createInbox(socket: WebSocketLike): Inbox {
  const inbox: Inbox = {
    ended: false,
    settled: () => {},
    onJoined: () => {},
    onMessage: undefined,
    onClose: undefined,
    early: [],
  };
  const end = (reason: string, code: number) => {
    if (inbox.ended) return;
    inbox.ended = true;
    inbox.onClose?.(reason, code);
  };
  socket.onmessage = ({ data }: { data: unknown }) => {
    if (inbox.ended) return;
    const parsed = typeof data === 'string' ? parseServerMessage(data) : undefined;
    if (!parsed?.ok) {
      end('what answers is not a visavis signalling server', FIRST_PRIVATE_CODE);
      socket.close();
    } else if (parsed.value.type === 'joined') {
      inbox.onJoined(parsed.value.peerPresent);
    } else if (inbox.onMessage) {
      inbox.onMessage(parsed.value);
    } else if (inbox.early.length < MAX_EARLY_MESSAGES) {
      inbox.early.push(parsed.value);
    } else {
      end('more signalling than any call needs', FIRST_PRIVATE_CODE);
      socket.close();
    }
  };
  socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
    end(reason || `the signalling connection ended (${code})`, code);
  };
  return inbox;
}

function createConnection(socket: WebSocketLike, inbox: Inbox, peerPresent: boolean): Signalling {
  const closes: { handler: ((reason: string) => void) | undefined } = { handler: undefined };
  // An error is followed by a close, and that is told.
  socket.onerror = () => {};
  inbox.onClose = (reason) => closes.handler?.(reason);
  return {
    peerPresent,
    send(message: PeerMessage) {
      if (!inbox.ended) socket.send(JSON.stringify(message));
    },
    get onMessage() {
      return inbox.onMessage;
    },
    set onMessage(handler) {
      inbox.onMessage = handler;
      if (handler) for (const message of inbox.early.splice(0)) handler(message);
    },
    get onClose() {
      return closes.handler;
    },
    set onClose(handler) {
      closes.handler = handler;
    },
    close() {
      if (inbox.ended) return;
      inbox.ended = true;
      socket.close();
    },
  };
}
