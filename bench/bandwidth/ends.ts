/** The two ends of a call of tracked geometry, in Node and in a page alike: nothing is drawn. */
import {
  type CallChannels,
  CallReceiver,
  CallSender,
  callClock,
  type Landmarks,
  type Pack,
  type Picture,
  type RateOptions,
  type WireProfile,
} from '../../src/index.js';

export interface SenderSetup {
  readonly pack: Pack;
  readonly identity: Uint8Array;
  /** Geometry of each frame; undefined where there is no face. They are played to and fro. */
  readonly frames: readonly (Landmarks | undefined)[];
  readonly fps: number;
  readonly rate: RateOptions;
  readonly wire: WireProfile;
}

/** Sends frames by the clock until `stop`; resolves when the receiver has the identity. */
export async function startSender(channels: CallChannels, setup: SenderSetup) {
  const { frames, fps, rate, ...rest } = setup;
  const sender = new CallSender({ channels, fps, ...rate, ...rest });
  await sender.ready();
  const startMs = callClock();
  let index = 0;
  const period = 2 * frames.length - 2;
  const timer = setInterval(() => {
    const dueMs = startMs + (index * 1000) / fps;
    if (callClock() < dueMs) return;
    const at = index % period;
    sender.sendFrame(frames[at < frames.length ? at : period - at], dueMs);
    index++;
  }, 2);
  return {
    stats: () => sender.getStats(),
    stop() {
      clearInterval(timer);
      sender.end();
    },
  };
}

/** Counts what would be shown. */
export function startReceiver(channels: CallChannels, pack: Pack) {
  const picture: Picture = { width: 1, height: 1, data: new Uint8ClampedArray(4) };
  const latencies: number[] = [];
  const receiver = new CallReceiver({
    channels,
    pack,
    maxSize: 256,
    decoder: {
      setIdentity: async () => {},
      decode: async () => picture,
      close: async () => {},
    },
    pictureCodec: { encode: async () => new Uint8Array(), decode: async () => picture },
    onFrame: ({ picture: shown, captureMs, playoutMs }) => {
      if (shown) latencies.push((((playoutMs - captureMs) % 65_536) + 65_536) % 65_536);
    },
  });
  receiver.ended().catch(() => undefined);
  return {
    stats: () => receiver.getStats(),
    /** Milliseconds from capture to playout of each frame shown since the last call. */
    takeLatencies: () => latencies.splice(0),
  };
}
