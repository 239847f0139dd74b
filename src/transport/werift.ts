import { RTCPeerConnection } from 'werift';
import { checkMethods } from '../protocol/check-options.js';
import type { CallChannels, CloseReason } from './channel.js';
import { ConnectError } from './connect-error.js';
import { createLiveness, LIVENESS_POLL_MS } from './liveness.js';
import { type AdaptedChannels, adaptDataChannels, createDataChannels } from './rtc-data-channel.js';
import { runLink } from './running-link.js';
import {
  checkRole,
  type Role,
  type ServerMessage,
  type SessionDescription,
  type Signalling,
} from './signalling.js';
import type { SimulatedLinkOptions, SimulatedLinkStats } from './simulated-link.js';
import {
  additionalHostAddresses,
  askNoStunServer,
  hasIpAddress,
  isPeerHere,
  probePeer,
  watchSockets,
  withoutHostNames,
} from './werift-ice.js';
import { hasUnacknowledged, repairSctp } from './werift-sctp.js';
import { createWireAccount, type WireCounters } from './wire-accounting.js';

/** From both peers in the room to open channels; loopback takes 0.3 s, STUN may add 5 s. */
const CONNECT_TIMEOUT_MS = 15_000;
/** What `close` allows the last messages to be acknowledged in: one retransmission (RTO 1 s). */
const DRAIN_LIMIT_MS = 1_500;
const DRAIN_POLL_MS = 10;
/** A browser trickles a dozen candidates; each costs up to (local addresses) pairs to check. */
const MAX_REMOTE_CANDIDATES = 64;
/** Beyond every flight of a DTLS handshake (RFC 6347 section 4.2.4 counts six). */
const DTLS_HANDSHAKE_OVER = 99;
/** IPv4 and UDP headers of a datagram, at the bottleneck of a simulated link. */
const HEADER_BYTES = 28;

/** A STUN or TURN server as WebRTC's `RTCIceServer`, with one URL. */
export interface IceServer {
  readonly urls: string;
  readonly username?: string;
  readonly credential?: string;
}

