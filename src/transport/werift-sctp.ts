/**
 * Repairs of werift 0.24.4's SCTP, each on the instance: what a hostile peer could do with it, and
 * where it departs from the RFCs at this project's cost.
 */
import type { RTCSctpTransport } from 'werift';
import { CONTROL_STREAM, MOTION_STREAM } from './rtc-data-channel.js';
import {
  type DataChunk,
  type InboundMessage,
  type SctpInternals,
  sctpInternals,
} from './werift-internals.js';

/** SCTP payload protocol identifier of binary messages (RFC 8831 section 8). */
const WEBRTC_BINARY = 53;
const SCTP_HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 4;
const TSN_MODULUS = 2 ** 32;
/**
 * Chunks received beyond a gap. The receive window of 1 MiB holds 873 full ones; werift sorts them
 * for every SACK, so that more of them, and tiny, would keep the processor busy.
 */
const MAX_CHUNKS_BEYOND_GAP = 1_024;
/** What a peer may send in order beyond the window, for the rounding of honest ones. */
const WINDOW_OVERDRAFT_BYTES = 64 * 1024;

/** Repairs the association of `transport`; call before it starts. */
export function repairSctp(transport: RTCSctpTransport): void {
  const sctp = sctpInternals(transport);
  dropBadPackets(sctp);
  acceptOwnStreamsOnly(sctp);
  boundAndDelayAcknowledgements(sctp);
  orderBySerialNumber(sctp);
  abandonUnreliable(sctp);
  forgetAcknowledged(sctp);
  repeatForwardTsn(sctp);
  keepReliable(sctp);
}

/** Bytes handed to the association that the peer has not acknowledged. */
export function hasUnacknowledged(transport: RTCSctpTransport): boolean {
  const { outboundQueue, sentQueue } = sctpInternals(transport);
  return outboundQueue.length > 0 || sentQueue.length > 0;
}

/**
 * werift loops for ever on a chunk of length 0, and leaves what it throws on a bad packet to become
 * an unhandled rejection, which ends the process.
 */
function dropBadPackets(sctp: SctpInternals): void {
  const handleData = sctp.handleData.bind(sctp);
  sctp.handleData = async (packet) => {
    if (!hasWholeChunks(packet)) return;
    await handleData(packet).catch(() => {});
  };
}

function hasWholeChunks(packet: Uint8Array): boolean {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  let at = SCTP_HEADER_BYTES;
  while (at + CHUNK_HEADER_BYTES <= packet.length) {
    const length = view.getUint16(at + 2);
    if (length < CHUNK_HEADER_BYTES || at + length > packet.length) return false;
    at += Math.ceil(length / 4) * 4;
  }
  return true;
}

/**
 * werift lets the peer open 65535 channels, and throws unhandled on protocol identifiers that it
 * does not know. Here both channels are negotiated, and only binary messages on them get through.
 */
function acceptOwnStreamsOnly(sctp: SctpInternals): void {
  const receive = sctp.receive.bind(sctp);
  sctp.receive = (streamId, protocolId, data) => {
    if (protocolId === WEBRTC_BINARY && isOwnStream(streamId)) receive(streamId, protocolId, data);
  };
}

function isOwnStream(streamId: number): boolean {
  return streamId === CONTROL_STREAM || streamId === MOTION_STREAM;
}

/**
 * werift does not enforce its receive window, and acknowledges every packet at once, although it
 * has a timer for delayed acknowledgements: RFC 9260 section 6.2 asks for one every second packet
 * or 200 ms. Here the control channel follows the RFC. Motion, where nothing is sent again and
 * nobody waits for an acknowledgement, waits for the 200 ms alone: at 25 messages a second one
 * acknowledgement of 93 bytes for six messages instead of six. A gap or a duplicate is reported at
 * once on both, as the RFC asks.
 */
function boundAndDelayAcknowledgements(sctp: SctpInternals): void {
  const receiveDataChunk = sctp.receiveDataChunk.bind(sctp);
  sctp.receiveDataChunk = (chunk) => {
    // The association is set up by an INIT, and nothing counts before it.
    if (sctp.lastReceivedTsn === undefined) return;
    if (!isOwnStream(chunk.streamId) || !fitsWindow(sctp, chunk)) return;
    const { sackImmediate, sackHasNewDataInPacket } = sctp;
    const duplicates = sctp.sackDuplicates.length;
    receiveDataChunk(chunk);
    popRest(sctp, chunk.streamId);
    if (sctp.sackMisOrdered.size > 0 || sctp.sackDuplicates.length > duplicates) return;
    sctp.sackImmediate = sackImmediate;
    if (chunk.streamId === MOTION_STREAM) sctp.sackHasNewDataInPacket = sackHasNewDataInPacket;
  };
}

