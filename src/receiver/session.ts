import type { FrameModel } from '../geometry/frame-model.js';
import { parseAnyIdentity } from '../models/compact-identity.js';
import { createFrameModel } from '../models/frame-model.js';
import { checkPack, type Pack } from '../models/pack.js';
import { personalNetworks, personalPlaces } from '../models/personal.js';
import { checkOption, checkStreamSize } from '../protocol/check-options.js';
import { answerPing, type ClockEstimate, createPeerClock } from '../protocol/clock.js';
import { encodeControlMessage, parseControlMessage } from '../protocol/control-codec.js';
import type { ByeMessage, ControlMessage } from '../protocol/control-messages.js';
import type { DropCode } from '../protocol/errors.js';
import { serialiseFeedback } from '../protocol/feedback.js';
import { createReceiverHandshake, type Handshake } from '../protocol/handshake.js';
import type { Identity } from '../protocol/identity.js';
import type { TransferredIdentity } from '../protocol/identity-proof.js';
import { createIdentityReceiver } from '../protocol/identity-receiver.js';
import { MAX_IDENTITIES, type StreamSize } from '../protocol/limits.js';
import { MotionDepacketizer } from '../protocol/motion-depacketizer.js';
import { type Outgoing, PERSONAL, PICTURES, STRIDE, UNPACED } from '../protocol/outgoing.js';
import type { SessionStatus } from '../protocol/session-status.js';
import { LIBRARY } from '../version.js';
import { captureTime } from './capture-time.js';
import type { Concealment, FrameOrigin } from './concealment.js';
import { FeedbackScheduler } from './feedback-scheduler.js';
import { JitterBuffer } from './jitter-buffer.js';
import { type PictureCounts, PictureReceiver } from './picture-receiver.js';
import type { PresentedFrame } from './presented-frame.js';

export interface ReceiverSessionOptions {
  /** The pack to decode with, no personal one; the sender must have the same, or a personal one of it. */
  readonly pack: Pack;
  /** Pixels across the largest picture to show. */
  readonly maxSize: StreamSize;
}

/** An identity that the sender offers: its bytes are as announced, its proof is not verified. */
export interface OfferedIdentity extends TransferredIdentity {
  /** Networks of the person's own pack by their role, verified, to decode with; undefined: the pack's. */
  readonly networks?: Pack['networks'];
}

export interface ReceiverStats {
  /** Bytes of messages handed out. */
  readonly backwardBytes: number;
  readonly framesReceived: number;
  /** Frames that came after their place had been made up. */
  readonly framesLate: number;
  /** Frames let go, by how they came about. */
  readonly framesByOrigin: Readonly<Record<FrameOrigin, number>>;
  /** What is shown now for want of frames. */
  readonly concealment: Concealment;
  /** Pictures during the call that were put to use, and those that were refused, by code. */
  readonly pictures: PictureCounts;
  /** Milliseconds that the jitter buffer adds now. */
  readonly playoutDelayMs: number;
  /** The sender's clock, once measured. */
  readonly clock: ClockEstimate | undefined;
  /** Messages dropped, by reason. */
  readonly drops: Readonly<Partial<Record<DropCode, number>>>;
}

/** Pings after the handshake, and the time between them: enough to find a quiet moment. */
const PINGS = 4;
const PING_INTERVAL_MS = 150;
/** Packets that waited so long for their reference are given up: by then it was asked for again. */
const WAITING_LIMIT_MS = 1000;
/** Replies that wait to be polled at most. */
const MAX_QUEUED_REPLIES = 16;

/**
 * The receiver's side of a call, sans IO: messages of the peer and the time in; messages for the
 * peer, frames to show, its status and "wake me at" out. All times are milliseconds of one clock
 * that never goes back. Nothing from the wire makes it throw.
 */
