import {
  type createCallChannels,
  type SavedEnrolment,
  TalkingHeadReceiver,
  TalkingHeadSender,
} from 'visavis/browser';
import type { PageOptions } from './options.js';

/** Why a talking head is over: a code of the library, and its line. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** Who the peer says to be, by the key that signed. */
export interface PeerKey {
  /** SHA-256 of the public key, hexadecimal. */
  readonly key: string;
  readonly known: boolean;
  readonly firstSeen: Date;
}

export interface TalkingHeadEvents {
  /** The receiver's track, as soon as there is one. */
  picture(track: MediaStreamTrack): void;
  identity(key: PeerKey): void;
  refused(refusal: Failure): void;
  /** Whether the sender sees a face. */
  face(present: boolean): void;
  /** One of the two directions is over; undefined: without an error. */
  over(failure: Failure | undefined): void;
}

export interface TalkingHeadSetup {
  readonly connection: RTCPeerConnection;
  readonly channels: ReturnType<typeof createCallChannels>;
  readonly camera: MediaStreamTrack;
  readonly enrolment: SavedEnrolment;
  readonly options: PageOptions;
}

/** Both directions over one connection: the sender and the receiver of the library. */
export class TalkingHead {
  sender: TalkingHeadSender | undefined;
  receiver: TalkingHeadReceiver | undefined;
  #closed = false;

  constructor(
    setup: TalkingHeadSetup,
    private readonly events: TalkingHeadEvents,
  ) {
    this.#send(setup).catch((error) => this.#over(error));
    this.#receive(setup).catch((error) => this.#over(error));
  }

  close(): void {
    this.#closed = true;
    void this.sender?.close();
    void this.receiver?.close();
  }

  async #send({ connection, channels, camera, enrolment, options }: TalkingHeadSetup) {
    const sender = await TalkingHeadSender.create({
      ...options.sender,
      track: camera,
      connection,
      channels: channels.outgoing,
      enrolment,
    });
    if (this.#closed) {
      await sender.close();
      return;
    }
    this.sender = sender;
    sender.addEventListener('face', ({ detail }) => this.events.face(detail.present));
    sender.addEventListener('statechange', ({ detail }) => {
      if (detail.state === 'ended' || detail.state === 'failed') this.#over(detail.error);
    });
  }

  async #receive({ connection, channels, options }: TalkingHeadSetup) {
    const receiver = await TalkingHeadReceiver.create({
      ...options.receiver,
      connection,
      channels: channels.incoming,
    });
    if (this.#closed) {
      await receiver.close();
      return;
    }
    this.receiver = receiver;
    receiver.addEventListener('identity', ({ detail }) => this.events.identity(detail));
    receiver.addEventListener('refused', ({ detail }) => this.events.refused(detail));
    receiver.addEventListener('statechange', ({ detail }) => {
      if (detail.state === 'ended' || detail.state === 'failed') this.#over(detail.error);
    });
    this.events.picture(receiver.track);
  }

  /** Errors of `create` have a name where they have no code. */
  #over(
    error: ((Error | Failure) & { readonly code?: string; readonly name?: string }) | undefined,
  ) {
    if (this.#closed) return;
    this.events.over(
      error && { code: error.code ?? error.name ?? 'unknown', message: error.message },
    );
  }
}
