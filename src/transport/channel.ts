/** Why a channel or connection is gone, for the person who reads it. */
export type CloseReason = 'closed-locally' | 'closed-by-peer' | 'peer-vanished' | 'failed';

/** A message pipe as the sessions see it: an RTCDataChannel of a browser or of werift. */
export interface DatagramPipe {
  /** Bytes accepted by `send` that have not left yet. */
  readonly bufferedAmount: number;
  /** Whether `send` may be called. */
  readonly open: boolean;
  /** Throws InvalidStateError where the channel is not open. The bytes are copied or sent at once. */
  send(data: Uint8Array): void;
  /** `receivedMs`: when it arrived, by `callClock`, where that is not now. */
  onMessage: ((data: Uint8Array, receivedMs?: number) => void) | undefined;
  onClose: ((reason: CloseReason) => void) | undefined;
}

/** The two channels of a call: one reliable and ordered, one neither. */
export interface CallChannels {
  /** Handshake, identity, statistics: reliable, ordered. */
  readonly control: DatagramPipe;
  /** Motion frames forward, feedback backward: unordered, no retransmission. */
  readonly motion: DatagramPipe;
}
