import type { FrameModel } from '../geometry/frame-model.js';
import type { Landmarks } from '../geometry/landmarks.js';
import { checkGeometry } from '../models/check-options.js';
import { createFrameModel } from '../models/frame-model.js';
import { checkPack, type Pack } from '../models/pack.js';
import { checkFps, checkInteger, checkOption } from '../protocol/check-options.js';
import { answerPing } from '../protocol/clock.js';
import { encodeControlMessage, parseControlMessage } from '../protocol/control-codec.js';
import type { ControlMessage } from '../protocol/control-messages.js';
import { type DropCode, InvalidStateError } from '../protocol/errors.js';
import { parseFeedback } from '../protocol/feedback.js';
import { createSenderHandshake, type Handshake } from '../protocol/handshake.js';
import type { IdentityReference } from '../protocol/identity.js';
import type { IdentityProof } from '../protocol/identity-proof.js';
import { createIdentitySender } from '../protocol/identity-sender.js';
import { MAX_IDENTITY_REOFFERS } from '../protocol/limits.js';
import { MAX_VALUE } from '../protocol/motion-codec.js';
import { type Outgoing, PERSONAL, PICTURES, STRIDE, UNPACED } from '../protocol/outgoing.js';
import type { SessionStatus } from '../protocol/session-status.js';
import { LIBRARY } from '../version.js';
import { IdentityOffers } from './identity-offers.js';
import { MotionSender, type MotionSenderOptions } from './motion-sender.js';
import { PictureSender } from './picture-sender.js';
import type { RateDecision } from './rate-control.js';

export interface SenderSessionOptions extends MotionSenderOptions {
  /**
   * The pack whose basis and tables code the motion; the receiver must have the same. Of a personal
   * pack it must have the base: it gets the differences with the identity where it takes such.
   */
  readonly pack: Pack;
  /** The enrolled person: bytes of `encodeIdentity`. */
  readonly identity: Uint8Array;
  /** Whose `identity` is, for this connection (`signIdentity`); without it the receiver may refuse. */
  readonly proof?: IdentityProof;
  /**
   * A small identity of the same person (`coarseIdentity` of a `codedIdentity`), with a proof of its own where there is `proof`: where
   * the receiver takes pictures it goes first, and the references of `identity` follow as such while frames flow.
   */
  readonly coarse?: { readonly identity: Uint8Array; readonly proof?: IdentityProof };
  /** Nominal frames per second, 1–120. */
  readonly fps: number;
  /**
   * Frames come as fast as they can be read, not by a clock: the receiver shows them likewise. False
   * by default.
   */
  readonly unpaced?: boolean;
  /** Number of the first frame, 0–65535; 0 by default. */
  readonly firstFrame?: number;
  /**
   * Bits a second on the wire, headers counted, for pictures during the call; default: what motion leaves of
   * `maxBitrateBps`.
   */
  readonly pictureBps?: number;
}

export interface SenderStats {
  /** Bytes of messages handed out, by what they carry. */
  readonly identityBytes: number;
  readonly motionBytes: number;
  readonly pictureBytes: number;
  readonly controlBytes: number;
  readonly framesSent: number;
  /** Newest frame that the receiver said it decoded. */
  readonly acknowledged: number | undefined;
  /** Loss that the receiver last reported, 0–1. */
  readonly lossFraction: number;
  /** What rate control has chosen, and why. */
  readonly rate: RateDecision;
  /** Messages from the peer that were dropped, by reason. */
  readonly drops: Readonly<Partial<Record<DropCode, number>>>;
}

/** Of the rate that a coarse identity came with, what follows it begins with; and bits a second at most. */
const REST_SHARE = 0.7;
const MOST_FIRST_REST_BPS = 64_000;
/** Answers to pings that wait to be polled at most: a peer that asks faster gets no more. */
const MAX_QUEUED_REPLIES = 16;
/**
 * The sender's side of a call, sans IO: messages of the peer, landmarks and the time in; messages
 * for the peer, its status and "wake me at" out. All times are milliseconds of one clock that never
 * goes back.
 */
