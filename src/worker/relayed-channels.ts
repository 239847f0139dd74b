import { InvalidStateError } from '../protocol/errors.js';
import type { CallChannels, CloseReason, DatagramPipe } from '../transport/channel.js';
import type { ChannelName } from './messages.js';

/** Messages kept until a session takes the channels' handlers; beyond, they are dropped. */
const MAX_EARLY_MESSAGES = 64;

/** A call's channels as the worker has them: their data channels are the page's. */
export interface RelayedChannels extends CallChannels {
  /** Resolves at the peer's first word. */
  readonly heard: Promise<void>;
  /** Resolves when they are gone. */
  readonly gone: Promise<CloseReason>;
  /** A message of the peer. */
  message(channel: ChannelName, bytes: Uint8Array, receivedMs: number): void;
  /** The page has sent so many bytes in all on a channel, and so many of them wait in its buffer. */
  sent(channel: ChannelName, bytes: number, buffered: number): void;
  /** They are gone. */
  disconnect(reason: CloseReason): void;
}

/** Channels, open from now on, whose messages `send` hands to the page. */
export function createRelayedChannels(
  send: (channel: ChannelName, bytes: Uint8Array) => void,
): RelayedChannels {
  let hear: () => void = () => {};
  const heard = new Promise<void>((resolve) => {
    hear = resolve;
  });
  let go: (reason: CloseReason) => void = () => {};
  const gone = new Promise<CloseReason>((resolve) => {
    go = resolve;
  });
  const relays = { control: createRelay(), motion: createRelay() };

  function createRelay() {
    let onMessage: DatagramPipe['onMessage'];
    const early: [bytes: Uint8Array, receivedMs: number][] = [];
    const relay = { posted: 0, sent: 0, buffered: 0, open: true, pipe: {} as DatagramPipe, take };
    function take(bytes: Uint8Array, receivedMs: number): void {
      if (onMessage) onMessage(bytes, receivedMs);
      else if (early.length < MAX_EARLY_MESSAGES) early.push([bytes, receivedMs]);
    }
    relay.pipe = {
      get bufferedAmount() {
        return relay.posted - relay.sent + relay.buffered;
      },
      get open() {
        return relay.open;
      },
      send(bytes) {
        if (!relay.open) throw new InvalidStateError('the channel is not open');
        relay.posted += bytes.length;
        send(relay === relays.control ? 'control' : 'motion', bytes.slice());
      },
      get onMessage() {
        return onMessage;
      },
      set onMessage(handler) {
        onMessage = handler;
        if (handler) for (const message of early.splice(0)) handler(...message);
      },
      onClose: undefined,
    };
    return relay;
  }

  return {
    control: relays.control.pipe,
    motion: relays.motion.pipe,
    heard,
    gone,
    message(channel, ...message) {
      relays[channel].take(...message);
      hear();
    },
    sent(channel, bytes, buffered) {
      Object.assign(relays[channel], { sent: bytes, buffered });
    },
    disconnect(reason) {
      hear();
      for (const relay of Object.values(relays)) {
        if (!relay.open) continue;
        relay.open = false;
        relay.pipe.onClose?.(reason);
      }
      go(reason);
    },
  };
}
