import {
  CallError,
  callClock,
  changeWithin,
  checkChannels,
  closeMessage,
  STALL_LIMIT_MS,
  sendAll,
} from './call.js';
import type { SignedPicture } from './consent/sign.js';
import type { Landmarks } from './geometry/landmarks.js';
import type { Pack } from './models/pack.js';
import { checkOption } from './protocol/check-options.js';
import { InvalidStateError } from './protocol/errors.js';
import type { IdentityReference } from './protocol/identity.js';
import type { PictureReport, ReferenceUpdate } from './sender/picture-port.js';
import { SenderSession, type SenderSessionOptions, type SenderStats } from './sender/session.js';
import type { CallChannels } from './transport/channel.js';

export interface CallSenderOptions extends SenderSessionOptions {
  /** Two open channels; the sender uses their handlers from now on, and does not close them. */
  readonly channels: CallChannels;
  readonly pack: Pack;
  /**
   * Signs a picture during the call with the key of `proof` (`signPicture`): with a proof no picture leaves
   * without it. One that it rejects, or signs with other than 64 bytes, is given up.
   */
  readonly signPicture?: (picture: SignedPicture) => Promise<Uint8Array>;
  /** Told of what became of each picture during the call. */
  readonly onPicture?: (report: PictureReport) => void;
}

/** The identity's chunks wait for the channel to drain: how often that is looked at. */
const DRAIN_POLL_MS = 5;

/**
 * The receiver of an unpaced stream acknowledges every 25 frames (spec/bitstream.md, "Feedback") and up to 3 wait here in a
 * bundle: so many may be unacknowledged for good, and a smaller window would never open.
 */
const MIN_WINDOW_FRAMES = 28;

/** The sending end of a call: a `SenderSession` with channels, a clock and timers. */
export class CallSender {
  readonly #session: SenderSession;
  readonly #options: Omit<CallSenderOptions, 'channels'>;
  readonly #channels: CallChannels;
  #signing = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #error: CallError | undefined;
  #changed: (() => void)[] = [];

  /** Throws a TypeError that names a bad option. */
  constructor({ channels, ...options }: CallSenderOptions) {
    checkChannels(channels);
    this.#channels = channels;
    this.#options = options;
    this.#session = new SenderSession(options, callClock());
    channels.control.onMessage = (bytes, receivedMs = callClock()) => {
      this.#session.receiveControl(bytes, receivedMs);
      this.#pump();
    };
    channels.motion.onMessage = (bytes) => {
      this.#session.receiveMotion(bytes);
      this.#pump();
    };
    channels.control.onClose = (reason) => {
      // Once we have said goodbye, the receiver's going is its answer; its vanishing is not.
      const answered = reason === 'closed-by-peer' || reason === 'closed-locally';
      if (this.#session.status.state !== 'ended' || !answered) {
        this.#error ??= new CallError(reason, closeMessage(reason, 'receiver'));
      }
      this.#pump();
    };
    this.#pump();
  }

  /** Resolves when the receiver has the identity and frames are taken; rejects with a CallError. */
  async ready(): Promise<void> {
    const arrived = () =>
      this.#session.getStats().identityBytes - this.#channels.control.bufferedAmount;
    await this.#until(() => this.#session.status.state !== 'connecting', arrived);
    this.throwIfOver();
  }

  /** Throws the CallError that ended the call, or one that says who ended it. */
  throwIfOver(): void {
    if (this.#error) throw this.#error;
    const { status } = this.#session;
    if (status.state === 'failed') throw new CallError(status.code, status.message);
    if (status.state === 'ended') {
      if (status.by === 'us') throw new CallError('closed-locally', 'the call has been ended');
      throw new CallError('closed-by-peer', 'the receiver ended the call');
    }
  }

  /**
   * Sends the next frame: landmarks in crop units, or undefined where the picture has no face.
   * Returns whether its message left (false: it waits in a bundle). Throws a CallError where the
   * call is over, InvalidStateError before `ready`.
   */
  sendFrame(landmarks: Landmarks | undefined, captureMs: number): boolean {
    this.throwIfOver();
    const before = this.#session.getStats().motionBytes;
    this.#session.sendFrame(landmarks, captureMs);
    this.#pump();
    return this.#session.getStats().motionBytes > before;
  }

  /**
   * Of an unpaced stream: resolves when fewer than `frames` frames are on their way (28 at least, else a TypeError: the
   * receiver acknowledges no sooner); rejects with a CallError.
   */
  async room(frames: number): Promise<void> {
    checkOption(frames >= MIN_WINDOW_FRAMES, 'frames', `${MIN_WINDOW_FRAMES} or more`, frames);
    const first = this.#session.nextSequence - this.#session.getStats().framesSent;
    const waiting = () =>
      this.#session.nextSequence - 1 - (this.#session.getStats().acknowledged ?? first - 1);
    await this.#until(
      () => this.#session.status.state !== 'streaming' || waiting() < frames,
      waiting,
    );
    this.throwIfOver();
  }

