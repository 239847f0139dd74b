import { checkOption } from '../protocol/check-options.js';
import { InvalidStateError } from '../protocol/errors.js';
import { MAX_CONTROL_MESSAGE_BYTES, MAX_MOTION_MESSAGE_BYTES } from '../protocol/limits.js';
import type { CallChannels, CloseReason, DatagramPipe } from './channel.js';

/** SCTP streams of the two channels. */
export const CONTROL_STREAM = 0;
export const MOTION_STREAM = 1;
/**
 * Messages kept until a handler is set: the peer may speak as soon as the channels are open.
 * Beyond that they are dropped.
 */
const MAX_EARLY_MESSAGES = 64;

/**
 * Both channels are negotiated out of band (RFC 8831 section 6.7): they are open as soon as the
 * association is, without a round trip, and a peer cannot open any other.
 */
const CONTROL = {
  label: 'visavis-control',
  options: { negotiated: true, id: CONTROL_STREAM, ordered: true },
} as const;
const MOTION = {
  label: 'visavis-motion',
  options: { negotiated: true, id: MOTION_STREAM, ordered: false, maxRetransmits: 0 },
} as const;

/** The part of the W3C RTCDataChannel that is used; werift's has it too. */
export interface DataChannelLike {
  readonly readyState: string;
  readonly bufferedAmount: number;
  binaryType?: BinaryType;
  send(data: never): void;
  close(): void;
  onopen?: ((event: never) => void) | null | undefined;
  onclose?: ((event: never) => void) | null | undefined;
  onmessage?: ((event: never) => void) | null | undefined;
}

/** The part of RTCDataChannelInit that is used. */
export interface DataChannelInit {
  readonly negotiated: true;
  readonly id: number;
  readonly ordered: boolean;
  readonly maxRetransmits?: number;
}

/** The part of the W3C RTCPeerConnection that is used; werift's has it too. */
export interface PeerConnectionLike<Channel extends DataChannelLike> {
  createDataChannel(label: string, options: DataChannelInit): Channel;
}

/** A call's two data channels. */
export interface DataChannelPair<Channel extends DataChannelLike = DataChannelLike> {
  readonly control: Channel;
  readonly motion: Channel;
}

/** Channels as the sessions see them, and the handle of whoever owns the connection. */
export interface AdaptedChannels {
  readonly channels: CallChannels;
  /** Resolves when both are open; rejects never: a connection that fails is noticed elsewhere. */
  readonly opened: Promise<void>;
  /** Called once, when the first of the two is gone or `end` was called. */
  onEnd: ((reason: CloseReason) => void) | undefined;
  /** Closes both for `reason`; later reasons do not count. */
  end(reason: CloseReason): void;
}

/**
 * Creates a call's two channels. Both peers do it, before the first session description is set:
 * the channels are negotiated, so none of them arrives in 'datachannel'.
 */
export function createDataChannels<Channel extends DataChannelLike>(
  connection: PeerConnectionLike<Channel>,
): DataChannelPair<Channel> {
  return createPair(connection, 0);
}

/** Which side of a call one is: any rule that makes them differ will do, such as who makes the offer. */
export type CallSide = 'caller' | 'callee';

/** The channels of a call in which each side shows the other its face. */
export interface DirectedChannels<Channel extends DataChannelLike = DataChannelLike> {
  /** For one's own talking head. */
  readonly outgoing: DataChannelPair<Channel>;
  /** For the other side's. */
  readonly incoming: DataChannelPair<Channel>;
}

/** SCTP streams that the callee's talking head comes by: those of the caller's, and this. */
const CALLEE_OFFSET = 2;

/**
 * Creates the channels of both directions, as `createDataChannels`: SCTP streams 0 and 1 are the caller's,
 * 2 and 3 the callee's. Throws a TypeError where `side` is neither.
 */
export function createCallChannels<Channel extends DataChannelLike>(
  connection: PeerConnectionLike<Channel>,
  side: CallSide,
): DirectedChannels<Channel> {
  checkOption(side === 'caller' || side === 'callee', 'side', "'caller' or 'callee'", side);
  const calls = createDataChannels(connection);
  const answers = createPair(connection, CALLEE_OFFSET);
  return side === 'caller'
    ? { outgoing: calls, incoming: answers }
    : { outgoing: answers, incoming: calls };
}

