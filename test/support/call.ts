import type { Landmarks } from '../../src/geometry/landmarks.js';
import { openPack } from '../../src/models/pack-node.js';
import { encodeIdentity } from '../../src/protocol/identity.js';
import type { ReceiverSessionOptions } from '../../src/receiver/session.js';
import type { SenderSessionOptions } from '../../src/sender/session.js';
import { moved, syntheticFace } from '../synthetic-face.js';
import { createSimulatedCall, type SimulatedCallOptions } from './simulated-call.js';

export const PACK = await openPack('warp');
const FACE = syntheticFace();
const NEUTRAL = moved(FACE, -128, -120);
/** The smallest WebP header there is: the sessions look no further. */
export const PICTURE = Uint8Array.from(
  Buffer.from('524946461a000000574542505650384c0d0000002f0000001007101111888808', 'hex'),
);

/** A WebP file of this length: the header of a small one, and anything behind it. */
export const webpOf = (length: number, seed = 0) =>
  Uint8Array.from({ length }, (_, i) => PICTURE[i] ?? (i * 37 + seed) & 0xff);

export const IDENTITY = encodeIdentity({
  size: 256,
  neutral: NEUTRAL,
  references: [{ picture: PICTURE, landmarks: FACE }],
});

/** The face in frame `index` of a clip: it nods and moves, its mouth opens. */
export function faceAt(index: number): Landmarks {
  const t = index / 25;
  const face = moved(FACE, 6 * Math.sin(2 * t), 4 * Math.sin(3.1 * t));
  for (let p = 0; p < 468; p++) {
    face[3 * p + 1] += 0.05 * (face[3 * p + 1] - 120) * Math.sin(5 * t) * Math.cos(p);
  }
  return face;
}

export interface CallOptions
  extends Omit<SimulatedCallOptions, 'sender' | 'receiver' | 'onIdentity'> {
  readonly sender?: Partial<SenderSessionOptions>;
  readonly receiver?: Partial<ReceiverSessionOptions>;
  /** The receiver refuses the identity, for this reason. */
  readonly refuse?: string;
  /** The receiver never gets to use the identity. */
  readonly undecided?: boolean;
}

/** A simulated call of a face that is nobody's; two frames a message without copies where no preset is to choose. */
export function simulatedCall({ refuse, undecided, ...options }: CallOptions = {}) {
  const call = createSimulatedCall({
    ...options,
    sender: {
      pack: PACK,
      identity: IDENTITY,
      fps: 25,
      ...(!options.sender?.preset && { framesPerPacket: 2, redundancy: 0 }),
      unpaced: false,
      ...options.sender,
    },
    receiver: { pack: PACK, maxSize: 512, ...options.receiver },
    onIdentity: (receiver, identity) => {
      if (undecided) return;
      if (refuse) receiver.refuseIdentity(identity, 'unusable-identity', refuse);
      else receiver.useIdentity(identity);
    },
  });
  return {
    ...call,
    get now() {
      return call.now;
    },
    get feedbacks() {
      return call.feedbacks;
    },
    /** Sends frames at 25 a second; `face` gives the landmarks, or undefined where there is none. */
    stream(frames: number, face: (number: number) => Landmarks | undefined = faceAt): void {
      call.stream(frames, face, 40);
    },
  };
}
