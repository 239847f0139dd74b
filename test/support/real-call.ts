/** A call over werift on this machine, of frames that are there beforehand. */
import { expect } from 'vitest';
import { CallReceiver } from '../../src/call-receiver.js';
import { CallSender } from '../../src/call-sender.js';
import type { Landmarks } from '../../src/geometry/landmarks.js';
import type { Picture } from '../../src/geometry/picture.js';
import type { FaceDecoder } from '../../src/models/decoder.js';
import type { Pack } from '../../src/models/pack.js';
import { createNodePictureCodec } from '../../src/models/picture-codec-node.js';
import { connectWerift } from '../../src/transport/werift.js';
import { createSignallingPair } from './signalling-pair.js';

export interface RealCall {
  /** The sender's, and the receiver's where `receivers` is none. */
  readonly pack: Pack;
  readonly receivers?: Pack;
  /** The receiver's, which it closes. */
  readonly decoder: FaceDecoder;
  /** As `encodeIdentity` gives it. */
  readonly identity: Uint8Array;
  readonly frames: readonly Landmarks[];
}

/** What a receiver has shown: the still, then pictures of frames. */
export interface RealCallShown {
  readonly still: Picture | undefined;
  readonly pictures: readonly Picture[];
}

/** Sends the frames unpaced and shows them at 256 × 256; nothing may be dropped. */
export async function realCall(call: RealCall): Promise<RealCallShown> {
  const [left, right] = createSignallingPair();
  const [from, to] = await Promise.all([
    connectWerift({ role: 'sender', signalling: left }),
    connectWerift({ role: 'receiver', signalling: right }),
  ]);
  try {
    let still: Picture | undefined;
    const pictures: Picture[] = [];
    const receiver = new CallReceiver({
      channels: to.channels,
      pack: call.receivers ?? call.pack,
      maxSize: 256,
      decoder: call.decoder,
      pictureCodec: createNodePictureCodec(),
      onIdentity: (picture) => {
        still = picture;
      },
      onFrame: ({ picture }) => {
        if (picture) pictures.push(picture);
      },
    });
    const ended = receiver.ended().then(() => to.close());
    const sender = new CallSender({
      channels: from.channels,
      pack: call.pack,
      identity: call.identity,
      fps: 25,
      unpaced: true,
    });
    await sender.ready();
    call.frames.forEach((frame, index) => {
      sender.sendFrame(frame, 40 * index);
    });
    sender.end();
    await Promise.all([sender.closed(), ended]);
    expect(receiver.getStats().drops).toEqual({});
    return { still, pictures };
  } finally {
    await Promise.all([from.close(), to.close()]);
  }
}