export class SenderSession {
  readonly #offers: IdentityOffers;
  readonly #firstFrame: number;
  readonly #model: FrameModel;
  readonly #motion: MotionSender;
  readonly #handshake: Handshake;
  readonly #transfer = createIdentitySender();
  /** Bits a second on the wire for pictures; undefined: what motion leaves. */
  pictureBps: number | undefined;
  /** Pictures during the call. */
  readonly pictures: PictureSender;
  #takesPictures = false;
  /** References that follow a coarse identity. */
  #rest: readonly IdentityReference[] | undefined;
  /** When the receiver asked for the identity. */
  #askedMs = 0;
  readonly #replies: ControlMessage[] = [];
  #bye: ControlMessage | undefined;
  #status: SessionStatus = { state: 'connecting' };
  #agreed = false;
  #reoffers = 0;
  #lossFraction = 0;
  readonly #drops: Partial<Record<DropCode, number>> = {};
  readonly #bytes = { identity: 0, motion: 0, picture: 0, control: 0 };

  /** Throws a TypeError that names a bad option. */
  constructor(options: SenderSessionOptions, nowMs: number) {
    const { pack, fps, unpaced = false, firstFrame = 0 } = options;
    checkPack(pack);
    checkFps('fps', fps);
    checkInteger('firstFrame', firstFrame, 0, 0xffff);
    checkOption(typeof unpaced === 'boolean', 'unpaced', 'true or false');
    this.#offers = new IdentityOffers(options);
    const { identity, sha256 } = this.#offers;
    const { size, neutral } = identity;
    this.#firstFrame = firstFrame;
    this.pictureBps = options.pictureBps;
    this.#model = createFrameModel(pack, neutral);
    this.pictures = new PictureSender({
      model: this.#model,
      tables: pack.tables,
      offered: { identity, sha256 },
      signed: options.proof !== undefined,
      bps: options.pictureBps,
      // While the identity is on its way again, pictures wait.
      isOpen: () => this.#takesPictures && this.#streams && this.#transfer.status.state === 'ready',
      firstSequence: firstFrame,
    });
    const { tables } = pack;
    this.#motion = new MotionSender(options, { tables, fps, firstSequence: firstFrame, unpaced });
    this.#handshake = createSenderHandshake(
      {
        library: LIBRARY,
        capabilities: {
          families: [pack.manifest.family],
          maxSize: size,
          features: [
            PICTURES,
            STRIDE,
            ...(unpaced ? [UNPACED] : []),
            ...(pack.personal ? [PERSONAL] : []),
          ],
        },
        pack: pack.identity,
        expressionComponents: pack.basis.components,
        size,
        fps,
      },
      nowMs,
    );
  }

  get status(): SessionStatus {
    return this.#status;
  }

  /** Bits a second on the wire that a picture gets without which the receiver shows something else. */
  get urgentPictureBps(): number {
    return this.pictureBps ?? this.#motion.urgentPictureBps;
  }

  /** Number that the next frame gets. */
  get nextSequence(): number {
    return this.#motion.sequence;
  }

  /** What was sent so far, and what the receiver says of it. */
  getStats(): SenderStats {
    return {
      identityBytes: this.#bytes.identity,
      motionBytes: this.#bytes.motion,
      pictureBytes: this.#bytes.picture,
      controlBytes: this.#bytes.control,
      framesSent: this.#motion.sequence - this.#firstFrame,
      acknowledged: this.#motion.acknowledged,
      lossFraction: this.#lossFraction,
      rate: this.#motion.decision,
      drops: { ...this.#drops },
    };
  }

  /** Takes a message of the control channel. */
  receiveControl(bytes: Uint8Array, nowMs: number): void {
    if (this.#over) return;
    const parsed = parseControlMessage(bytes);
    if (!this.#agreed) {
      this.#count(this.#handshake.receive(parsed));
      this.#afterHandshake();
      return;
    }
    if (!parsed.ok) {
      this.#count(parsed.drop);
      return;
    }
    const message = parsed.value;
    if (message.type === 'ping') this.#reply(answerPing(message, nowMs, nowMs));
    else if (message.type === 'bye') {
      this.#status = { state: 'ended', by: 'peer', figures: message.figures };
    } else if (message.type.startsWith('identity-')) {
      this.#count(this.#transfer.receive(message));
      if (message.type === 'identity-request') this.#askedMs = nowMs;
      this.#afterTransfer(nowMs);
    } else if (message.type.startsWith('picture-')) {
      this.#count(this.pictures.receive(message, nowMs));
    } else if (message.type !== 'stats') {
      this.#count(this.#handshake.receive(parsed));
      this.#afterHandshake();
    }
  }

  /** Takes a message of the motion channel: feedback. */
  receiveMotion(bytes: Uint8Array): void {
    if (this.#over) return;
    const parsed = parseFeedback(bytes);
    if (!parsed.ok || !this.#streams) {
      this.#count(parsed.ok ? 'unexpected' : parsed.drop);
      return;
    }
    this.#lossFraction = parsed.value.lossFraction / 255;
    this.#motion.handleFeedback(parsed.value);
    if (parsed.value.needsIdentity && this.#transfer.status.state === 'ready') this.#offerAgain();
  }

  #offerAgain(): void {
    if (this.#reoffers >= MAX_IDENTITY_REOFFERS) {
      this.#count('over-limit');
      return;
    }
    this.#reoffers++;
    this.#transfer.reconnected();
    this.pictures.sendAgain();
  }

  /**
   * Takes the next frame: landmarks in crop units, or undefined where the picture has no face. Surround
   * points and appearance (`FrameAnalyser`) count where the pack carries them; without them they rest.
   * `captureMs` must not go back. Throws InvalidStateError unless streaming, and a TypeError where
   * the landmarks are not 478 × 3 numbers or the time is none.
   */
  sendFrame(landmarks: Landmarks | undefined, captureMs: number): void {
    if (this.#status.state !== 'streaming') {
      throw new InvalidStateError(`sendFrame: the session is ${this.#status.state}, not streaming`);
    }
    if (landmarks) checkGeometry('landmarks', landmarks);
    checkOption(Number.isFinite(captureMs), 'captureMs', 'a number of milliseconds', captureMs);
    const { next } = this.#motion;
    const reference = next?.predicted ? next.base.values : undefined;
    const values =
      next &&
      landmarks &&
      this.#model.quantise(landmarks, reference, next.base.quantiser, MAX_VALUE);
    this.#motion.add(values, captureMs);
    if (next) this.pictures.frameSent(values !== undefined, this.#motion.sequence);
  }

  /**
   * Ends the stream: what is bundled goes out, then a goodbye with figures for the peer's report
   * (the number of the frame after the last one is among them as `frames`).
   */
  end(figures: Readonly<Record<string, number>> = {}): void {
    if (this.#over) return;
    const streamed = this.#status.state === 'streaming';
    if (streamed) this.#motion.flush();
    this.#bye = {
      type: 'bye',
      reason: streamed ? 'ended' : 'closed',
      message: '',
      figures: { ...figures, frames: this.#motion.sequence },
    };
    this.#status = { state: 'ended', by: 'us', figures: {} };
  }

  /** Lets the time pass. To be called after each `sendFrame` too. */
  advance(nowMs: number): void {
    if (this.#over) return;
    if (!this.#agreed) {
      this.#handshake.advance(nowMs);
      this.#afterHandshake();
    }
    const wait = this.pictures.pending > 0 && !this.pictures.sendsRest;
    this.#motion.advance(nowMs, wait && this.pictures.urgent ? 'urgent' : wait);
    this.pictures.bps = this.pictureBps ?? this.#motion.pictureBps;
    this.pictures.advance(nowMs);
  }

  /** When `advance` must be called; −Infinity: at once; undefined where nothing is waited for. */
  nextTimeout(): number | undefined {
    if (this.#over) return undefined;
    if (!this.#agreed) return this.#handshake.nextTimeout();
    const at = Math.min(this.#motion.bundleAt ?? Infinity, this.pictures.nextAt() ?? Infinity);
    return at === Infinity ? undefined : at;
  }

  /** The next message for the peer, given the bytes that wait in the control channel. */
  poll(controlBufferedAmount: number): Outgoing | undefined {
    const motion = this.#motion.poll();
    if (motion) {
      this.#bytes.motion += motion.length;
      return { channel: 'motion', bytes: motion };
    }
    const reply = this.#handshake.nextMessage() ?? this.#replies.shift();
    if (reply) return this.#control(reply, 'control');
    const identity =
      this.#agreed && !this.#over && this.#transfer.nextMessage(controlBufferedAmount);
    if (identity) return this.#control(identity, 'identity');
    const picture = this.pictures.next(controlBufferedAmount);
    if (picture) return this.#control(picture, 'picture');
    const bye = this.#bye;
    this.#bye = undefined;
    return bye && this.#control(bye, 'control');
  }

  #control(message: ControlMessage, kind: 'identity' | 'picture' | 'control'): Outgoing {
    const bytes = encodeControlMessage(message);
    this.#bytes[kind] += bytes.length;
    this.#motion.sent(bytes.length);
    return { channel: 'control', bytes };
  }

  #reply(message: ControlMessage): void {
    if (this.#replies.length < MAX_QUEUED_REPLIES) this.#replies.push(message);
  }

  get #over(): boolean {
    return this.#status.state === 'ended' || this.#status.state === 'failed';
  }

  get #streams(): boolean {
    return this.#status.state === 'streaming';
  }

  #count(drop: DropCode | undefined): void {
    if (drop) this.#drops[drop] = (this.#drops[drop] ?? 0) + 1;
  }

  #afterHandshake(): void {
    const { status } = this.#handshake;
    if (status.state === 'failed') {
      this.#status = { state: 'failed', code: status.code, message: status.message };
    } else if (status.state === 'agreed' && !this.#agreed) {
      this.#agreed = true;
      const { stream, features } = status.agreement;
      const { size } = stream;
      if (this.#offers.identity.size > size) {
        this.#fail(
          'unsupported-size',
          `the receiver shows at most ${size} pixels: enrol at that size`,
        );
        return;
      }
      if (features.includes(STRIDE)) this.#motion.allowStrides();
      this.#takesPictures = features.includes(PICTURES);
      const { bytes, proof, coarse } = this.#offers.choose(features);
      if (coarse) this.pictures.setOffered(coarse);
      this.#rest = coarse?.rest;
      this.#transfer.offer(bytes, proof);
    }
  }

  #afterTransfer(nowMs: number): void {
    const { status } = this.#transfer;
    if (status.state === 'ready') {
      this.#status = { state: 'streaming' };
      this.#sendRest(nowMs);
    } else if (status.state === 'failed') this.#fail(status.code, status.message);
  }

  /** The references that the coarse identity left out, from most of the rate that it came through with. */
  #sendRest(nowMs: number): void {
    if (!this.#rest) return;
    const bps = (8000 * this.#bytes.identity) / Math.max(nowMs - this.#askedMs, 1);
    this.pictures.sendRest(this.#rest, Math.min(MOST_FIRST_REST_BPS, REST_SHARE * bps));
    this.#rest = undefined;
  }

  #fail(code: string, message: string): void {
    this.#status = { state: 'failed', code, message };
    this.#bye = { type: 'bye', reason: 'failed', message, figures: {} };
  }
}
