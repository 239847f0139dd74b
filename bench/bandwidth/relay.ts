/** A UDP relay between two peers: it sees, counts and sorts every datagram, whatever stack sent it. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';

/** What a datagram is for, as far as can be told from outside. */
export type Kind = 'data' | 'acknowledgement' | 'consent' | 'dtls' | 'rtp' | 'rtcp';

export interface Datagram {
  readonly atMs: number;
  readonly from: 'first' | 'second';
  readonly kind: Kind;
  /** IPv4 and UDP headers included. */
  readonly bytes: number;
}

export interface Relay {
  readonly datagrams: Datagram[];
  /** A description for the other peer, with the relay's as its only address. */
  relayed(description: string, from: 'first' | 'second'): string;
  /** That address as a candidate's text. */
  candidate(from: 'first' | 'second'): string;
  close(): void;
}

const IP_UDP_BYTES = 28;
/** Record header, explicit nonce and tag of DTLS 1.2 with AES-GCM (RFC 6347, 5288). */
const DTLS_12_BYTES = 37;
/** Unified header of two bytes of sequence and no length, content type and tag (RFC 9147): the least there is. */
const DTLS_13_BYTES = 20;
/** SCTP's common header and a SACK without gaps: no data chunk is as short (RFC 9260). */
const SACK_BYTES = 28;

export async function startRelay(): Promise<Relay> {
  const address = ownAddress();
  const datagrams: Datagram[] = [];
  const ends = { first: await openEnd(address), second: await openEnd(address) };
  const join = (from: 'first' | 'second', to: 'first' | 'second') => {
    const [here, there] = [ends[from], ends[to]];
    here.socket.on('message', (data, { address: host, port }) => {
      here.peer = { host, port };
      const bytes = data.length + IP_UDP_BYTES;
      datagrams.push({ atMs: performance.now(), from, kind: kindOf(data), bytes });
      if (there.peer) there.socket.send(data, there.peer.port, there.peer.host);
    });
  };
  join('first', 'second');
  join('second', 'first');
  const candidate = (from: 'first' | 'second') => {
    // Whoever hears of `from` sends to the socket on its own side.
    const { port } = ends[from === 'first' ? 'second' : 'first'];
    return `candidate:1 1 udp 2130706431 ${address} ${port} typ host`;
  };
  return {
    datagrams,
    candidate,
    relayed(description, from) {
      const lines = description.split(/\r?\n/).filter((line) => !line.startsWith('a=candidate:'));
      const media = lines.findLastIndex((line) => line.startsWith('m='));
      lines.splice(media + 2, 0, `a=${candidate(from)}`);
      return lines.join('\r\n');
    },
    close() {
      ends.first.socket.close();
      ends.second.socket.close();
    },
  };
}

async function openEnd(address: string) {
  const socket: Socket = createSocket('udp4');
  socket.bind(0, address);
  await once(socket, 'listening');
  return {
    socket,
    port: socket.address().port,
    peer: undefined as { host: string; port: number } | undefined,
  };
}

/** Where peers of this machine reach it: their sockets may not be bound to the loopback. */
function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return (
    addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
  );
}

/** By the first byte (RFC 7983, 9147), the second of media (RFC 5761), and the length of what is encrypted. */
function kindOf(data: Uint8Array): Kind {
  const [type, second] = data;
  if (type <= 3) return 'consent';
  if (type >= 128 && type <= 191) return second >= 192 && second <= 223 ? 'rtcp' : 'rtp';
  const isRecord12 = type === 23;
  const isRecord13 = type >= 32 && type <= 63;
  if (!isRecord12 && !isRecord13) return 'dtls';
  const least = isRecord12 ? DTLS_12_BYTES : DTLS_13_BYTES + 2;
  return data.length - least <= SACK_BYTES ? 'acknowledgement' : 'data';
}
