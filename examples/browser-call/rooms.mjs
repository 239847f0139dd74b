// @ts-check
/**
 * The rooms of the signalling, without a socket, timer or clock: text and the time in, text out.
 *
 * Why not `createSignallingServer` of the library: its rooms hold a sender and a receiver, for one
 * picture one way. Here both sides send, and a place is kept for who reloads the page.
 *
 * A client says `join` with the room's token, its place's token (its own secret: whoever has it takes
 * the place over, which is how a reloaded page gets back in at once) and its instance, a new token for
 * each peer connection that it is ready to make. It is told the other's instance, and `signal` goes to
 * that instance alone, so that nothing meant for a connection of before reaches the one of now.
 */

/** @typedef {{ send(text: string): void, close(code: number, reason: string): void }} Client */
/**
 * @typedef {{ type: 'joined', peer: string | null }
 *   | { type: 'peer', instance: string }
 *   | { type: 'peer-away' }
 *   | { type: 'peer-left', hungUp: boolean }
 *   | { type: 'signal', from: string, data: object }} ServerMessage
 */
/**
 * @typedef {{ type: 'join', room: string, place: string, instance: string }
 *   | { type: 'signal', to: string, data: object }
 *   | { type: 'bye' }} ClientMessage
 */
/** @typedef {{ client: Client | undefined, instance: string, awaySinceMs: number }} Place */
/** @typedef {Map<string, Place>} Room */
/**
 * @typedef {{ joinByMs: number, windowMs: number, inWindow: number,
 *   room?: string, place?: string }} Session
 */

export const LIMITS = {
  /** UTF-16 units of a message; an offer with audio, video and data is 6–9 kB. */
  messageLength: 32 * 1024,
  /** A call needs about 30; candidates of many interfaces come in bursts. */
  messagesPerSecond: 100,
  rooms: 1_000,
  /** A client joins with its first message, at once. */
  joinWithinMs: 5_000,
  /** How long the place of a lost connection is kept: a reload takes 2 s, a walk to the router more. */
  placeKeptMs: 60_000,
};

/** Why a client is sent away: WebSocket close codes of the private range 4000–4999. */
export const CloseCode = Object.freeze({
  replaced: 4001,
  badMessage: 4400,
  notJoined: 4408,
  roomFull: 4409,
  tooFast: 4429,
  full: 4503,
});

/** 128 random bits as base64url. */
const TOKEN = /^[A-Za-z0-9_-]{22}$/;

