import {
  CallError,
  callClock,
  changeWithin,
  checkChannels,
  closeMessage,
  STALL_LIMIT_MS,
  sendAll,
} from './call.js';
import { CallPictures } from './call-pictures.js';
import type { Picture } from './geometry/picture.js';
import type { FaceDecoder } from './models/decoder.js';
import type { Pack } from './models/pack.js';
import type { PictureCodec } from './models/picture-codec.js';
import { checkMethods, checkOption } from './protocol/check-options.js';
import type { StreamSize } from './protocol/limits.js';
import type { FrameOrigin } from './receiver/concealment.js';
import type { OfferedPicture } from './receiver/picture-receiver.js';
import type { PresentedFrame } from './receiver/presented-frame.js';
import { type OfferedIdentity, ReceiverSession, type ReceiverStats } from './receiver/session.js';
import type { CallChannels } from './transport/channel.js';

/** A frame on show. Times are milliseconds of `callClock`. */
export interface ShownPicture {
  /** Number of the frame, as the sender counts. */
  readonly sequence: number;
  /** How it came about; `still`: sent as a picture; `held` also where a newer frame was due before this one could be decoded. */
  readonly origin: FrameOrigin | 'still';
  /** The caller's from now on; undefined: the last picture stays on show. */
  readonly picture: Picture | undefined;
  /** Capture time on the sender's clock. */
  readonly captureMs: number;
  /** The same by `callClock`, to play sound of the same moment with it; undefined until that is known. */
  readonly capturedMs: number | undefined;
  /** When it arrived; undefined where it was made up. */
  readonly receivedMs: number | undefined;
  /** When the jitter buffer let it go. */
  readonly playoutMs: number;
  /** When its picture was there; undefined where the last one stayed. */
  readonly decodedMs: number | undefined;
}

/** Why an identity is not shown: a stable code for programs, one line for people. */
export interface IdentityRefusal {
  readonly code: string;
  readonly message: string;
}

export interface CallReceiverOptions {
  /** Two open channels; the receiver uses their handlers from now on, and does not close them. */
  readonly channels: CallChannels;
  readonly pack: Pack;
  /** Pixels across the largest picture to show. */
  readonly maxSize: StreamSize;
  /** The decoder of the pack's family; the receiver closes it. */
  readonly decoder: FaceDecoder;
  readonly pictureCodec: PictureCodec;
  /**
   * Whether an offered identity may be shown (`createIdentityVerifier`): a refusal, or undefined. Each
   * one is asked for, one at a time, before any of its pictures is decoded. A refusal ends the call,
   * in the middle of it too: `ended` and the sender get its code. Where it rejects, the identity is
   * refused as `unusable-identity`. Without it every identity is shown.
   */
  readonly verifyIdentity?: (offered: OfferedIdentity) => Promise<IdentityRefusal | undefined>;
  /**
   * Likewise of each picture during the call (`createPictureVerifier`), before it is decoded. A refused
   * one is never shown, and counted (`getStats().pictures`); the call goes on. With `verifyIdentity` and without
   * this, all are refused.
   */
  readonly verifyPicture?: (offered: OfferedPicture) => Promise<IdentityRefusal | undefined>;
  /** Takes a still of the person, the caller's: what is on show until the first frame. */
  readonly onIdentity?: (still: Picture) => void;
  /**
   * Shows a frame; the next one waits for the promise. Of the frames that are due when decoder and
   * promise are done, only the newest is decoded (the others are `held`), so that no delay stays;
   * unless the stream is unpaced: then each is decoded, and the sender waits.
   */
  readonly onFrame: (frame: ShownPicture) => void | Promise<void>;
}

export interface CallReceiverStats extends ReceiverStats {
  /** Frames that were due while the decoder was busy and gave way to a newer one: `held`. */
  readonly framesSkipped: number;
}

const unverified = (error: Error): IdentityRefusal => ({
  code: 'unusable-identity',
  message: `the identity cannot be verified (${error.message})`,
});

/** The receiving end of a call: a `ReceiverSession` with channels, a decoder, a clock and timers. */
export class CallReceiver {
  readonly #options: CallReceiverOptions;
  readonly #session: ReceiverSession;
  readonly #pictures: CallPictures;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #error: Error | undefined;
  #identityMs: number | undefined;
  #loading = false;
  /** When the last control message of use arrived. */
  #heardMs = callClock();
  #showing: Promise<void> | undefined;
  #framesSkipped = 0;
  #changed: (() => void)[] = [];

