import type { AddressInfo } from 'node:net';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { checkInteger, checkOption } from '../protocol/check-options.js';
import {
  type ClientMessage,
  type JoinMessage,
  MAX_SIGNAL_BYTES,
  parseClientMessage,
  type Role,
  type ServerMessage,
  SignalCloseCode,
} from './signalling.js';

/** A call needs about 10 messages; trickled candidates of many interfaces come in bursts. */
const MAX_MESSAGES_PER_SECOND = 100;
/** About 20 MB at the memory of a socket and its buffers. */
const MAX_CONNECTIONS = 2_000;
/** Each room holds at least one connection and at most two. */
const MAX_ROOMS = 1_000;
/** A client says 'join' with its first message, at once. */
const JOIN_TIMEOUT_MS = 5_000;
/** A peer whose network is gone is noticed after two of these: between 2 and 4 s. */
const PING_INTERVAL_MS = 2_000;
/** Bytes queued to a peer that does not read; a whole call's signalling is under 20 kB. */
const MAX_QUEUED_BYTES = 16 * MAX_SIGNAL_BYTES;

/** Options of `createSignallingServer`. */
export interface SignallingServerOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** The address to listen at: '127.0.0.1' for this machine alone, '0.0.0.0' for all. */
  readonly host: string;
}

/** A running signalling server. */
export interface SignallingServer {
  /** Where a client on this machine reaches it. */
  readonly url: string;
  readonly port: number;
  /** Ends every connection, then resolves. */
  close(): Promise<void>;
}

interface Member {
  readonly socket: WebSocket;
  readonly join: JoinMessage;
}

type Room = Partial<Record<Role, Member>>;

/**
 * Starts a signalling server: named rooms of one sender and one receiver, whose messages it relays.
 * Rejects with a system error (`code` 'EADDRINUSE', ...) where it cannot listen, and with a TypeError
 * that names a bad option.
 */
export async function createSignallingServer({
  port,
  host,
}: SignallingServerOptions): Promise<SignallingServer> {
  checkInteger('port', port, 0, 0xffff);
  // Without a host Node would listen at every address.
  checkOption(typeof host === 'string' && host !== '', 'host', 'an address', host);
  const rooms = new Map<string, Room>();
  const server = new WebSocketServer({ port, host, maxPayload: MAX_SIGNAL_BYTES });
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', reject);
  });
  server.on('connection', (socket) => {
    // ws closes the connection by itself after an error (an oversize message, invalid UTF-8).
    socket.on('error', () => {});
    if (server.clients.size > MAX_CONNECTIONS) {
      socket.close(SignalCloseCode.full, 'this signalling server is full: try again later');
      return;
    }
    serve(socket, rooms);
  });
  const heartbeat = startHeartbeat(server);
  const address = server.address() as AddressInfo;

  return {
    url: `ws://${reachableHost(address)}:${address.port}`,
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        clearInterval(heartbeat);
        for (const socket of server.clients) socket.terminate();
        server.close(() => resolve());
      }),
  };
}

function reachableHost({ address, family }: AddressInfo): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  if (address === '::') return '[::1]';
  return family === 'IPv6' ? `[${address}]` : address;
}

function startHeartbeat(server: WebSocketServer): NodeJS.Timeout {
  const silent = new WeakSet<WebSocket>();
  return setInterval(() => {
    for (const socket of server.clients) {
      if (silent.has(socket)) {
        socket.terminate();
        continue;
      }
      silent.add(socket);
      socket.once('pong', () => silent.delete(socket));
      socket.ping();
    }
  }, PING_INTERVAL_MS);
}

function serve(socket: WebSocket, rooms: Map<string, Room>): void {
  let member: Member | undefined;
  const withinRate = createRateLimit();
  const joinTimer = setTimeout(() => {
    socket.close(SignalCloseCode.notJoined, "no 'join' message within 5 s");
  }, JOIN_TIMEOUT_MS);

  socket.on('message', (data, isBinary) => {
    if (socket.readyState !== socket.OPEN) return;
    if (!withinRate()) {
      socket.close(SignalCloseCode.tooFast, `over ${MAX_MESSAGES_PER_SECOND} messages a second`);
      return;
    }
    const parsed = isBinary ? undefined : parseClientMessage(textOf(data));
    if (!parsed?.ok) {
      socket.close(SignalCloseCode.badMessage, `bad message: ${parsed?.drop ?? 'binary'}`);
      return;
    }
    if (member) {
      relay(member, parsed.value, rooms);
      return;
    }
    member = join(socket, parsed.value, rooms);
    if (member) clearTimeout(joinTimer);
  });

  socket.on('close', () => {
    clearTimeout(joinTimer);
    if (member) leave(member, rooms);
  });
}

function textOf(data: RawData): string {
  return Array.isArray(data)
    ? Buffer.concat(data).toString()
    : Buffer.from(data as Buffer).toString();
}

function createRateLimit(): () => boolean {
  let windowStart = performance.now();
  let count = 0;
  return () => {
    const now = performance.now();
    if (now - windowStart >= 1_000) {
      windowStart = now;
      count = 0;
    }
    count += 1;
    return count <= MAX_MESSAGES_PER_SECOND;
  };
}

function join(
  socket: WebSocket,
  message: ClientMessage,
  rooms: Map<string, Room>,
): Member | undefined {
  if (message.type !== 'join') {
    socket.close(SignalCloseCode.notJoined, "the first message must be 'join'");
    return undefined;
  }
  const room = rooms.get(message.room) ?? {};
  if (room[message.role]) {
    const reason = `room ${message.room} already has a ${message.role}: use another room`;
    socket.close(SignalCloseCode.roomTaken, reason);
    return undefined;
  }
  if (!rooms.has(message.room) && rooms.size >= MAX_ROOMS) {
    socket.close(SignalCloseCode.full, 'this signalling server has no room left: try again later');
    return undefined;
  }
  const member = { socket, join: message };
  room[message.role] = member;
  rooms.set(message.room, room);
  const peer = room[otherRole(message.role)];
  send(socket, { type: 'joined', peerPresent: peer !== undefined });
  if (peer) send(peer.socket, { type: 'peer-joined' });
  return member;
}

function leave({ join: { room: name, role } }: Member, rooms: Map<string, Room>): void {
  const room = rooms.get(name);
  if (!room) return;
  delete room[role];
  const peer = room[otherRole(role)];
  if (peer) send(peer.socket, { type: 'peer-left' });
  else rooms.delete(name);
}

function relay({ socket, join }: Member, message: ClientMessage, rooms: Map<string, Room>): void {
  if (message.type === 'join') {
    socket.close(SignalCloseCode.badMessage, 'already joined');
    return;
  }
  // A peer that has just left is told of by 'peer-left'; what was meant for it is dropped.
  const peer = rooms.get(join.room)?.[otherRole(join.role)];
  if (peer) send(peer.socket, message);
}

function send(socket: WebSocket, message: ServerMessage): void {
  if (socket.readyState !== socket.OPEN) return;
  if (socket.bufferedAmount > MAX_QUEUED_BYTES) {
    socket.close(SignalCloseCode.tooSlow, 'messages are not being read');
    return;
  }
  socket.send(JSON.stringify(message));
}

function otherRole(role: Role): Role {
  return role === 'sender' ? 'receiver' : 'sender';
}
