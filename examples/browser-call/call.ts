import type { SavedEnrolment } from 'visavis/browser';
import type { Media } from './media.js';
import type { PageOptions } from './options.js';
import { type LinkState, PeerLink } from './peer-link.js';
import type { ServerMessage } from './rooms.mjs';
import { type PeerSignal, SignallingClient } from './signalling-client.js';
import { placeIn, randomToken } from './storage.js';
import { type Failure, type PeerKey, TalkingHead } from './talking-head.js';
import { type Mode, VideoMode } from './video-mode.js';

/** A link that was not repaired for so long is given up for a new one. */
const GIVE_UP_MS = 20_000;
/** Before a new link is made: whether the peer has gone is known by then. The callee gives way. */
const RENEW_AFTER_MS = { caller: 1_500, callee: 4_000 };
/** That time doubles with each new link that comes to nothing, so many times at most. */
const MAX_DOUBLINGS = 4;
/** Ends of a talking head that a new connection may cure. */
const CURABLE = new Set(['closed-by-peer', 'peer-vanished', 'failed', 'stalled', 'timeout']);

export type CallState = 'waiting' | 'connecting' | 'connected' | 'reconnecting';

export interface CallSetup {
  readonly room: string;
  readonly media: Media;
  readonly enrolment: SavedEnrolment;
  readonly options: PageOptions;
}

export interface CallEvents {
  state(state: CallState): void;
  /** The call is over, and not by `hangUp`. */
  ended(reason: string): void;
  serverReached(reached: boolean): void;
  /** What to show, in the mode that the peer sends in. */
  picture(track: MediaStreamTrack, mode: Mode): void;
  audio(track: MediaStreamTrack): void;
  identity(key: PeerKey): void;
  /** There is no talking head, or none is shown; undefined: whatever it was is being cured. */
  failed(failure: Failure | undefined): void;
  face(present: boolean): void;
}

/** What there is to one instance of the peer. */
interface Session {
  /** The two instances: another pair, another session. */
  readonly pair: string;
  readonly side: 'caller' | 'callee';
  readonly link: PeerLink;
  readonly head: TalkingHead;
  readonly mode: VideoMode;
  /** The head is over, curably: the session is only good for being replaced. */
  dead: boolean;
}

/**
 * A call in a room: whoever is there is met with a new session, and so is the same person with a new
 * instance, after a reload or after a link was given up. Lost paths are repaired within a session.
 */
export class Call {
  #instance = randomToken();
  #peer: string | undefined;
  #session: Session | undefined;
  #wanted: Mode = 'talking-head';
  #state: CallState = 'waiting';
  #wasConnected = false;
  #renewal: ReturnType<typeof setTimeout> | undefined;
  /** Since the peer's identity was last accepted. */
  #renewals = 0;
  #stopSync: (() => void) | undefined;
  readonly #signalling: SignallingClient;