  /** Throws a TypeError that names a bad option. */
  constructor(options: CallReceiverOptions) {
    this.#options = options;
    const { channels, pack, maxSize } = options;
    checkChannels(channels);
    checkMethods('decoder', options.decoder, 'setIdentity', 'decode', 'close');
    checkMethods('pictureCodec', options.pictureCodec, 'decode');
    checkOption(typeof options.onFrame === 'function', 'onFrame', 'a function');
    for (const path of ['verifyIdentity', 'verifyPicture'] as const) {
      const given = options[path];
      checkOption(given === undefined || typeof given === 'function', path, 'a function');
    }
    this.#session = new ReceiverSession({ pack, maxSize }, callClock());
    this.#pictures = new CallPictures(options, this.#session);
    channels.control.onMessage = (bytes, receivedMs = callClock()) => {
      const drops = this.#dropCount;
      this.#session.receiveControl(bytes, receivedMs);
      if (this.#dropCount === drops) this.#heardMs = callClock();
      this.#pump();
    };
    channels.motion.onMessage = (bytes, receivedMs = callClock()) => {
      this.#session.receiveMotion(bytes, receivedMs);
      this.#pump();
    };
    channels.control.onClose = (reason) => {
      if (this.#over) return;
      this.#error ??= new CallError(reason, closeMessage(reason, 'sender'));
      this.#pump();
    };
    this.#pump();
  }

  /** When the whole identity was there, verified and decoded; undefined before. */
  get identityMs(): number | undefined {
    return this.#identityMs;
  }

  /**
   * Resolves with the sender's figures when the stream has ended and its last frame was shown;
   * rejects with a CallError where it failed or broke off.
   */
  async ended(): Promise<Readonly<Record<string, number>>> {
    while (!this.#error && (!this.#over || this.#showing)) await this.#change();
    await this.#showing;
    clearTimeout(this.#timer);
    await this.#options.decoder.close();
    if (this.#error) throw this.#error;
    const { status } = this.#session;
    if (status.state === 'failed') throw new CallError(status.code, status.message);
    return status.state === 'ended' ? status.figures : {};
  }

  /** Ends the call and says goodbye; `ended` resolves. The channels stay open. Safe to call twice. */
  end(): void {
    this.#session.end();
    this.#pump();
  }

  /** What arrived so far, and how it is played out. */
  getStats(): CallReceiverStats {
    return { ...this.#session.getStats(), framesSkipped: this.#framesSkipped };
  }

  /** Waits for a change; until frames come, the sender must go on with the identity. */
  async #change(): Promise<void> {
    if (this.#session.status.state !== 'connecting' || this.#loading) {
      await new Promise<void>((resolve) => this.#changed.push(resolve));
      return;
    }
    const leftMs = this.#heardMs + STALL_LIMIT_MS - callClock();
    if (leftMs > 0) await changeWithin(leftMs, this.#changed);
    else {
      const message = `the sender has sent nothing of use for ${STALL_LIMIT_MS / 1000} s: start it again`;
      this.#error = new CallError('stalled', message);
    }
  }

  get #dropCount(): number {
    return Object.values(this.#session.getStats().drops).reduce((sum, n) => sum + n, 0);
  }

  get #over(): boolean {
    const { state } = this.#session.status;
    return state === 'ended' || state === 'failed';
  }

  #pump(): void {
    clearTimeout(this.#timer);
    const session = this.#session;
    session.advance(callClock());
    this.#load();
    this.#show();
    sendAll(this.#options.channels, () => session.poll(callClock()));
    if (!this.#over && !this.#error) {
      const at = session.nextTimeout();
      // While a frame is being decoded its end pumps again; a timer would only spin.
      if (at !== undefined && !this.#showing) {
        this.#timer = setTimeout(() => this.#pump(), Math.max(0, Math.ceil(at - callClock())));
      }
      return;
    }
    const changed = this.#changed;
    this.#changed = [];
    for (const resolve of changed) resolve();
  }

  /** Takes an offered identity or picture into use, one after the other. */
  #load(): void {
    if (this.#loading || this.#over || this.#error) return;
    const identity = this.#session.offeredIdentity;
    const picture = this.#session.pictures.offered;
    if (!identity && !picture) return;
    this.#loading = true;
    const taken = identity ? this.#take(identity) : this.#pictures.take(picture!);
    taken.finally(() => {
      this.#loading = false;
      this.#pump();
    });
  }

  async #take(identity: OfferedIdentity): Promise<void> {
    const session = this.#session;
    const { verifyIdentity } = this.#options;
    if (verifyIdentity) {
      const refusal = await verifyIdentity(identity).catch(unverified);
      // Another one may have come meanwhile, or the end.
      const { offeredIdentity } = session;
      if (refusal && offeredIdentity) {
        session.refuseIdentity(offeredIdentity, refusal.code, refusal.message);
        return;
      }
      if (offeredIdentity !== identity) return;
    }
    try {
      await this.#pictures.setIdentity(identity);
      // A decoder's first picture takes many times longer than the others: not in the middle of motion.
      const { decoder, onIdentity } = this.#options;
      onIdentity?.(await decoder.decode(identity.references[0].landmarks));
      this.#identityMs ??= callClock();
      session.useIdentity(identity);
    } catch (error) {
      const reason = (error as Error).message;
      const message = `the identity's pictures cannot be used (${reason}): enrol again`;
      session.refuseIdentity(identity, 'unusable-identity', message);
    }
  }

  /** Shows what is due, one after the other; nothing after an error, which the session may not know of. */
  #show(): void {
    if (this.#showing || this.#error) return;
    const nowMs = callClock();
    const frame = this.#session.present(nowMs);
    if (!frame) return;
    this.#showing = this.#showNewest(frame, nowMs)
      .catch((error: Error) => {
        this.#error ??= error;
      })
      .finally(() => {
        this.#showing = undefined;
        this.#pump();
      });
  }

  /** Decodes the newest of the frames that are due, `frame` the first; unpaced, `frame` itself. */
  async #showNewest(frame: PresentedFrame, nowMs: number): Promise<void> {
    let newest = frame;
    let { landmarks, still } = frame;
    while (!this.#session.unpaced) {
      const newer = this.#session.present(nowMs);
      if (!newer) break;
      if (landmarks && newer.landmarks) this.#framesSkipped++;
      await this.#give(newest, undefined);
      newest = newer;
      // A frame without any asks for the picture of the one before.
      if (newer.landmarks || newer.still) ({ landmarks, still } = newer);
    }
    if (still) await this.#give({ ...newest, still }, this.#pictures.show(still));
    else await this.#give(newest, landmarks && (await this.#options.decoder.decode(landmarks)));
  }

  async #give(
    { landmarks, still, origin, ...frame }: PresentedFrame,
    picture: Picture | undefined,
  ): Promise<void> {
    await this.#options.onFrame({
      ...frame,
      origin: still && picture ? 'still' : (landmarks || still) && !picture ? 'held' : origin,
      picture,
      decodedMs: picture && callClock(),
    });
  }
}
