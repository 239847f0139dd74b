// @ts-check
/** The rooms of rooms.mjs on WebSockets of an HTTP server. */
import { WebSocketServer } from 'ws';
import { createRooms, LIMITS } from './rooms.mjs';

/** About 20 MB at the memory of a socket and its buffers. */
const MAX_CONNECTIONS = 2_000;
/** Bytes queued to a page that does not read. */
const MAX_QUEUED_BYTES = 16 * LIMITS.messageLength;
/** A page whose network is gone is noticed after two of these: between 5 and 10 s. */
const PING_INTERVAL_MS = 5_000;
const POLL_INTERVAL_MS = 1_000;

/**
 * Serves the signalling at `/signal`. Only pages of this server's own origin may connect, and those of
 * `allowedOrigins` ('https://call.example.org'), for a proxy that rewrites the Host header.
 *
 * @param {import('node:http').Server} server
 * @param {{ allowedOrigins?: readonly string[] }} [options]
 * @returns {{ close(): void }}
 */
export function attachSignalling(server, { allowedOrigins = [] } = {}) {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: LIMITS.messageLength });
  const rooms = createRooms();
  /** @type {WeakSet<import('ws').WebSocket>} */
  const silent = new WeakSet();

  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {});
    const { origin, host } = request.headers;
    const own = URL.canParse(origin ?? '') && new URL(origin ?? '').host === host;
    if (request.url !== '/signal') refuse(socket, '404 Not Found');
    else if (!own && !allowedOrigins.includes(origin ?? '')) refuse(socket, '403 Forbidden');
    else if (sockets.clients.size >= MAX_CONNECTIONS) refuse(socket, '503 Service Unavailable');
    else sockets.handleUpgrade(request, socket, head, serve);
  });

  /** @param {import('ws').WebSocket} socket */
  function serve(socket) {
    const client = {
      /** @param {string} text */
      send(text) {
        if (socket.readyState !== socket.OPEN) return;
        if (socket.bufferedAmount > MAX_QUEUED_BYTES) socket.terminate();
        else socket.send(text);
      },
      /** @param {number} code @param {string} reason */
      close: (code, reason) => socket.close(code, reason),
    };
    rooms.connected(client, performance.now());
    // ws closes the connection by itself after an error (an oversize message, invalid UTF-8).
    socket.on('error', () => {});
    socket.on('pong', () => silent.delete(socket));
    socket.on('message', (data, isBinary) => {
      // Binary is no part of the protocol: the empty text is answered as any bad message is.
      rooms.received(client, isBinary ? '' : String(data), performance.now());
    });
    socket.on('close', () => rooms.disconnected(client, performance.now()));
  }

  const heartbeat = setInterval(() => {
    for (const socket of sockets.clients) {
      if (silent.has(socket)) socket.terminate();
      silent.add(socket);
      socket.ping();
    }
  }, PING_INTERVAL_MS);
  const poll = setInterval(() => rooms.poll(performance.now()), POLL_INTERVAL_MS);

  return {
    close() {
      clearInterval(heartbeat);
      clearInterval(poll);
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
    },
  };
}

/** @param {import('node:stream').Duplex} socket @param {string} status */
function refuse(socket, status) {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
