/** What werift 0.24.4's ICE needs around it: its sockets counted and guarded, its peer probed. */
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { UdpTransport } from 'werift';
import type { RunningLink } from './running-link.js';
import type { SessionDescription } from './signalling.js';
import { createHandshakeOrder, type HandshakeOrder, isDtls } from './werift-dtls.js';
import { type Connection, connectionInternals } from './werift-internals.js';
import type { WireAccount } from './wire-accounting.js';

/** STUN messages begin with a byte of 0–3 (RFC 7983). */
const LAST_STUN_BYTE = 3;
/** The next probe is on its way by then. */
const PROBE_TIMEOUT_MS = 1_000;
/** The next consent check is on its way by then, and gives this one up. */
const CONSENT_ANSWER_MS = 6_000;

/**
 * Addresses that werift leaves out and a call needs: the loopback's on a machine that has no other,
 * so that two processes on it can talk.
 */
export function additionalHostAddresses(): string[] {
  const external = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .some(({ family, internal }) => family === 'IPv4' && !internal);
  return external ? [] : ['127.0.0.1'];
}

/** Whether the peer's datagrams come from an address of this machine. */
export function isPeerHere({ nominated }: Connection): boolean {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.some(({ address }) => address === nominated?.remoteAddr[0]);
}

/** werift asks a STUN server of Google's where it was given none. Call before gathering. */
export function askNoStunServer(connection: Connection): void {
  connectionInternals(connection).stunServer = undefined;
}

/** Whether an ICE candidate names an IP address, and not a host (RFC 8839 section 5.1). */
export function hasIpAddress(candidate: string): boolean {
  return isIP(candidate.split(' ')[4] ?? '') !== 0;
}

/**
 * A description without candidates that name a host. A browser hides its addresses behind .local
 * names, whose look-up takes werift up to 10 s, and a DNS look-up is not for a peer to order. The
 * peer's own checks reach this side and show its address. So that werift waits for them, it is not
 * told that these were all the candidates.
 */
export function withoutHostNames({ type, sdp }: SessionDescription): SessionDescription {
  const lines = sdp.split(/\r?\n/).filter((line) => {
    if (line.startsWith('a=candidate:')) return hasIpAddress(line);
    return line !== 'a=end-of-candidates';
  });
  return { type, sdp: lines.join('\r\n') };
}

/**
 * Counts what passes the connection's UDP sockets, from their first datagram on (a TURN server's:
 * from the end of its allocation), and tells `onReceived` of what comes from the peer. What leaves goes
 * through `link`, where there is one, once it is counted; what arrives of a DTLS handshake is put into order.
 * Call before candidates are gathered.
 *
 * The hook is werift's own seam, the `send` and `onData` of each UdpTransport instance.
 */
export function watchSockets(
  connection: Connection,
  account: WireAccount,
  onReceived: () => void,
  link: RunningLink | undefined,
): void {
  const watched = new WeakSet<UdpTransport>();
  const order = createHandshakeOrder();
  connection.onIceCandidate.subscribe(() => {
    for (const protocol of connectionInternals(connection).protocols) {
      const transport = udpTransportOf(protocol);
      if (!transport || watched.has(transport)) continue;
      watched.add(transport);
      waitForConsent(protocol as Protocol);
      watchSocket(transport, connection, account, onReceived, order, link);
    }
  });
}

function watchSocket(
  transport: UdpTransport,
  connection: Connection,
  account: WireAccount,
  onReceived: () => void,
  order: HandshakeOrder,
  link: RunningLink | undefined,
): void {
  const ipVersion = transport.address.family === 'IPv6' ? 6 : 4;
  // Without a listener an unreachable candidate (ENETUNREACH) would end the process.
  transport.socket.on('error', () => {});
  const { send, onData } = transport;
  transport.send = async (data, address) => {
    account.countSent(data.length, ipVersion);
    if (!link) return send(data, address);
    // Nobody waits for what is late: an error is as good as lost.
    link.send(data, (late) => void send(Buffer.from(late.buffer), address).catch(() => {}));
  };
  transport.onData = (data, address) => {
    account.countReceived(data.length, ipVersion);
    // werift hears anybody: a stranger's ClientHello, unauthenticated, would restart DTLS.
    const peer = connection.nominated?.remoteAddr;
    const fromPeer = peer !== undefined && peer[0] === address[0] && peer[1] === address[1];
    if (peer && !fromPeer && data[0] > LAST_STUN_BYTE) return;
    if (fromPeer) onReceived();
    for (const each of isDtls(data) ? order.receive(data) : [data]) onData(each, address);
  };
}

type Protocol = NonNullable<Connection['nominated']>['protocol'];

/**
 * werift waits for the answer to a consent check for half a second on a path that was quick when the call began: a
 * queue that is longer for 30 s would end the call, though each check is answered.
 */
export function waitForConsent(protocol: Protocol): void {
  const request = protocol.request.bind(protocol);
  protocol.request = (message, to, key, options, onSent) => {
    // Of all requests only these can be given up.
    const isConsent = typeof options === 'object' && options.signal !== undefined;
    const patient = isConsent ? { ...options, responseTimeout: CONSENT_ANSWER_MS } : options;
    return request(message, to, key, patient, onSent);
  };
}

/** Undefined for TCP, which nothing here turns on. */
function udpTransportOf(protocol: unknown): UdpTransport | undefined {
  const { transport, turn } = protocol as { transport?: unknown; turn?: { transport?: unknown } };
  const found = turn ? turn.transport : transport;
  return found instanceof UdpTransport ? found : undefined;
}

/** Asks the peer for a sign of life: a STUN binding request that it must answer (RFC 7675). */
export function probePeer(connection: Connection): void {
  const pair = connection.nominated;
  if (!pair) return;
  const { localUsername, remoteUsername, remotePassword, iceControlling } = connection;
  const request = connectionInternals(connection).buildRequest({
    nominate: false,
    localUsername,
    remoteUsername,
    iceControlling,
    localCandidate: pair.localCandidate,
  });
  pair.protocol
    .request(request, pair.remoteAddr, Buffer.from(remotePassword), {
      retransmissions: 0,
      responseTimeout: PROBE_TIMEOUT_MS,
    })
    // No answer: the silence is counted elsewhere.
    .catch(() => {});
}
