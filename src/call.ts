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