/** Options of `connectWerift`. */
export interface ConnectWeriftOptions {
  readonly role: Role;
  /** A place in a room. The call owns it: it closes it, at its end or where connecting fails. */
  readonly signalling: Signalling;
  /** Default: none, the addresses of this machine's own interfaces alone; nobody is asked. */
  readonly iceServers?: readonly IceServer[];
  /**
   * For tests on bad networks: what happens to the datagrams of this side on their way out, whichever
   * they are (ICE, DTLS, SCTP with its retransmissions and acknowledgements). Its milliseconds begin with
   * the first datagram; `headerBytes` is 28 by default. Default: none. See docs/network.md.
   */
  readonly outgoingLink?: SimulatedLinkOptions;
  /** Called when both sides are in the room and connecting begins. */
  readonly onPeerJoined?: () => void;
  /** Gives up connecting and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A call between two Node processes, or between one and a browser. */
export interface WeriftCall {
  readonly channels: CallChannels;
  /** From the first ICE check on, both directions, at the UDP sockets. */
  readonly wire: WireCounters;
  /** What `outgoingLink` did to the datagrams; undefined without one. `wire` counts them before it. */
  readonly outgoingLink: SimulatedLinkStats | undefined;
  /** Whether the peer has an address of this machine. */
  readonly peerIsHere: boolean;
  /** Called once, whoever ends the call; everything has been let go of when `close` resolves. */
  onClose: ((reason: CloseReason) => void) | undefined;
  /** Waits up to 1.5 s for what was sent to be acknowledged, says goodbye and frees everything. */
  close(): Promise<void>;
}

/**
 * Waits for the other role in the room and opens the call's two channels over UDP (IPv4); the
 * sender offers. Rejects with a ConnectError, with the reason of `signal`, or with a TypeError that
 * names a bad option.
 */
export async function connectWerift(options: ConnectWeriftOptions): Promise<WeriftCall> {
  const { role, signalling, iceServers = [], outgoingLink } = options;
  checkRole('role', role);
  checkMethods('signalling', signalling, 'send', 'close');
  const link = outgoingLink && runLink({ headerBytes: HEADER_BYTES, ...outgoingLink });
  const account = createWireAccount(() => performance.now());
  const liveness = createLiveness(performance.now());
  const peer = new RTCPeerConnection({
    iceServers: iceServers.map((server) => ({ ...server })),
    iceUseIpv6: false,
    iceAdditionalHostAddresses: additionalHostAddresses(),
  });
  const adapted = adaptDataChannels(createDataChannels(peer));
  const sctp = peer.sctpTransport!;
  const { connection } = sctp.dtlsTransport.iceTransport;
  if (!iceServers.some(({ urls }) => urls.startsWith('stun'))) askNoStunServer(connection);
  repairSctp(sctp);
  watchSockets(connection, account, liveness.heard, link);

  const free = async () => {
    signalling.close();
    // pc.close() frees the sockets before SCTP can say goodbye, so SCTP goes first; a datagram
    // leaves one turn of the event loop after its send.
    await sctp.stop();
    await new Promise(setImmediate);
    await peer.close();
    link?.stop();
    // A handshake that was cut short would go on repeating its flight for up to 33 s.
    const { dtls } = sctp.dtlsTransport;
    if (dtls) dtls.dtls.flight = DTLS_HANDSHAKE_OVER;
  };

  try {
    await establish(peer, adapted, options);
  } catch (error) {
    signalling.send({ type: 'bye' });
    adapted.end('failed');
    await free();
    throw error;
  }

  let freed: Promise<void> | undefined;
  const call: WeriftCall = {
    channels: adapted.channels,
    wire: account,
    outgoingLink: link?.stats,
    peerIsHere: isPeerHere(connection),
    onClose: undefined,
    async close() {
      if (!freed) {
        await drain(() => adapted.channels.control.open && hasUnacknowledged(sctp));
        signalling.send({ type: 'bye' });
        adapted.end('closed-locally');
      }
      await freed;
    },
  };
  const timer = setInterval(() => {
    const state = liveness.poll(performance.now());
    if (state === 'probe') probePeer(connection);
    if (state === 'vanished') adapted.end('peer-vanished');
  }, LIVENESS_POLL_MS);
  adapted.onEnd = (reason) => {
    clearInterval(timer);
    freed = free();
    call.onClose?.(reason);
  };
  signalling.onMessage = ({ type }) => {
    if (type === 'bye') adapted.end('closed-by-peer');
    if (type === 'peer-left') liveness.peerLeft();
  };
  // The call goes on without signalling; a peer that vanishes is noticed by its silence.
  signalling.onClose = undefined;
  peer.connectionStateChange.subscribe((state) => {
    if (state === 'failed') adapted.end('failed');
  });
  return call;
}

async function drain(pending: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + DRAIN_LIMIT_MS;
  while (pending() && performance.now() < giveUpAt) {
    await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
  }
}

/** Exchanges descriptions once both peers are in the room; resolves when both channels are open. */
async function establish(
  peer: RTCPeerConnection,
  adapted: AdaptedChannels,
  { role, signalling, signal, onPeerJoined }: ConnectWeriftOptions,
): Promise<void> {
  signal?.throwIfAborted();
  let timer: NodeJS.Timeout | undefined;
  let abort = () => {};
  try {
    await new Promise<void>((resolve, reject) => {
      abort = () => reject(signal?.reason);
      signal?.addEventListener('abort', abort);
      const noPath = () =>
        reject(
          new ConnectError(
            'no-path',
            'both sides are in the room, but no UDP datagram gets from one to the other: ' +
              'look at the firewalls, or give a STUN or TURN server',
          ),
        );
      const incompatible = (cause: unknown) =>
        reject(
          new ConnectError(
            'incompatible',
            'the other side offers no WebRTC data channels that this side can use',
            { cause },
          ),
        );
      const peerArrived = () => {
        timer ??= setTimeout(noPath, CONNECT_TIMEOUT_MS);
        onPeerJoined?.();
        if (role === 'sender') describe(peer, signalling).catch(incompatible);
      };
      const onMessage = createNegotiation(peer, { role, signalling, incompatible });

      adapted.opened.then(resolve);
      adapted.onEnd = noPath;
      peer.connectionStateChange.subscribe((state) => {
        if (state === 'failed') noPath();
      });
      signalling.onClose = (reason) => reject(new ConnectError('signalling-lost', reason));
      signalling.onMessage = (message) => {
        if (message.type === 'peer-joined') {
          peerArrived();
        } else if (message.type === 'peer-left' || message.type === 'bye') {
          reject(new ConnectError('peer-left', 'the other side left before the call began'));
        } else {
          onMessage(message);
        }
      };
      if (signalling.peerPresent) peerArrived();
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

/** Handles what the peer says: one description, and candidates. */
function createNegotiation(
  peer: RTCPeerConnection,
  {
    role,
    signalling,
    incompatible,
  }: { role: Role; signalling: Signalling; incompatible: (cause: unknown) => void },
): (message: ServerMessage) => void {
  let described = false;
  let candidates = 0;
  let markDescribed = () => {};
  const remoteDescribed = new Promise<void>((resolve) => {
    markDescribed = resolve;
  });
  const accept = async (description: SessionDescription) => {
    checkDescription(description, role);
    await peer.setRemoteDescription(withoutHostNames(description));
    markDescribed();
    if (role === 'receiver') await describe(peer, signalling);
  };
  return (message) => {
    if (message.type === 'description' && !described) {
      described = true;
      accept(message.description).catch(incompatible);
    }
    if (message.type === 'candidate' && candidates < MAX_REMOTE_CANDIDATES) {
      candidates += 1;
      const { candidate } = message;
      if (!hasIpAddress(candidate.candidate)) return;
      // One of no use (TCP, another media section) is no reason to end a call.
      remoteDescribed.then(() => peer.addIceCandidate(candidate)).catch(() => {});
    }
  };
}

/** Sends this side's offer or answer, with all its candidates: gathering them takes milliseconds. */
async function describe(peer: RTCPeerConnection, signalling: Signalling): Promise<void> {
  await peer.setLocalDescription();
  const { type, sdp } = peer.localDescription!;
  signalling.send({ type: 'description', description: { type: type as 'offer' | 'answer', sdp } });
}

function checkDescription({ type, sdp }: SessionDescription, role: Role): void {
  const expected = role === 'sender' ? 'answer' : 'offer';
  if (type !== expected) throw new Error(`an ${type} where an ${expected} was due`);
  const media = sdp.match(/^m=.*/gm) ?? [];
  if (media.length !== 1 || !media[0].startsWith('m=application ')) {
    throw new Error('not one media section of data channels');
  }
}