  /** Whether pictures can be sent now: frames flow, the receiver takes pictures, and what must be is signed. */
  get takesPictures(): boolean {
    return this.#signs && this.#session.pictures.open;
  }

  get #signs(): boolean {
    return this.#options.proof === undefined || this.#options.signPicture !== undefined;
  }

  /** Bytes of pictures that have not left yet. */
  get picturesPending(): number {
    return this.#session.pictures.pending;
  }

  get pictureBps(): number {
    return this.#session.pictures.bps;
  }

  /** The same of a picture without which the receiver shows something else. */
  get urgentPictureBps(): number {
    return this.#session.urgentPictureBps;
  }

  /** Bits a second on the wire, headers counted, for pictures from now on; 0: they wait. */
  set pictureBps(bps: number) {
    this.#session.pictureBps = bps;
  }

  /** The references that the receiver shows with now, by place, pictures and geometry as it has them. */
  get references(): ReadonlyMap<number, IdentityReference> {
    return this.#session.pictures.references;
  }

  /** Bytes of the identity as it will be when all has arrived: what to offer on another connection. */
  get identity(): Uint8Array {
    return this.#session.pictures.identity;
  }

  /**
   * Sends a reference picture during the call: it takes its place at the receiver, which fades to it.
   * Paced; a newer one of the same place takes the place of one that waits. Gives its id (`onPicture`).
   * Throws InvalidStateError unless `takesPictures`, and a TypeError where it is no reference.
   */
  sendReference(reference: ReferenceUpdate): number {
    return this.#sent(() => this.#session.pictures.sendReference(reference));
  }

  /**
   * Shows with the references of these places alone from now on, which the receiver has: what showed before
   * is gone back to without a picture. As `sendReference`.
   */
  showPlaces(places: readonly number[]): number {
    return this.#sent(() => this.#session.pictures.showPlaces(places));
  }

  /**
   * Sends a still, a WebP file of the whole crop: it is shown as it is once frames without a face are
   * shown, until the next one with a face. As `sendReference`.
   */
  sendPicture(picture: Uint8Array): number {
    return this.#sent(() => this.#session.pictures.sendPicture(picture));
  }

  #sent(send: () => number): number {
    if (!this.#signs) throw new InvalidStateError('signPicture: is missing, and there is a proof');
    const id = send();
    this.#pump();
    return id;
  }

  /** Signs what waits for it, one picture at a time. */
  #sign(): void {
    const { pictures } = this.#session;
    const wanted = pictures.toSign;
    const { signPicture } = this.#options;
    if (!wanted || !signPicture || this.#signing) return;
    this.#signing = true;
    const { id, ...picture } = wanted;
    signPicture(picture)
      .then((signature) => pictures.sign(id, signature))
      .catch(() => pictures.giveUp(id))
      .finally(() => {
        this.#signing = false;
        this.#pump();
      });
  }

  /** Sends what is bundled and says goodbye. The channels stay open. Safe to call twice. */
  end(figures: Readonly<Record<string, number>> = {}): void {
    this.#session.end(figures);
    this.#pump();
  }

  /**
   * Resolves when the receiver has closed the channels: after `end`, when it has shown the last frame.
   * Rejects with a CallError where it vanished before, or has confirmed nothing for 15 s.
   */
  async closed(): Promise<void> {
    const shown = () => this.#session.getStats().acknowledged ?? 0;
    await this.#until(() => !this.#channels.control.open, shown);
    if (this.#error) throw this.#error;
  }

  /** What was sent so far, and what the receiver says of it. */
  getStats(): SenderStats {
    return this.#session.getStats();
  }

  /** Waits until `done` or an error; it is one where `progress` stands still too long. */
  async #until(done: () => boolean, progress: () => number): Promise<void> {
    let reached = progress();
    let sinceMs = callClock();
    while (!this.#error && !done()) {
      const leftMs = sinceMs + STALL_LIMIT_MS - callClock();
      if (leftMs <= 0) {
        const message = `the receiver has confirmed nothing for ${STALL_LIMIT_MS / 1000} s: start it again`;
        this.#error = new CallError('stalled', message);
        return;
      }
      await changeWithin(leftMs, this.#changed);
      if (progress() !== reached) {
        reached = progress();
        sinceMs = callClock();
      }
    }
  }

  #pump(): void {
    clearTimeout(this.#timer);
    const session = this.#session;
    session.advance(callClock());
    this.#sign();
    const { control } = this.#channels;
    sendAll(this.#channels, () => session.poll(control.bufferedAmount));
    const draining = session.status.state === 'connecting';
    const at = session.nextTimeout();
    if ((draining || at !== undefined) && !this.#error) {
      const wait = Math.min(draining ? DRAIN_POLL_MS : Infinity, (at ?? Infinity) - callClock());
      this.#timer = setTimeout(() => this.#pump(), Math.max(0, wait));
    }
    for (
      let report = session.pictures.nextReport();
      report;
      report = session.pictures.nextReport()
    ) {
      this.#options.onPicture?.(report);
    }
    const changed = this.#changed;
    this.#changed = [];
    for (const resolve of changed) resolve();
  }
}