export class ReceiverSession {
  readonly #pack: Pack;
  readonly #handshake: Handshake;
  readonly #transfer = createIdentityReceiver();
  /** Pictures during the call. */
  readonly pictures: PictureReceiver;
  readonly #clock = createPeerClock();
  #feedback: FeedbackScheduler | undefined;
  readonly #replies: ControlMessage[] = [];
  #depacketizer: MotionDepacketizer | undefined;
  #buffer: JitterBuffer | undefined;
  #model: FrameModel | undefined;
  #identities = 0;
  #offered: { readonly bytes: Uint8Array; readonly identity: OfferedIdentity } | undefined;
  #status: SessionStatus = { state: 'connecting' };
  #agreed = false;
  #unpaced = false;
  #bye: ByeMessage | undefined;
  #shown: number | undefined;
  #pings = 0;
  #pingAt = 0;
  #framesReceived = 0;
  #backwardBytes = 0;
  readonly #drops: Partial<Record<DropCode, number>> = {};

  /** Throws a TypeError that names a bad option. */
  constructor({ pack, maxSize }: ReceiverSessionOptions, nowMs: number) {
    checkPack(pack);
    checkOption(pack.personal === undefined, 'pack', 'the base of the personal pack');
    checkStreamSize('maxSize', maxSize);
    this.#pack = pack;
    this.pictures = new PictureReceiver(pack.tables);
    const personal = personalPlaces(pack).length > 0 ? [PERSONAL] : [];
    this.#handshake = createReceiverHandshake(
      {
        library: LIBRARY,
        capabilities: {
          families: [pack.manifest.family],
          maxSize,
          features: [UNPACED, STRIDE, PICTURES, ...personal],
        },
        pack: pack.identity,
        expressionComponents: pack.basis.components,
      },
      nowMs,
    );
  }

  get status(): SessionStatus {
    return this.#status;
  }

  /** Whether frames come as fast as the sender can read them and are to be shown likewise. */
  get unpaced(): boolean {
    return this.#unpaced;
  }

  /** An identity that waits for `useIdentity` or `refuseIdentity`; none after the end. */
  get offeredIdentity(): OfferedIdentity | undefined {
    return this.#over ? undefined : this.#offered?.identity;
  }

  /** What arrived so far, and how it is played out. */
  getStats(): ReceiverStats {
    return {
      backwardBytes: this.#backwardBytes,
      framesReceived: this.#framesReceived,
      framesLate: this.#buffer?.lateFrames ?? 0,
      framesByOrigin: this.#buffer?.origins ?? {
        decoded: 0,
        interpolated: 0,
        extrapolated: 0,
        held: 0,
      },
      concealment: this.#buffer?.concealment ?? 'none',
      pictures: this.pictures.counts,
      playoutDelayMs: this.#buffer?.delayMs ?? 0,
      clock: this.#clock.estimate,
      drops: { ...this.#drops },
    };
  }

  /** Takes a message of the control channel. */
  receiveControl(bytes: Uint8Array, nowMs: number): void {
    if (this.#over) return;
    const parsed = parseControlMessage(bytes);
    if (!this.#agreed) {
      this.#count(this.#handshake.receive(parsed));
      this.#afterHandshake(nowMs);
    } else if (!parsed.ok) {
      this.#count(parsed.drop);
    } else {
      this.#control(parsed.value, nowMs);
    }
  }

  #control(message: ControlMessage, nowMs: number): void {
    if (message.type === 'ping') this.#reply(answerPing(message, nowMs, nowMs));
    else if (message.type === 'pong') this.#count(this.#clock.receive(message, nowMs));
    else if (message.type === 'bye') this.#goodbye(message, nowMs);
    else if (message.type.startsWith('identity-')) {
      this.#count(this.#transfer.receive(message));
      this.#afterTransfer();
    } else if (message.type.startsWith('picture-')) {
      this.#count(this.pictures.receive(message, nowMs));
    } else if (message.type !== 'stats') {
      this.#count(this.#handshake.receive({ ok: true, value: message }));
      this.#afterHandshake(nowMs);
    }
  }

  /** Takes a message of the motion channel. */
  receiveMotion(bytes: Uint8Array, nowMs: number): void {
    if (this.#over) return;
    if (!this.#depacketizer || !this.#buffer || !this.#feedback) {
      this.#count('unexpected');
      return;
    }
    this.#feedback.receive(bytes, nowMs);
    const frames = this.#depacketizer.receive(bytes, nowMs);
    this.#framesReceived += frames.length;
    for (const frame of frames) this.#buffer.insert(frame);
    if (!this.#unpaced) this.#feedback.progress(frames.length, nowMs);
    for (const drop of this.#depacketizer.takeDrops()) this.#count(drop);
  }

  /**
   * The caller has decoded the pictures of `identity`, the one that was offered, and shows this
   * person from now on. Nothing happens where another has been offered meanwhile.
   */
  useIdentity(identity: Identity): void {
    const offered = this.#offered;
    const { status } = this.#handshake;
    if (this.#over || offered?.identity !== identity || status.state !== 'agreed') return;
    this.#offered = undefined;
    const intervalMs = 1000 / status.agreement.stream.fps;
    this.#model = createFrameModel(this.#pack, offered.identity.neutral);
    this.#feedback ??= new FeedbackScheduler(intervalMs, this.#unpaced);
    this.#depacketizer ??= new MotionDepacketizer(this.#pack.tables, intervalMs);
    const mode = this.#unpaced ? 'immediate' : 'realtime';
    this.#buffer ??= new JitterBuffer(mode, intervalMs, this.#model.ranges);
    this.pictures.setIdentity(offered.identity, this.#model);
    this.#transfer.accept(offered.bytes);
    this.#status = { state: 'streaming' };
  }

  /** The caller cannot use `identity`; `message` is one line for people. As `useIdentity`. */
  refuseIdentity(identity: Identity, code: string, message: string): void {
    if (this.#over || this.#offered?.identity !== identity) return;
    this.#transfer.refuse(this.#offered.bytes, code, message);
    this.#offered = undefined;
    this.#status = { state: 'failed', code, message };
  }

  /** The next frame that is due (see `JitterBuffer.poll`); none after the end. */
  present(nowMs: number): PresentedFrame | undefined {
    if (this.#over) return undefined;
    const due = this.#buffer?.poll(nowMs);
    if (due) {
      this.#shown = due.sequence;
      if (this.#unpaced) this.#feedback?.progress(1, nowMs);
    }
    if (this.#bye && (!this.#buffer || this.#buffer.finished)) this.#endNow(this.#bye);
    if (!due) return undefined;
    const { values, quantiser, ...timed } = due;
    const clock = this.#clock.estimate;
    const capturedMs = clock && captureTime(due.captureMs, clock.offset, nowMs);
    const rest = { ...timed, capturedMs };
    const still = this.pictures.stillFor({ ...rest, hasFace: values !== undefined });
    if (still) return { ...rest, origin: 'still', still, landmarks: undefined };
    return { ...rest, landmarks: values && this.#model?.reconstruct(values, quantiser) };
  }

  /** Ends the session and says goodbye. */
  end(): void {
    if (this.#over) return;
    this.#replies.push({ type: 'bye', reason: 'closed', message: '', figures: {} });
    this.#status = { state: 'ended', by: 'us', figures: {} };
  }

  /** Lets the time pass. */
  advance(nowMs: number): void {
    if (this.#over) return;
    if (!this.#agreed) {
      this.#handshake.advance(nowMs);
      this.#afterHandshake(nowMs);
    } else if (this.#pings < PINGS && nowMs >= this.#pingAt) {
      this.#pings++;
      this.#pingAt = nowMs + PING_INTERVAL_MS;
      this.#reply(this.#clock.ping(nowMs));
    }
    this.#depacketizer?.dropWaiting(nowMs - WAITING_LIMIT_MS);
    for (const drop of this.#depacketizer?.takeDrops() ?? []) this.#count(drop);
  }

  /** When `advance`, `present` and `poll` must be called; undefined where nothing is waited for. */
  nextTimeout(): number | undefined {
    if (this.#over) return undefined;
    if (!this.#agreed) return this.#handshake.nextTimeout();
    const times = [
      this.#pings < PINGS ? this.#pingAt : undefined,
      this.#buffer?.nextAt(),
      this.#depacketizer && this.#feedback?.nextAt(this.#depacketizer, this.#roundTripMs),
      this.#bye && this.#buffer?.finished ? -Infinity : undefined,
    ].filter((time) => time !== undefined);
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  /** The next message for the peer. */
  poll(nowMs: number): Outgoing | undefined {
    const message =
      this.#handshake.nextMessage() ??
      this.#transfer.nextMessage() ??
      this.pictures.nextMessage() ??
      this.#replies.shift();
    if (message) return this.#send('control', encodeControlMessage(message));
    if (this.#over || !this.#depacketizer) return undefined;
    const acknowledged = this.#unpaced ? this.#shown : this.#depacketizer.newestDecoded;
    const due = this.#feedback?.poll(this.#depacketizer, acknowledged, nowMs, this.#roundTripMs);
    return due && this.#send('motion', serialiseFeedback(due));
  }

  #send(channel: Outgoing['channel'], bytes: Uint8Array): Outgoing {
    this.#backwardBytes += bytes.length;
    return { channel, bytes };
  }

  #reply(message: ControlMessage): void {
    if (this.#replies.length < MAX_QUEUED_REPLIES) this.#replies.push(message);
  }

  get #roundTripMs(): number {
    return this.#clock.estimate?.roundTrip ?? 0;
  }

  get #over(): boolean {
    return this.#status.state === 'ended' || this.#status.state === 'failed';
  }

  #count(drop: DropCode | undefined): void {
    if (drop) this.#drops[drop] = (this.#drops[drop] ?? 0) + 1;
  }

  #afterHandshake(nowMs: number): void {
    const { status } = this.#handshake;
    if (status.state === 'failed') {
      this.#status = { state: 'failed', code: status.code, message: status.message };
    } else if (status.state === 'agreed' && !this.#agreed) {
      this.#agreed = true;
      this.#unpaced = status.agreement.features.includes(UNPACED);
      this.#pingAt = nowMs;
    }
  }

  #afterTransfer(): void {
    const { status } = this.#transfer;
    if (status.state === 'complete' && status.identity !== this.#offered?.bytes) {
      const { identity, sha256, proof } = status;
      this.#offer(identity, { sha256, ...(proof && { proof }) });
    }
    const { status: after } = this.#transfer;
    if (after.state === 'refused') {
      this.#status = { state: 'failed', code: after.code, message: after.message };
    }
  }

  #offer(bytes: Uint8Array, known: Pick<OfferedIdentity, 'sha256' | 'proof'>): void {
    const parsed = parseAnyIdentity(bytes, this.#pack);
    const { status } = this.#handshake;
    const size = status.state === 'agreed' ? status.agreement.stream.size : 0;
    if (!parsed.ok) {
      this.#count(parsed.drop);
      this.#transfer.refuse(bytes, 'malformed', 'the identity cannot be read: update');
    } else if (parsed.value.size > size) {
      const message = `the identity is for ${parsed.value.size} pixels, agreed are ${size}: enrol at that size`;
      this.#transfer.refuse(bytes, 'unsupported-size', message);
    } else if (this.#identities >= MAX_IDENTITIES) {
      const message = `more than ${MAX_IDENTITIES} identities in one call: start another call`;
      this.#transfer.refuse(bytes, 'too-many-identities', message);
    } else {
      this.#identities++;
      this.#offered = { bytes, identity: { ...this.#verified(parsed.value), ...known } };
    }
  }

  /** Without a personal pack that is of no use, the person is shown with the pack's own networks. */
  #verified(identity: Identity): Identity & Pick<OfferedIdentity, 'networks'> {
    if (!identity.personal) return identity;
    const networks = personalNetworks(this.#pack, identity.personal);
    if (networks.ok) return { ...identity, networks: networks.value };
    this.#count(networks.drop);
    return identity;
  }

  #goodbye(message: ByeMessage, nowMs: number): void {
    if (message.reason === 'failed') {
      const text = message.message || 'the sender gave up';
      this.#status = { state: 'failed', code: 'peer-failed', message: text };
    } else if (this.#buffer && message.figures.frames !== undefined) {
      this.#bye = message;
      this.#buffer.end(message.figures.frames, nowMs);
    } else {
      this.#endNow(message);
    }
  }

  #endNow(message: ByeMessage): void {
    this.#status = { state: 'ended', by: 'peer', figures: message.figures };
  }
}
