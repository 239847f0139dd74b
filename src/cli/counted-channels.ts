import type { CallChannels, DatagramPipe } from '../transport/channel.js';

/** Bytes of messages that passed the channels, without any header. */
export interface PayloadCounters {
  sent: number;
  received: number;
}

/** The same channels, counting what passes. */
export function countChannels(channels: CallChannels): {
  readonly channels: CallChannels;
  readonly payload: Readonly<PayloadCounters>;
} {
  const payload: PayloadCounters = { sent: 0, received: 0 };
  return {
    channels: {
      control: countPipe(channels.control, payload),
      motion: countPipe(channels.motion, payload),
    },
    payload,
  };
}

function countPipe(pipe: DatagramPipe, payload: PayloadCounters): DatagramPipe {
  let onMessage: DatagramPipe['onMessage'];
  return {
    get bufferedAmount() {
      return pipe.bufferedAmount;
    },
    get open() {
      return pipe.open;
    },
    send(data) {
      pipe.send(data);
      payload.sent += data.length;
    },
    get onMessage() {
      return onMessage;
    },
    set onMessage(handler) {
      onMessage = handler;
      pipe.onMessage =
        handler &&
        ((data) => {
          payload.received += data.length;
          handler(data);
        });
    },
    get onClose() {
      return pipe.onClose;
    },
    set onClose(handler) {
      pipe.onClose = handler;
    },
  };
}