/** The rooms; `limits` are for tests. */
export function createRooms(limits = LIMITS) {
  /** @type {Map<string, Room>} */
  const rooms = new Map();
  /** @type {Map<Client, Session>} */
  const sessions = new Map();

  /** @param {Client | undefined} client @param {ServerMessage} message */
  const tell = (client, message) => client?.send(JSON.stringify(message));

  /** @param {string} room @param {string} place @returns {Place | undefined} */
  const peerOf = (room, place) =>
    [...(rooms.get(room) ?? [])].find(([token]) => token !== place)?.[1];

  /** @param {Client} client @param {number} code @param {string} reason @param {number} nowMs */
  function dismiss(client, code, reason, nowMs) {
    disconnected(client, nowMs);
    client.close(code, reason);
  }

  /** @param {string} name @param {string} token @param {boolean} hungUp */
  function free(name, token, hungUp) {
    const room = rooms.get(name);
    room?.delete(token);
    if (room?.size === 0) rooms.delete(name);
    else tell(peerOf(name, token)?.client, { type: 'peer-left', hungUp });
  }

  /**
   * @param {Client} client @param {Session} session
   * @param {Extract<ClientMessage, { type: 'join' }>} message @param {number} nowMs
   */
  function join(client, session, { room: name, place: token, instance }, nowMs) {
    const joined = session.room !== undefined;
    if (joined && (session.room !== name || session.place !== token)) {
      dismiss(client, CloseCode.badMessage, 'already in a room', nowMs);
      return;
    }
    const room = rooms.get(name) ?? new Map();
    const place = room.get(token);
    if (!place && room.size === 2) {
      dismiss(client, CloseCode.roomFull, 'two people are in this room already', nowMs);
      return;
    }
    if (!rooms.has(name) && rooms.size >= limits.rooms) {
      dismiss(client, CloseCode.full, 'the server has no room left', nowMs);
      return;
    }
    const former = place?.client;
    rooms.set(name, room.set(token, { client, instance, awaySinceMs: 0 }));
    Object.assign(session, { room: name, place: token });
    if (former && former !== client) {
      sessions.delete(former);
      former.close(CloseCode.replaced, 'this place was taken over by another page');
    }
    const peer = peerOf(name, token);
    tell(client, { type: 'joined', peer: peer?.client ? peer.instance : null });
    tell(peer?.client, { type: 'peer', instance });
  }

  /** @param {Client} client @param {number} nowMs */
  function disconnected(client, nowMs) {
    const session = sessions.get(client);
    sessions.delete(client);
    if (session?.room === undefined || session.place === undefined) return;
    const place = rooms.get(session.room)?.get(session.place);
    if (!place) return;
    place.client = undefined;
    place.awaySinceMs = nowMs;
    tell(peerOf(session.room, session.place)?.client, { type: 'peer-away' });
  }

  return {
    /** A connection was opened. @param {Client} client @param {number} nowMs */
    connected(client, nowMs) {
      const joinByMs = nowMs + limits.joinWithinMs;
      sessions.set(client, { joinByMs, windowMs: nowMs, inWindow: 0 });
    },

    /** A message came; one of a client that was sent away is ignored.
     * @param {Client} client @param {string} text @param {number} nowMs */
    received(client, text, nowMs) {
      const session = sessions.get(client);
      if (!session) return;
      if (nowMs - session.windowMs >= 1_000)
        Object.assign(session, { windowMs: nowMs, inWindow: 0 });
      session.inWindow += 1;
      if (session.inWindow > limits.messagesPerSecond) {
        dismiss(client, CloseCode.tooFast, 'too many messages a second', nowMs);
        return;
      }
      const message = text.length <= limits.messageLength ? parse(text) : undefined;
      if (!message) {
        dismiss(client, CloseCode.badMessage, 'not a message of this protocol', nowMs);
      } else if (message.type === 'join') {
        join(client, session, message, nowMs);
      } else if (session.room === undefined || session.place === undefined) {
        dismiss(client, CloseCode.notJoined, "the first message must be 'join'", nowMs);
      } else if (message.type === 'bye') {
        sessions.delete(client);
        free(session.room, session.place, true);
        client.close(1000, 'bye');
      } else {
        const from = rooms.get(session.room)?.get(session.place)?.instance;
        const peer = peerOf(session.room, session.place);
        if (from === undefined || peer?.instance !== message.to) return;
        tell(peer.client, { type: 'signal', from, data: message.data });
      }
    },

    /** A connection is gone: its place is kept for a while. */
    disconnected,

    /** Call it about once a second: frees what was kept long enough. @param {number} nowMs */
    poll(nowMs) {
      for (const [client, { room, joinByMs }] of sessions) {
        if (room === undefined && nowMs >= joinByMs) {
          dismiss(client, CloseCode.notJoined, "no 'join' message", nowMs);
        }
      }
      for (const [name, room] of rooms) {
        for (const [token, { client, awaySinceMs }] of room) {
          if (!client && nowMs - awaySinceMs >= limits.placeKeptMs) free(name, token, false);
        }
      }
    },

    /** How many rooms there are. */
    get size() {
      return rooms.size;
    },
  };
}

/** @param {string} text @returns {ClientMessage | undefined} */
function parse(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { type, room, place, instance, to, data } = Object(message);
  if (type === 'bye') return { type };
  if (type === 'join' && isToken(room) && isToken(place) && isToken(instance)) {
    return { type, room, place, instance };
  }
  if (type === 'signal' && isToken(to) && typeof data === 'object' && data !== null) {
    return { type, to, data };
  }
  return undefined;
}

/** @param {unknown} value @returns {value is string} */
const isToken = (value) => typeof value === 'string' && TOKEN.test(value);
