/** How often the audio is told how late the picture is. */
const INTERVAL_MS = 500;
/** What audio takes beside network and jitter buffer: capture, coding, packets of 20 ms, playout. */
const AUDIO_PATH_MS = 40;
/** Most that a jitter buffer may be asked for (W3C webrtc-extensions, `jitterBufferTarget`). */
const MAX_TARGET_MS = 4000;

/** `jitterBufferTarget` (W3C webrtc-extensions §5): not in every TypeScript version's DOM. */
type DelayedReceiver = RTCRtpReceiver & { jitterBufferTarget: number | null };

/** How late the picture is, in milliseconds. */
export interface PictureDelay {
  readonly latencyMs: number | undefined;
  readonly roundTripMs: number | undefined;
}

/**
 * Delays the audio of `receiver` as the picture is delayed, by its jitter buffer's target, until the
 * function returned is called.
 */
export function syncAudio(
  receiver: RTCRtpReceiver,
  measure: () => Promise<PictureDelay>,
): () => void {
  const delayed = receiver as DelayedReceiver;
  const tell = async () => {
    const { latencyMs, roundTripMs = 0 } = await measure();
    if (latencyMs === undefined) return;
    const target = latencyMs - roundTripMs / 2 - AUDIO_PATH_MS;
    delayed.jitterBufferTarget = Math.min(MAX_TARGET_MS, Math.max(0, target));
  };
  const timer = setInterval(() => void tell().catch(() => undefined), INTERVAL_MS);
  return () => {
    clearInterval(timer);
    delayed.jitterBufferTarget = null;
  };
}
