import type { PeerMessage, ServerMessage, Signalling } from '../../src/transport/signalling.js';

/** Two places in a room without a server or a socket, so that UDP is all that a test can count. */
export function createSignallingPair(): [Signalling, Signalling] {
  const left = createEnd();
  const right = createEnd();
  left.peer = right;
  right.peer = left;
  return [left.signalling, right.signalling];
}

interface End {
  readonly signalling: Signalling;
  peer: End | undefined;
  deliver(message: ServerMessage): void;
}

function createEnd(): End {
  const early: ServerMessage[] = [];
  let onMessage: Signalling['onMessage'];
  const end: End = {
    peer: undefined,
    deliver: (message) => {
      if (onMessage) onMessage(message);
      else early.push(message);
    },
    signalling: {
      peerPresent: true,
      send: (message: PeerMessage) => queueMicrotask(() => end.peer?.deliver(message)),
      get onMessage() {
        return onMessage;
      },
      set onMessage(handler) {
        onMessage = handler;
        if (handler) for (const message of early.splice(0)) handler(message);
      },
      onClose: undefined,
      close: () => end.peer?.deliver({ type: 'peer-left' }),
    },
  };
  return end;
}