  constructor(
    private readonly setup: CallSetup,
    private readonly events: CallEvents,
  ) {
    const { room } = setup;
    this.#signalling = new SignallingClient(room, placeIn(room), this.#instance, {
      message: (message) => this.#receive(message),
      reached: (reached) => events.serverReached(reached),
      dismissed: (reason) => {
        this.#close();
        events.ended(reason);
      },
    });
    addEventListener('online', this.#repair);
  }

  /** The session's parts, for figures; undefined while nobody is there. */
  get session(): Omit<Session, 'dead'> | undefined {
    return this.#session;
  }

  /** How this side sends its picture. */
  get mode(): Mode {
    return this.#wanted;
  }

  set mode(mode: Mode) {
    this.#wanted = mode;
    this.#session?.mode.set(mode);
  }

  hangUp(): void {
    this.#signalling.close();
    this.#close();
  }

  #close(): void {
    removeEventListener('online', this.#repair);
    this.#drop();
  }

  #receive(message: ServerMessage): void {
    switch (message.type) {
      case 'joined':
        if (message.peer === null) this.#become(this.#idle());
        else this.#meet(message.peer);
        break;
      case 'peer':
        this.#meet(message.instance);
        break;
      case 'peer-away':
        this.#peer = undefined;
        break;
      case 'peer-left':
        this.#peer = undefined;
        if (message.hungUp) {
          this.hangUp();
          this.events.ended('The other side hung up.');
        } else if (this.#session?.link.state !== 'connected') {
          this.#drop();
          this.#wasConnected = false;
          this.#become('waiting');
        }
        break;
      case 'signal':
        if (message.from === this.#peer) {
          this.#session?.link.handle(message.data as PeerSignal);
        }
    }
  }

  /** Nobody is in the room, as far as the server knows; a link that works is not disturbed by it. */
  #idle(): CallState {
    if (this.#session?.link.state === 'connected' && !this.#session.dead) return this.#state;
    return this.#wasConnected ? 'reconnecting' : 'waiting';
  }

  #meet(peer: string): void {
    this.#peer = peer;
    const session = this.#session;
    if (session?.pair !== this.#instance + peer) this.#start(peer);
    else if (session.dead) this.#renew();
    else if (session.link.state !== 'connected') {
      session.link.repair();
      this.#renewAfter(GIVE_UP_MS);
    }
  }

  #start(peer: string): void {
    this.#drop();
    const { media, enrolment, options } = this.setup;
    // The instances say who calls: both sides agree without being told, whatever the server forgot.
    const side = this.#instance > peer ? 'caller' : 'callee';
    const link = new PeerLink({
      side,
      media,
      iceServers: options.iceServers,
      send: (signal) => this.#signalling.signal(peer, signal),
      onState: (state) => this.#follow(state),
    });
    const { connection, channels } = link;
    const head = new TalkingHead(
      { connection, channels, camera: media.camera, enrolment, options },
      {
        picture: () => this.#show(),
        identity: (key) => {
          this.#renewals = 0;
          this.events.identity(key);
        },
        refused: (refusal) => this.events.failed(refusal),
        face: (present) => this.#wanted === 'talking-head' && this.events.face(present),
        over: (failure) => this.#over(failure),
      },
    );
    const mode = new VideoMode(link, head, media.camera, this.#wanted, () => this.#show());
    connection.ontrack = ({ track }) => {
      if (track.kind === 'audio') this.events.audio(track);
      this.#show();
    };
    this.#session = { pair: this.#instance + peer, side, link, head, mode, dead: false };
    this.#become(this.#wasConnected ? 'reconnecting' : 'connecting');
    this.#renewAfter(GIVE_UP_MS);
  }

  #show(): void {
    const session = this.#session;
    if (!session) return;
    const { link, head, mode } = session;
    const { receiver } = head;
    const audio = link.transceiver('audio')?.receiver;
    this.#stopSync?.();
    this.#stopSync = undefined;
    if (mode.peer === 'ordinary') {
      const track = link.transceiver('video')?.receiver.track;
      if (track) this.events.picture(track, 'ordinary');
    } else if (receiver) {
      if (audio) this.#stopSync = receiver.syncAudio(audio);
      this.events.picture(receiver.track, 'talking-head');
    }
  }

  #follow(state: LinkState): void {
    if (state === 'connected') {
      if (this.#session?.dead) return;
      clearTimeout(this.#renewal);
      this.#wasConnected = true;
      this.events.failed(undefined);
      this.#become('connected');
    } else {
      this.#become('reconnecting');
      this.#renewAfter(GIVE_UP_MS);
    }
  }

  #over(failure: Failure | undefined): void {
    const session = this.#session;
    if (!session) return;
    if (failure && !CURABLE.has(failure.code)) {
      this.events.failed(failure);
      return;
    }
    session.dead = true;
    this.#become('reconnecting');
    const doublings = Math.min(this.#renewals, MAX_DOUBLINGS);
    this.#renewAfter(RENEW_AFTER_MS[session.side] * 2 ** doublings);
  }

  #renewAfter(ms: number): void {
    clearTimeout(this.#renewal);
    this.#renewal = setTimeout(() => this.#renew(), ms);
  }

  /** A new instance: both sides start anew. Where nobody is there, whoever comes is met anew anyway. */
  #renew(): void {
    if (this.#peer === undefined) return;
    this.#renewals += 1;
    this.#instance = randomToken();
    this.#signalling.renew(this.#instance);
  }

  #repair = (): void => this.#session?.link.repair();

  #drop(): void {
    clearTimeout(this.#renewal);
    this.#stopSync?.();
    this.#stopSync = undefined;
    this.#session?.head.close();
    this.#session?.link.close();
    this.#session = undefined;
  }

  #become(state: CallState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.events.state(state);
  }
}