/**
 * werift sorts the TSNs beyond a gap as text: where they gain a digit or wrap around, the
 * cumulative TSN would stand still for ever.
 */
function orderBySerialNumber(sctp: SctpInternals): void {
  sctp.markReceived = (tsn) => {
    const beyondGap = sctp.sackMisOrdered;
    const ahead = (tsn - sctp.lastReceivedTsn! + TSN_MODULUS) % TSN_MODULUS;
    if (ahead === 0 || ahead >= TSN_MODULUS / 2 || beyondGap.has(tsn)) {
      sctp.sackDuplicates.push(tsn);
      return true;
    }
    beyondGap.add(tsn);
    for (let next = nextTsn(sctp); beyondGap.delete(next); next = nextTsn(sctp)) {
      sctp.lastReceivedTsn = next;
    }
    return false;
  };
}

function nextTsn({ lastReceivedTsn }: SctpInternals): number {
  return (lastReceivedTsn! + 1) % TSN_MODULUS;
}

/**
 * werift pops what a chunk has completed, but behind that only messages whose TSN follows without a
 * gap: where motion lies between them, control messages would wait for the next one to come.
 */
function popRest(sctp: SctpInternals, streamId: number): void {
  let messages: InboundMessage[];
  do {
    messages = [...sctp.getInboundStream(streamId).popMessages()];
    for (const message of messages) {
      sctp.advertisedRwnd += message[2].length;
      sctp.receive(...message);
    }
  } while (messages.length > 0);
}

/** What closes a gap is always let in, or a full window could never empty again. */
function fitsWindow(sctp: SctpInternals, { tsn }: DataChunk): boolean {
  if (tsn === nextTsn(sctp)) return sctp.advertisedRwnd > -WINDOW_OVERDRAFT_BYTES;
  return sctp.advertisedRwnd > 0 && sctp.sackMisOrdered.size < MAX_CHUNKS_BEYOND_GAP;
}

/**
 * werift asks this of each chunk in flight before it sends it again, and goes wrong three times: it
 * takes `maxRetransmits: 0` for "no limit"; what it abandons is not the lost message but the oldest
 * one in flight, be it of a reliable channel; and after a time-out it sends again what gap reports
 * have acknowledged (see `forgetAcknowledged`). A motion message is one chunk
 * (MAX_MOTION_MESSAGE_BYTES), so that abandoning the chunk abandons the message (RFC 3758).
 */
function abandonUnreliable(sctp: SctpInternals): void {
  sctp.maybeAbandon = (chunk) => {
    if (chunk.acked) return true;
    if (chunk.maxRetransmits === undefined || chunk.sentCount <= chunk.maxRetransmits) return false;
    chunk.abandoned = true;
    chunk.retransmit = false;
    return true;
  };
}

/**
 * werift sends a chunk again that a gap report acknowledged while it waited for its turn, and then
 * counts it as in flight for ever, until the congestion window is full of such and nothing is sent.
 */
function forgetAcknowledged(sctp: SctpInternals): void {
  const updateAdvancedPeerAckPoint = sctp.updateAdvancedPeerAckPoint.bind(sctp);
  // Called with every SACK and time-out, before anything is sent.
  sctp.updateAdvancedPeerAckPoint = () => {
    for (const chunk of sctp.sentQueue) if (chunk.acked) chunk.retransmit = false;
    updateAdvancedPeerAckPoint();
  };
}

/**
 * werift sends a FORWARD-TSN once. Where it is lost, nothing after it would ever be acknowledged:
 * RFC 3758 section 3.5 (C2, A5) repeats it with every SACK and time-out until it is.
 */
function repeatForwardTsn(sctp: SctpInternals): void {
  const updateAdvancedPeerAckPoint = sctp.updateAdvancedPeerAckPoint.bind(sctp);
  let last: object | undefined;
  sctp.updateAdvancedPeerAckPoint = () => {
    updateAdvancedPeerAckPoint();
    const ahead = (sctp.advancedPeerAckTsn - sctp.lastSackedTsn + TSN_MODULUS) % TSN_MODULUS;
    const outstanding = ahead > 0 && ahead < TSN_MODULUS / 2;
    if (outstanding) sctp.forwardTsnChunk ??= last;
    last = sctp.forwardTsnChunk;
  };
}

/**
 * A FORWARD-TSN past a lost motion message makes werift throw away all chunks that wait before the
 * new cumulative TSN, the first fragments of a control message among them. Nothing has to be thrown
 * away here: a motion message is one chunk and never waits.
 */
function keepReliable(sctp: SctpInternals): void {
  const getInboundStream = sctp.getInboundStream.bind(sctp);
  sctp.getInboundStream = (streamId) => {
    const stream = getInboundStream(streamId);
    stream.pruneChunks = () => 0;
    return stream;
  };
}
