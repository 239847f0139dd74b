import type { Landmarks } from '../../src/geometry/landmarks.js';
import { openPack } from '../../src/models/pack-node.js';
import { encodeIdentity } from '../../src/protocol/identity.js';
import {
  type PresentedFrame,
  ReceiverSession,
  type ReceiverSessionOptions,
} from '../../src/receiver/session.js';
import { SenderSession, type SenderSessionOptions } from '../../src/sender/session.js';
import {
  createSimulatedLink,
  type SimulatedLink,
  type SimulatedLinkOptions,
} from '../../src/transport/simulated-link.js';
import { moved, syntheticFace } from '../synthetic-face.js';

export const PACK = await openPack('warp');
const FACE = syntheticFace();
const NEUTRAL = moved(FACE, -128, -120);
/** The smallest WebP header there is: the sessions look no further. */
export const PICTURE = Uint8Array.from(
  Buffer.from('524946461a000000574542505650384c0d0000002f0000001007101111888808', 'hex'),
);

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

export interface CallOptions {
  readonly sender?: Partial<SenderSessionOptions>;
  readonly receiver?: Partial<ReceiverSessionOptions>;
  /** Motion channel forward; `delayMs` (20) holds for all links. */
  readonly forward?: Partial<SimulatedLinkOptions>;
  /** Motion channel backward. */
  readonly backward?: Partial<SimulatedLinkOptions>;
  readonly delayMs?: number;
  /** The receiver refuses the identity, for this reason. */
  readonly refuse?: string;
  /** The receiver never gets to use the identity. */
  readonly undecided?: boolean;
  /** Feedback reaches the sender (true). */
  readonly hears?: boolean;
  /** Changes a motion message on its way to the receiver. */
  readonly onForward?: (message: Uint8Array) => Uint8Array;
  /** The sender's clock when the receiver's is 0. */
  readonly senderClockMs?: number;
}

/** A frame, and when it was shown. */
export interface Shown extends PresentedFrame {
  readonly atMs: number;
}

/** Calls of one session after one event: above, it would never be silent. */
const MOST_CALLS = 2000;

/** Two sessions and the four directions between them, in virtual time. */
export function simulatedCall(options: CallOptions = {}) {
  const { delayMs = 20, senderClockMs = 0, hears = true } = options;
  const shift = senderClockMs;
  const sender = new SenderSession(
    {
      pack: PACK,
      identity: IDENTITY,
      fps: 25,
      framesPerPacket: 2,
      redundancy: 0,
      unpaced: false,
      ...options.sender,
    },
    shift,
  );
  const receiver = new ReceiverSession({ pack: PACK, maxSize: 512, ...options.receiver }, 0);
  const link = (change: Partial<SimulatedLinkOptions> = {}): SimulatedLink =>
    createSimulatedLink({ seed: 1, delayMs, ...change });
  const links = {
    control: { forward: link(), backward: link() },
    motion: { forward: link(options.forward), backward: link(options.backward) },
  };
  const shown: Shown[] = [];
  let now = 0;
  let feedbacks = 0;

  function pumpSender(): void {
    sender.advance(now + shift);
    for (let calls = 0; ; calls++) {
      if (calls > MOST_CALLS) throw new Error('the sender never falls silent');
      const out = sender.poll(0);
      if (!out) return;
      links[out.channel].forward.send(out.bytes, now);
    }
  }

  function pumpReceiver(): void {
    receiver.advance(now);
    const { offeredIdentity } = receiver;
    if (offeredIdentity && !options.undecided) {
      if (options.refuse)
        receiver.refuseIdentity(offeredIdentity, 'unusable-identity', options.refuse);
      else receiver.useIdentity(offeredIdentity);
    }
    for (let calls = 0; ; calls++) {
      if (calls > MOST_CALLS) throw new Error('the receiver never falls silent');
      const frame = receiver.present(now);
      if (!frame) break;
      shown.push({ ...frame, atMs: now });
    }
    for (let calls = 0; ; calls++) {
      if (calls > MOST_CALLS) throw new Error('the receiver never falls silent');
      const out = receiver.poll(now);
      if (!out) return;
      if (out.channel === 'motion') feedbacks++;
      links[out.channel].backward.send(out.bytes, now);
    }
  }

  function deliver(): void {
    for (const { data } of links.control.forward.poll(now)) receiver.receiveControl(data, now);
    for (const { data } of links.motion.forward.poll(now)) {
      receiver.receiveMotion(options.onForward?.(data) ?? data, now);
    }
    for (const { data } of links.control.backward.poll(now)) {
      if (hears) sender.receiveControl(data, now + shift);
    }
    for (const { data } of links.motion.backward.poll(now)) if (hears) sender.receiveMotion(data);
  }

  function nextEvent(): number {
    const senderAt = sender.nextTimeout();
    const times = [
      senderAt === undefined ? undefined : senderAt - shift,
      receiver.nextTimeout(),
      ...Object.values(links).flatMap(({ forward, backward }) => [
        forward.nextAt(),
        backward.nextAt(),
      ]),
    ].filter((time) => time !== undefined);
    return Math.max(now, Math.min(Infinity, ...times));
  }

  /** Lets everything happen up to `untilMs`. */
  function run(untilMs: number): void {
    let still = 0;
    pumpSender();
    pumpReceiver();
    for (;;) {
      const at = nextEvent();
      if (at > untilMs) break;
      still = at === now ? still + 1 : 0;
      if (still > 100) throw new Error('time stands still');
      now = at;
      deliver();
      pumpSender();
      pumpReceiver();
    }
    now = untilMs;
  }

  return {
    sender,
    receiver,
    links,
    shown,
    run,
    get now() {
      return now;
    },
    get feedbacks() {
      return feedbacks;
    },
    /** Lets time pass until the sender takes frames. */
    connect(): void {
      for (let step = 0; step < 100 && sender.status.state === 'connecting'; step++) run(now + 20);
      if (sender.status.state !== 'streaming') throw new Error(JSON.stringify(sender.status));
    },
    /** Sends frames at 25 a second; `face` gives the landmarks, or undefined where there is none. */
    stream(frames: number, face: (index: number) => Landmarks | undefined = faceAt): void {
      for (let index = 0; index < frames; index++) {
        const number = sender.nextSequence;
        sender.sendFrame(face(number), now + shift);
        run(now + 40);
      }
    },
    /** The sender says goodbye; lets time pass until the receiver has shown the rest. */
    hangUp(): void {
      sender.end();
      run(now + 1000);
    },
  };
}

export type SimulatedCall = ReturnType<typeof simulatedCall>;
