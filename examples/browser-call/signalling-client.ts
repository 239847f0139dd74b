import { CloseCode, type ServerMessage } from './rooms.mjs';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 8_000;

/** What the two pages say to each other through the server. */
export type PeerSignal =
  /** `n` counts the caller's offers: an answer to an earlier one is not wanted. */
  | { readonly kind: 'offer' | 'answer'; readonly n: number; readonly sdp: string }
  | { readonly kind: 'candidate'; readonly candidate: RTCIceCandidateInit }
  /** The callee asks for another offer with an ICE restart. */
  | { readonly kind: 'restart' };

/** Who is told what happens. */
export interface SignallingEvents {
  message(message: ServerMessage): void;
  /** Whether the server is reached. */
  reached(reached: boolean): void;
  /** The server sent this page away for good: one sentence for people. */
  dismissed(reason: string): void;
}

const DISMISSALS: Readonly<Record<number, string>> = {
  [CloseCode.roomFull]:
    'Two people are in this call already: ask for another link, or start a call of your own.',
  [CloseCode.replaced]: 'This call goes on in another tab: close this one.',
  [CloseCode.badMessage]: 'This page and its server do not understand each other: reload.',
};

/** A place in a room, held through lost connections: it reconnects by itself until `close`. */
export class SignallingClient {
  #socket: WebSocket | undefined;
  #retryMs = FIRST_RETRY_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(
    private readonly room: string,
    private readonly place: string,
    private instance: string,
    private readonly events: SignallingEvents,
  ) {
    this.#open();
    addEventListener('online', this.#openNow);
  }

  /** Announces another instance: both sides make a new peer connection. */
  renew(instance: string): void {
    this.instance = instance;
    this.#join();
  }

  /** Nothing happens while the server is not reached: the peers meet again when it is. */
  signal(to: string, data: PeerSignal): void {
    this.#send({ type: 'signal', to, data });
  }

  /** Hangs up: the place is free at once. */
  close(): void {
    this.#send({ type: 'bye' });
    this.#closed = true;
    clearTimeout(this.#timer);
    removeEventListener('online', this.#openNow);
    this.#socket?.close();
  }

  #open(): void {
    const { protocol, host } = location;
    const socket = new WebSocket(`${protocol === 'https:' ? 'wss' : 'ws'}://${host}/signal`);
    this.#socket = socket;
    socket.onopen = () => {
      this.#retryMs = FIRST_RETRY_MS;
      this.events.reached(true);
      this.#join();
    };
    socket.onmessage = ({ data }) => this.events.message(JSON.parse(data));
    socket.onclose = ({ code }) => {
      if (this.#closed || this.#socket !== socket) return;
      const dismissal = DISMISSALS[code];
      if (dismissal) {
        this.close();
        this.events.dismissed(dismissal);
        return;
      }
      this.events.reached(false);
      this.#timer = setTimeout(() => this.#open(), this.#retryMs * (0.75 + Math.random() / 2));
      this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS);
    };
  }

  /** The network is back: no waiting for the timer. */
  #openNow = (): void => {
    if (this.#closed || (this.#socket?.readyState ?? 3) <= WebSocket.OPEN) return;
    clearTimeout(this.#timer);
    this.#open();
  };

  #join(): void {
    const { room, place, instance } = this;
    this.#send({ type: 'join', room, place, instance });
  }

  #send(message: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}
