/**
 * The parts of werift 0.24.4 that its types keep private and that this project reaches into, on
 * instances alone. Whoever moves to another version of werift checks each of them, and reads
 * docs on them in `werift-sctp.ts` and `werift-ice.ts`; the tests in test/werift.test.ts fail
 * where a repair has stopped working.
 */
import type { RTCIceTransport, RTCSctpTransport } from 'werift';

/** A DATA chunk (RFC 9260 section 3.3.1) in werift's queues. */
export interface DataChunk {
  readonly tsn: number;
  readonly streamId: number;
  readonly userData: Uint8Array;
  readonly maxRetransmits: number | undefined;
  readonly sentCount: number;
  /** By a gap report; the cumulative acknowledgement takes it out of the queue. */
  readonly acked: boolean;
  abandoned: boolean;
  retransmit: boolean;
}

/** A message put together: stream, payload protocol identifier, bytes. */
export type InboundMessage = [streamId: number, protocolId: number, data: Uint8Array];

/** A stream's chunks that wait for others. */
export interface InboundStream {
  popMessages(): Iterable<InboundMessage>;
  /** Returns the bytes that it has freed. */
  pruneChunks(tsn: number): number;
}

/** werift's SCTP association. */
export interface SctpInternals {
  advertisedRwnd: number;
  readonly lastSackedTsn: number;
  readonly advancedPeerAckTsn: number;
  forwardTsnChunk: object | undefined;
  /** The cumulative TSN. */
  lastReceivedTsn: number | undefined;
  /** TSNs received beyond a gap. */
  readonly sackMisOrdered: Set<number>;
  readonly sackDuplicates: number[];
  sackImmediate: boolean;
  sackHasNewDataInPacket: boolean;
  readonly sentQueue: readonly DataChunk[];
  readonly outboundQueue: readonly DataChunk[];
  handleData(packet: Uint8Array): Promise<void>;
  /** Returns whether the TSN was received before. */
  markReceived(tsn: number): boolean;
  receiveDataChunk(chunk: DataChunk): void;
  receive(...message: InboundMessage): void;
  getInboundStream(streamId: number): InboundStream;
  updateAdvancedPeerAckPoint(): void;
  maybeAbandon(chunk: DataChunk): boolean;
}

export type Connection = RTCIceTransport['connection'];

type CandidatePair = NonNullable<Connection['nominated']>;
type StunMessage = Parameters<CandidatePair['protocol']['request']>[0];

export interface ConnectionInternals {
  stunServer: readonly [string, number] | undefined;
  readonly protocols: readonly unknown[];
  buildRequest(options: {
    nominate: boolean;
    localUsername: string;
    remoteUsername: string;
    iceControlling: boolean;
    localCandidate: CandidatePair['localCandidate'];
  }): StunMessage;
}

export function sctpInternals(transport: RTCSctpTransport): SctpInternals {
  return transport.sctp as unknown as SctpInternals;
}

export function connectionInternals(connection: Connection): ConnectionInternals {
  return connection as unknown as ConnectionInternals;
}
