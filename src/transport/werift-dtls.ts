/**
 * What werift 0.24.4's DTLS handshake needs before it: its receiver neither orders handshake messages
 * nor knows those that it has had. A datagram lost, overtaken or duplicated while connecting makes it take
 * the messages in the wrong order, start flights twice or fail for good.
 */

/** DTLS content types (RFC 6347, RFC 5246 section 6.2.1) share the socket with STUN: RFC 7983. */
const FIRST_DTLS_BYTE = 20;
const LAST_DTLS_BYTE = 63;
const HANDSHAKE = 22;
/** Content type, version, epoch, sequence number, length (RFC 6347 section 4.1). */
const RECORD_HEADER_BYTES = 13;
/** Message type, length, message sequence, fragment offset and length (RFC 6347 section 4.2.2). */
const MESSAGE_HEADER_BYTES = 12;

/** Message types of RFC 5246 section 7.4 that decide something here. */
const CLIENT_HELLO = 1;
const CERTIFICATE = 11;
const SERVER_HELLO_DONE = 14;
const CERTIFICATE_VERIFY = 15;
const CLIENT_KEY_EXCHANGE = 16;

/** A certificate chain of a browser's is below 1 kB; ours one of 0.4. */
const MAX_MESSAGE_BYTES = 16 * 1024;
/** A flight has six messages at most. */
const MAX_AHEAD = 8;
/** Encrypted handshake records that wait for the keys: each flight sent again has one. */
const MAX_HELD = 8;

/** A handshake message that is being put together. */
interface Partial {
  readonly type: number;
  readonly body: Buffer;
  /** 1 where the byte has come. */
  readonly come: Uint8Array;
  missing: number;
}

/** The receiving side of RFC 6347 section 4.2.2, between the socket and werift. */
export interface HandshakeOrder {
  /** The datagrams to give on instead of this one: none, it, or others that it has released. */
  receive(datagram: Buffer): Buffer[];
}

/** Whether a datagram is DTLS. */
export function isDtls(datagram: Uint8Array): boolean {
  return datagram[0] >= FIRST_DTLS_BYTE && datagram[0] <= LAST_DTLS_BYTE;
}

/**
 * Gives handshake messages on whole, each once and in the order of their numbers, and encrypted ones (the
 * Finished) when the messages that make the keys have been given on. The first ClientHello may come again
 * until the second: werift answers it again. All other records pass as they are.
 */
export function createHandshakeOrder(): HandshakeOrder {
  const partials = new Map<number, Partial>();
  const given = new Set<number>();
  let held: Buffer[] = [];
  let next = 0;

  const keysReady = () =>
    given.has(SERVER_HELLO_DONE) ||
    (given.has(CLIENT_KEY_EXCHANGE) && (!given.has(CERTIFICATE) || given.has(CERTIFICATE_VERIFY)));

  /** Takes the fragment that begins here, and says where the next one does. */
  const take = (fragment: Buffer): number => {
    const length = fragment.readUIntBE(1, 3);
    const sequence = fragment.readUInt16BE(4);
    const offset = fragment.readUIntBE(6, 3);
    const bytes = fragment.readUIntBE(9, 3);
    const end = MESSAGE_HEADER_BYTES + bytes;
    if (end > fragment.length || offset + bytes > length || length > MAX_MESSAGE_BYTES) {
      return fragment.length;
    }
    const again = sequence === 0 && next === 1 && fragment[0] === CLIENT_HELLO;
    if (again && !partials.has(0)) next = 0;
    if (sequence < next || sequence > next + MAX_AHEAD) return end;
    const partial = partials.get(sequence) ?? {
      type: fragment[0],
      body: Buffer.alloc(length),
      come: new Uint8Array(length),
      missing: length,
    };
    if (partial.body.length !== length || partial.type !== fragment[0]) return end;
    partials.set(sequence, partial);
    for (let i = 0; i < bytes; i++) {
      if (!partial.come[offset + i]) partial.missing -= 1;
      partial.come[offset + i] = 1;
    }
    fragment.copy(partial.body, offset, MESSAGE_HEADER_BYTES, end);
    return end;
  };

  const release = (recordHeader: Buffer): Buffer[] => {
    const released: Buffer[] = [];
    for (let partial = partials.get(next); partial?.missing === 0; partial = partials.get(next)) {
      partials.delete(next);
      released.push(wholeMessage(recordHeader, next, partial));
      given.add(partial.type);
      next += 1;
    }
    if (released.length > 0 && keysReady()) {
      released.push(...held);
      held = [];
    }
    return released;
  };

  return {
    receive(datagram) {
      const out: Buffer[] = [];
      for (let at = 0; at + RECORD_HEADER_BYTES <= datagram.length; ) {
        const end = at + RECORD_HEADER_BYTES + datagram.readUInt16BE(at + 11);
        if (end > datagram.length) break;
        const record = datagram.subarray(at, end);
        at = end;
        if (record[0] !== HANDSHAKE) out.push(record);
        else if (record.readUInt16BE(3) === 0) {
          for (let from = RECORD_HEADER_BYTES; from + MESSAGE_HEADER_BYTES <= record.length; ) {
            from += take(record.subarray(from));
          }
          out.push(...release(record.subarray(0, RECORD_HEADER_BYTES)));
        } else if (keysReady()) out.push(record);
        else if (held.length < MAX_HELD) held.push(Buffer.from(record));
      }
      return out;
    },
  };
}

/** A record with one message in one fragment. */
function wholeMessage(recordHeader: Buffer, sequence: number, { type, body }: Partial): Buffer {
  const record = Buffer.alloc(RECORD_HEADER_BYTES + MESSAGE_HEADER_BYTES + body.length);
  recordHeader.copy(record);
  record.writeUInt16BE(MESSAGE_HEADER_BYTES + body.length, 11);
  record[RECORD_HEADER_BYTES] = type;
  record.writeUIntBE(body.length, RECORD_HEADER_BYTES + 1, 3);
  record.writeUInt16BE(sequence, RECORD_HEADER_BYTES + 4);
  record.writeUIntBE(body.length, RECORD_HEADER_BYTES + 9, 3);
  body.copy(record, RECORD_HEADER_BYTES + MESSAGE_HEADER_BYTES);
  return record;
}
