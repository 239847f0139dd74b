import { setTimeout as sleep } from 'node:timers/promises';
import { callClock } from '../../src/call.js';
import { CallReceiver } from '../../src/call-receiver.js';
import { CallSender } from '../../src/call-sender.js';
import { meanSquaredError, psnrOf } from '../../src/cli/report/quality.js';
import { kbps } from '../../src/cli/report/rates.js';
import type { Picture } from '../../src/geometry/picture.js';
import { whole } from '../../src/geometry/resample.js';
import { createDecoder } from '../../src/models/decoder-node.js';
import type { Pack } from '../../src/models/pack.js';
import { createNodePictureCodec } from '../../src/models/picture-codec-node.js';
import { createFrameAnalyser } from '../../src/sender/frame-analyser-node.js';
import { connectWerift } from '../../src/transport/werift.js';
import { createSignallingPair } from '../../test/support/signalling-pair.js';
import { mean } from '../quality/statistics.js';
import type { ClipFrame } from './clip-run.js';

/** What a call came to. */
export interface CallFigures {
  /** Bytes of control messages that carried the identity. */
  readonly identityBytes: number;
  /** Motion messages without headers, over the frames' own time. */
  readonly motionKbps: number;
  /** The frames' own time over the time in which they were sent, %: below 100 the machine was too slow, and a second has less. */
  readonly pacePercent: number;
  /** Bytes at the UDP sockets while frames were sent, IP and UDP headers counted. */
  readonly forwardKbps: number;
  readonly backKbps: number;
  /** Both directions. */
  readonly wireKbps: number;
  /** From a connection that is open to the first frame on show, identity and enrolment between. */
  readonly firstFrameMs: number;
  /** Of the frames sent, those whose own motion was decoded, %. */
  readonly shownPercent: number;
  /** Mean over the frames that were compared, dB; absent where none was shown. */
  readonly psnr?: number;
}

export interface CallOptions {
  readonly pack: Pack;
  /** Bytes of `encodeIdentity`. */
  readonly identity: Uint8Array;
  readonly fps: number;
  /** The camera's, at their own pace; they are tracked already. */
  readonly frames: readonly ClipFrame[];
  /** Of the frames that are shown, each so-many-th is compared. */
  readonly stride: number;
}

/**
 * Plays frames in real time from a sender to a receiver over two werift peers of this process and real UDP sockets, with the
 * default preset and decoding on the CPU.
 */
export async function playCall({
  pack,
  identity,
  fps,
  frames,
  stride,
}: CallOptions): Promise<CallFigures> {
  const [left, right] = createSignallingPair();
  const [near, far] = await Promise.all([
    connectWerift({ role: 'sender', signalling: left }),
    connectWerift({ role: 'receiver', signalling: right }),
  ]);
  const codec = createNodePictureCodec();
  const connectedMs = callClock();
  let firstMs: number | undefined;
  let shown = 0;
  const seen: { readonly sequence: number; readonly picture: Picture }[] = [];
  const receiver = new CallReceiver({
    channels: far.channels,
    pack,
    maxSize: 256,
    decoder: createDecoder(pack),
    pictureCodec: codec,
    onFrame({ sequence, origin, picture }) {
      firstMs ??= callClock();
      if (origin !== 'decoded' || !picture) return;
      shown++;
      if (sequence % stride === 0) seen.push({ sequence, picture });
    },
  });
  const ended = receiver.ended();
  // Where the sender fails first, nobody awaits it.
  ended.catch(() => undefined);
  const sender = new CallSender({ channels: near.channels, pack, identity, fps });
  const analyser = await createFrameAnalyser({ pack, identity, codec });
  try {
    await sender.ready();
    const startMs = callClock();
    const before = [near.wire.sentBytes, far.wire.sentBytes];
    const dueAt = (index: number) =>
      sleep(Math.max(0, startMs + (index * 1000) / fps - callClock()));
    for (const [index, { source, landmarks }] of frames.entries()) {
      await dueAt(index);
      const captureMs = callClock();
      const geometry = landmarks && (await analyser.analyse(source, whole(source), landmarks));
      sender.sendFrame(geometry, captureMs);
    }
    await dueAt(frames.length);
    const tookMs = callClock() - startMs;
    const ownMs = (frames.length * 1000) / fps;
    const forwardKbps = kbps(near.wire.sentBytes - before[0], tookMs);
    const backKbps = kbps(far.wire.sentBytes - before[1], tookMs);
    sender.end({ fps, frames: frames.length });
    await ended;
    const { identityBytes, motionBytes } = sender.getStats();
    const psnr = mean(
      seen.map(({ sequence, picture }) =>
        psnrOf(meanSquaredError(frames[sequence].source, picture)),
      ),
    );
    return {
      identityBytes,
      motionKbps: kbps(motionBytes, ownMs),
      pacePercent: (100 * ownMs) / tookMs,
      forwardKbps,
      backKbps,
      wireKbps: forwardKbps + backKbps,
      firstFrameMs: (firstMs ?? callClock()) - connectedMs,
      shownPercent: (100 * shown) / frames.length,
      ...(psnr !== undefined && { psnr }),
    };
  } finally {
    await analyser.close();
    await Promise.all([near.close(), far.close()]);
  }
}
