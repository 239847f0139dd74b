/** Capture times are known but for a multiple of this (spec/bitstream.md, "Receiving"). */
const WRAP_MS = 65_536;
/** By so much a measured clock may be wrong: a frame may seem to come from so far in the future. */
const MAX_AHEAD_MS = 2_000;

/**
 * When a frame was captured, on this side's clock: `captureMs` of the sender's, which is ahead by `offset`
 * (`PeerClock`), and was there by `nowMs`. Right for frames up to 63 s old.
 */
export function captureTime(captureMs: number, offset: number, nowMs: number): number {
  const age = (nowMs + offset - captureMs + MAX_AHEAD_MS) % WRAP_MS;
  return nowMs - ((age + WRAP_MS) % WRAP_MS) + MAX_AHEAD_MS;
}
