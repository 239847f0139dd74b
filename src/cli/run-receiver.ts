import { callClock } from '../call.js';
import { CallReceiver, type ShownPicture } from '../call-receiver.js';
import type { Picture } from '../geometry/picture.js';
import { createDecoder } from '../models/decoder-node.js';
import { createNodePictureCodec } from '../models/picture-codec-node.js';
import type { SimulatedLinkOptions } from '../transport/simulated-link.js';
import { connect } from './connect.js';
import { countChannels } from './counted-channels.js';
import type { FrameWriter } from './media/frame-store.js';
import { openBase } from './open-base.js';
import type { ReceiverLog, ShownFrame } from './report/logs.js';
import type { Reporter } from './reporter.js';
import type { RunResult } from './run-sender.js';
import { linkLog, recordWire } from './wire-log.js';

export interface ReceiverRunOptions {
  readonly signal: string;
  readonly room: string;
  readonly pack: string;
  /** What a simulated network does to what is sent back. */
  readonly link: SimulatedLinkOptions | undefined;
  /** Takes what is shown, one picture for each frame. */
  readonly writer: FrameWriter;
  readonly abort: AbortSignal;
  readonly reporter: Reporter;
}

/** What the receiver's log says beside the report's fields. */
export interface ReceiverRunLog extends ReceiverLog {
  /** Nominal frames a second, as the sender said at its end; null where it did not. */
  readonly fps: number | null;
}

/** Receives from whoever sends in the room, until the stream ends. */
export async function runReceiver(options: ReceiverRunOptions): Promise<RunResult<ReceiverRunLog>> {
  const { abort, reporter, writer } = options;
  const pack = await openBase(options.pack);
  const startedMs = callClock();
  const { call, peerJoinedMs, connectedMs } = await connect({
    ...options,
    role: 'receiver',
    onWaiting: () => reporter.note(`waiting for a sender in room ${options.room}`),
  });
  const { channels, payload } = countChannels(call.channels);
  const wire = recordWire(call.wire, payload);
  // A frame that was made up and then came after all is one frame: the last word counts.
  const shown = new Map<number, ShownFrame>();
  let onShow: Picture | undefined;
  const show = async ({ sequence, picture, ...frame }: ShownPicture): Promise<void> => {
    if (shown.size === 0) wire.sample();
    onShow = picture ?? onShow;
    shown.set(sequence, {
      index: sequence,
      receivedMs: frame.receivedMs ?? null,
      bufferMs: frame.playoutMs,
      decodeMs: frame.decodedMs ?? null,
      shownMs: callClock(),
      state: frame.origin,
    });
    reporter.progress({ done: shown.size });
    // A picture that stays on show is written again: nobody changes it meanwhile.
    if (onShow) await writer.write(sequence, onShow);
  };
  const receiver = new CallReceiver({
    channels,
    pack,
    maxSize: 512,
    decoder: createDecoder(pack),
    pictureCodec: createNodePictureCodec(),
    onIdentity: (still) => {
      wire.sample();
      onShow = still;
    },
    onFrame: show,
  });
  const stop = () => receiver.end();
  abort.addEventListener('abort', stop, { once: true });
  let error: unknown;
  const figures = await receiver.ended().catch((reason) => {
    error = reason;
    return undefined;
  });
  if (abort.aborted) error ??= abort.reason;
  abort.removeEventListener('abort', stop);
  reporter.finish();
  const log = wire.finish();
  await call.close();
  const stats = receiver.getStats();
  // What was made up beyond the last frame stood for nothing.
  const end = figures?.frames ?? Number.POSITIVE_INFINITY;
  const frames = [...shown.values()].filter(({ index }) => index < end);
  const made = frames.filter((frame) => frame.state !== 'decoded');
  return {
    error,
    log: {
      frames,
      framesReceived: stats.framesReceived,
      framesShown: frames.length,
      framesConcealed: made.length,
      framesSkipped: stats.framesSkipped,
      drops: stats.drops as Record<string, number>,
      peerJoinedMs,
      connectedMs,
      identityMs: receiver.identityMs ?? null,
      firstFrameMs: frames[0]?.shownMs ?? null,
      wire: log,
      link: linkLog(options.link, call),
      backwardBytes: stats.backwardBytes,
      packName: pack.identity.name,
      packSha256: pack.identity.sha256,
      startedMs,
      endedMs: callClock(),
      fps: figures?.fps ?? null,
    },
  };
}
