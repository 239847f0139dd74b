/**
 * A whole call in virtual time: a SenderSession and a ReceiverSession with simulated links between them,
 * from handshake and identity to the last frame. Seconds of a call take milliseconds, and the same
 * options give the same call.
 *
 * The motion channel is what `forward` and `backward` say, each datagram once. The control channel is
 * reliable and ordered: it has the same delay, no loss and no jitter, and what is sent in an outage
 * leaves at its end, as if retransmitted then. Decoding and showing take no time.
 */
import type { Landmarks } from '../../src/geometry/landmarks.js';
import type { Outgoing } from '../../src/protocol/outgoing.js';
import type { PresentedFrame } from '../../src/receiver/presented-frame.js';
import {
  type OfferedIdentity,
  ReceiverSession,
  type ReceiverSessionOptions,
} from '../../src/receiver/session.js';
import { SenderSession, type SenderSessionOptions } from '../../src/sender/session.js';
import {
  createSimulatedLink,
  type SimulatedLink,
  type SimulatedLinkOptions,
} from '../../src/transport/simulated-link.js';

export interface SimulatedCallOptions {
  readonly sender: SenderSessionOptions;
  readonly receiver: ReceiverSessionOptions;
  /** One-way delay of all links in milliseconds (20). */
  readonly delayMs?: number;
  /** Motion channel from sender to receiver. */
  readonly forward?: Partial<SimulatedLinkOptions>;
  /** Motion channel back: feedback. */
  readonly backward?: Partial<SimulatedLinkOptions>;
  /** Both directions of both channels are dead within [from, to), by the call's time. */
  readonly outages?: readonly (readonly [fromMs: number, toMs: number])[];
  /** Feedback and replies reach the sender (true). */
  readonly hears?: boolean;
  /** What the receiver does with an identity (uses it): undefined leaves it undecided. */
  readonly onIdentity?: (receiver: ReceiverSession, identity: OfferedIdentity) => void;
  /** Changes a motion message on its way to the receiver. */
  readonly onForward?: (message: Uint8Array, nowMs: number) => Uint8Array;
  /** The sender's clock when the receiver's is 0. */
  readonly senderClockMs?: number;
}

/** A frame, and when it was shown. */
export interface Shown extends PresentedFrame {
  readonly atMs: number;
}

/** A message that left a session. */
export interface Sent {
  readonly atMs: number;
  readonly direction: 'forward' | 'backward';
  readonly channel: Outgoing['channel'];
  readonly bytes: number;
}

/** Calls of one session after one event: above, it would never be silent. */
const MOST_CALLS = 2000;
/** Events at one moment: above, time stands still. */
const MOST_EVENTS = 100;

/** Two sessions and the four directions between them, at 0 ms. */
export function createSimulatedCall(options: SimulatedCallOptions) {
  const { delayMs = 20, senderClockMs: shift = 0, hears = true, outages = [] } = options;
  const { onIdentity = (to, identity) => to.useIdentity(identity) } = options;
  const sender = new SenderSession(options.sender, shift);
  const receiver = new ReceiverSession(options.receiver, 0);
  const motion = (change: Partial<SimulatedLinkOptions> = {}): SimulatedLink =>
    createSimulatedLink({ seed: 1, delayMs, outages, ...change });
  const links = {
    control: { forward: reliable(delayMs, outages), backward: reliable(delayMs, outages) },
    motion: { forward: motion(options.forward), backward: motion(options.backward) },
  };
  const shown: Shown[] = [];
  const sent: Sent[] = [];
  let now = 0;

  function send({ channel, bytes }: Outgoing, direction: Sent['direction']): void {
    sent.push({ atMs: now, direction, channel, bytes: bytes.length });
    links[channel][direction].send(bytes, now);
  }

  function untilSilent<T>(next: () => T | undefined, take: (value: T) => void): void {
    for (let calls = 0; calls < MOST_CALLS; calls++) {
      const value = next();
      if (value === undefined) return;
      take(value);
    }
    throw new Error('a session never falls silent');
  }

  function pump(): void {
    sender.advance(now + shift);
    untilSilent(
      () => sender.poll(0),
      (out) => send(out, 'forward'),
    );
    receiver.advance(now);
    const { offeredIdentity } = receiver;
    if (offeredIdentity) onIdentity(receiver, offeredIdentity);
    untilSilent(
      () => receiver.present(now),
      (frame) => shown.push({ ...frame, atMs: now }),
    );
    untilSilent(
      () => receiver.poll(now),
      (out) => send(out, 'backward'),
    );
  }

  function deliver(): void {
    for (const { data } of links.control.forward.poll(now)) receiver.receiveControl(data, now);
    for (const { data } of links.motion.forward.poll(now)) {
      receiver.receiveMotion(options.onForward?.(data, now) ?? data, now);
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
    pump();
    for (let at = nextEvent(); at <= untilMs; at = nextEvent()) {
      still = at === now ? still + 1 : 0;
      if (still > MOST_EVENTS) throw new Error('time stands still');
      now = at;
      deliver();
      pump();
    }
    now = untilMs;
  }

  return {
    sender,
    receiver,
    links,
    /** All frames that were let go, in order. */
    shown,
    /** All messages that left, lost ones too. */
    sent,
    run,
    get now() {
      return now;
    },
    /** Feedback that left the receiver. */
    get feedbacks() {
      return sent.filter(
        ({ direction, channel }) => direction === 'backward' && channel === 'motion',
      ).length;
    },
    /** Lets time pass until the sender takes frames. */
    connect(): void {
      for (let step = 0; step < 300 && sender.status.state === 'connecting'; step++) run(now + 20);
      if (sender.status.state !== 'streaming') throw new Error(JSON.stringify(sender.status));
    },
    /**
     * Sends frames one `intervalMs` (that of the session's fps) after the other, each the moment it is
     * captured; `face` gives the landmarks by the frame's number, or undefined where there is none.
     */
    stream(
      frames: number,
      face: (number: number) => Landmarks | undefined,
      intervalMs = 1000 / options.sender.fps,
    ): void {
      for (let index = 0; index < frames; index++) {
        sender.sendFrame(face(sender.nextSequence), now + shift);
        run(now + intervalMs);
      }
    },
    /** The sender says goodbye; lets time pass until the receiver has shown the rest. */
    hangUp(): void {
      sender.end();
      run(now + 1000);
    },
  };
}

export type SimulatedCall = ReturnType<typeof createSimulatedCall>;

/** A channel that loses nothing: what meets an outage leaves at its end, all in order. */
function reliable(
  delayMs: number,
  outages: readonly (readonly [number, number])[],
): Pick<SimulatedLink, 'send' | 'poll' | 'nextAt'> {
  const link = createSimulatedLink({ seed: 1, delayMs });
  const held: { readonly data: Uint8Array; readonly leavesMs: number }[] = [];
  const release = (nowMs: number) => {
    while (held.length > 0 && held[0].leavesMs <= nowMs) {
      const { data, leavesMs } = held.shift()!;
      link.send(data, leavesMs);
    }
  };
  return {
    send(data, nowMs) {
      const outage = outages.find(([fromMs, toMs]) => nowMs >= fromMs && nowMs < toMs);
      held.push({ data, leavesMs: outage ? outage[1] : nowMs });
      release(nowMs);
    },
    poll(nowMs) {
      release(nowMs);
      return link.poll(nowMs);
    },
    nextAt: () => {
      const at = link.nextAt();
      return held.length > 0 ? Math.min(at ?? Infinity, held[0].leavesMs) : at;
    },
  };
}