/** What came on channels of ours before anybody adapted them. */
const unread = new WeakMap<DataChannelLike, unknown[]>();

/** Keeps what the peer says until the channel is adapted: it may be there first. */
function keepUnread(channel: DataChannelLike): void {
  const messages: unknown[] = [];
  unread.set(channel, messages);
  if ('binaryType' in channel) channel.binaryType = 'arraybuffer';
  channel.onmessage = ({ data }: { data: unknown }) => {
    if (messages.length < MAX_EARLY_MESSAGES) messages.push(data);
  };
}

function createPair<Channel extends DataChannelLike>(
  connection: PeerConnectionLike<Channel>,
  offset: number,
): DataChannelPair<Channel> {
  const create = ({ label, options }: typeof CONTROL | typeof MOTION) => {
    const channel = connection.createDataChannel(label, { ...options, id: options.id + offset });
    keepUnread(channel);
    return channel;
  };
  return { control: create(CONTROL), motion: create(MOTION) };
}

/**
 * Adapts a pair of data channels. A channel that closes by itself was closed by the peer, unless
 * the owner of the connection knows better and has called `end` first.
 */
export function adaptDataChannels({ control, motion }: DataChannelPair): AdaptedChannels {
  let ended: CloseReason | undefined;
  const adapters = [
    adaptChannel(control, MAX_CONTROL_MESSAGE_BYTES),
    adaptChannel(motion, MAX_MOTION_MESSAGE_BYTES),
  ] as const;
  const adapted: AdaptedChannels = {
    channels: { control: adapters[0].pipe, motion: adapters[1].pipe },
    opened: Promise.all(adapters.map(({ opened }) => opened)).then(() => {}),
    onEnd: undefined,
    end(reason) {
      if (ended) return;
      ended = reason;
      for (const { end } of adapters) end(reason);
      adapted.onEnd?.(reason);
    },
  };
  for (const channel of [control, motion]) {
    channel.onclose = () => adapted.end('closed-by-peer');
  }
  return adapted;
}

interface ChannelAdapter {
  readonly pipe: DatagramPipe;
  readonly opened: Promise<void>;
  end(reason: CloseReason): void;
}

function adaptChannel(channel: DataChannelLike, maxBytes: number): ChannelAdapter {
  let ended = false;
  let onMessage: DatagramPipe['onMessage'];
  const early = (unread.get(channel) ?? []).map(bytesOf).filter((bytes) => bytes !== undefined);
  // werift has no binaryType and always gives a Buffer.
  if ('binaryType' in channel) channel.binaryType = 'arraybuffer';

  channel.onmessage = ({ data }: { data: unknown }) => {
    const bytes = bytesOf(data);
    if (ended || !bytes) return;
    if (onMessage) onMessage(bytes);
    else if (early.length < MAX_EARLY_MESSAGES) early.push(bytes);
  };
  const opened = new Promise<void>((resolve) => {
    if (channel.readyState === 'open') resolve();
    else channel.onopen = () => resolve();
  });

  const pipe: DatagramPipe = {
    get bufferedAmount() {
      return channel.bufferedAmount;
    },
    get open() {
      return !ended && channel.readyState === 'open';
    },
    send(data) {
      if (!pipe.open) throw new InvalidStateError('the channel is not open');
      if (data.length === 0 || data.length > maxBytes) {
        throw new TypeError(`data must be 1–${maxBytes} bytes, not ${data.length}`);
      }
      // werift keeps a Buffer without copying it; a plain view of the same bytes it copies.
      channel.send(new Uint8Array(data.buffer, data.byteOffset, data.length) as never);
    },
    get onMessage() {
      return onMessage;
    },
    set onMessage(handler) {
      onMessage = handler;
      if (handler) for (const bytes of early.splice(0)) handler(bytes);
    },
    onClose: undefined,
  };

  return {
    pipe,
    opened,
    end(reason) {
      ended = true;
      early.length = 0;
      channel.close();
      pipe.onClose?.(reason);
    },
  };
}

/** Text is not part of the protocol: undefined. */
function bytesOf(data: unknown): Uint8Array | undefined {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return data instanceof Uint8Array ? data : undefined;
}
