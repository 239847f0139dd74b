import { WebSocket } from 'ws';
import { callClock } from '../call.js';
import { ConnectError } from '../transport/connect-error.js';
import type { Role } from '../transport/signalling.js';
import { joinRoom } from '../transport/signalling-client.js';
import type { SimulatedLinkOptions } from '../transport/simulated-link.js';
import { connectWerift, type WeriftCall } from '../transport/werift.js';
import { UserError } from './user-error.js';

export interface ConnectOptions {
  readonly role: Role;
  /** ws:// or wss:// address of the signalling server. */
  readonly signal: string;
  readonly room: string;
  readonly abort: AbortSignal;
  /** What a simulated network does to what this side sends. */
  readonly link: SimulatedLinkOptions | undefined;
  /** Called where the other side is not there yet. */
  readonly onWaiting: () => void;
}

/** A connected call with the moments of its making (callClock). */
export interface Connected {
  readonly call: WeriftCall;
  readonly peerJoinedMs: number;
  readonly connectedMs: number;
}

/** Meets the peer in a room and connects to it; UserError where that cannot be. */
export async function connect(options: ConnectOptions): Promise<Connected> {
  const { role, signal, room, abort, link, onWaiting } = options;
  try {
    const signalling = await joinRoom({ url: signal, room, role, signal: abort, WebSocket });
    let peerJoinedMs = callClock();
    if (!signalling.peerPresent) onWaiting();
    const call = await connectWerift({
      role,
      signalling,
      signal: abort,
      ...(link && { outgoingLink: link }),
      onPeerJoined: () => {
        peerJoinedMs = callClock();
      },
    });
    return { call, peerJoinedMs, connectedMs: callClock() };
  } catch (error) {
    if (error instanceof ConnectError || error instanceof TypeError) {
      throw new UserError(error.message, { cause: error });
    }
    throw error;
  }
}
