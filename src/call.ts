import { checkMethods } from './protocol/check-options.js';
import type { Outgoing } from './protocol/outgoing.js';
import type { CallChannels } from './transport/channel.js';

/** A call that came to nothing, or broke: a stable code for programs, one line for people. */
export class CallError extends Error {
  override readonly name = 'CallError';

  constructor(
    /** A handshake or transfer code (spec/bitstream.md), or the channels' `CloseReason`. */
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** The clock of a call, in milliseconds: it never goes back. */
export const callClock = (): number => performance.timeOrigin + performance.now();

/**
 * A peer whose connection lives but which takes nothing of what it must take for so long has hung, or
 * is none of ours. Longer than the handshake's own limit and than any decoder's start.
 */
export const STALL_LIMIT_MS = 15_000;

/** What to tell a person whose call's channel went away. */
export function closeMessage(reason: string, peer: 'sender' | 'receiver'): string {
  if (reason === 'peer-vanished') return `the ${peer} vanished: it stopped answering`;
  if (reason === 'closed-by-peer') return `the ${peer} hung up`;
  if (reason === 'closed-locally') return 'the call has been closed';
  return `the connection to the ${peer} failed`;
}

/**
 * Control bytes that wait in the channel at most: an identity keeps 64 KiB there, so only a peer that
 * asks and reads no answers gets here. What the session has to say waits in its own bounded queues.
 */
const MAX_BUFFERED_CONTROL_BYTES = 256 * 1024;

/**
 * Motion or feedback that waits in the channel beyond this is not sent: the link stands still, and
 * what came out later would be old. The other side sees a loss and asks for what it needs.
 */
const MAX_BUFFERED_MOTION_BYTES = 4096;

/** Throws a TypeError where an option `channels` holds none. */
export function checkChannels(channels: CallChannels): void {
  checkMethods('channels.control', channels?.control, 'send');
  checkMethods('channels.motion', channels?.motion, 'send');
}

/** Hands to the channels what `poll` gives, until it gives nothing or they take no more. */
export function sendAll({ control, motion }: CallChannels, poll: () => Outgoing | undefined): void {
  while (control.open && motion.open && control.bufferedAmount <= MAX_BUFFERED_CONTROL_BYTES) {
    const out = poll();
    if (!out) return;
    if (out.channel === 'control') control.send(out.bytes);
    else if (motion.bufferedAmount <= MAX_BUFFERED_MOTION_BYTES) motion.send(out.bytes);
  }
}

/** Resolves when the last of `waiting` is called, or after `limitMs`. */
export function changeWithin(limitMs: number, waiting: (() => void)[]): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, limitMs);
    waiting.push(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
