import { createCallChannels } from 'visavis/browser';
import type { Media } from './media.js';
import type { PeerSignal } from './signalling-client.js';

/** ICE often recovers by itself from a short silence; beyond this the caller starts it again. */
const PATIENCE_MS = 2_000;
/** Between two attempts: an attempt's checks need a few round trips. */
const RETRY_MS = 5_000;
/** Most that the ordinary video may take, in bits a second. */
const MAX_VIDEO_BITRATE = 300_000;
/** Data channel of this page; 0–3 are the library's. */
const APP_STREAM = 10;

export type LinkState = 'connecting' | 'connected' | 'interrupted';

/** Header extension by which the receiver of a packet is to report its arrival (transport-wide congestion control). */
const FEEDBACK = 'transport-wide-cc';

interface HeaderExtension {
  readonly uri: string;
  direction: RTCRtpTransceiverDirection;
}

/** Of browsers that have it (RTP header extension control). */
interface ExtensionControl {
  getHeaderExtensionsToNegotiate?(): HeaderExtension[];
  setHeaderExtensionsToNegotiate?(extensions: HeaderExtension[]): void;
}

/**
 * The sound without reports of each packet's arrival: those cost more than a talking head, 10 kbps each way, and its
 * rate is fixed. Ordinary video keeps its own.
 */
function withoutFeedback(sound: RTCRtpTransceiver & ExtensionControl): void {
  const extensions = sound.getHeaderExtensionsToNegotiate?.();
  if (!extensions) return;
  for (const each of extensions) if (each.uri.includes(FEEDBACK)) each.direction = 'stopped';
  sound.setHeaderExtensionsToNegotiate?.(extensions);
}

/** What a link is made of. */
export interface PeerLinkOptions {
  /** The caller offers, the callee answers. */
  readonly side: 'caller' | 'callee';
  readonly media: Media;
  readonly iceServers: readonly RTCIceServer[];
  send(signal: PeerSignal): void;
  onState(state: LinkState): void;
}

/**
 * One RTCPeerConnection to one page of the peer: the channels of the talking heads, the microphone,
 * and a video transceiver that is negotiated from the start, so that switching to ordinary video and
 * back is a `replaceTrack` without negotiation. It repairs itself by ICE restarts.
 */
export class PeerLink {
  readonly connection: RTCPeerConnection;
  readonly channels: ReturnType<typeof createCallChannels>;
  readonly app: RTCDataChannel;
  state: LinkState = 'connecting';
  #offers = 0;
  #work = Promise.resolve();
  #repair: ReturnType<typeof setTimeout> | undefined;
  readonly #stream: MediaStream;

  constructor(private readonly options: PeerLinkOptions) {
    const { side, media, iceServers } = options;
    this.connection = new RTCPeerConnection({ iceServers: [...iceServers] });
    this.channels = createCallChannels(this.connection, side);
    this.app = this.connection.createDataChannel('app', { negotiated: true, id: APP_STREAM });
    // One stream for both: the browser plays ordinary video in step with the audio.
    this.#stream = new MediaStream(media.microphone ? [media.microphone] : []);
    this.connection.onicecandidate = ({ candidate }) => {
      if (candidate) options.send({ kind: 'candidate', candidate: candidate.toJSON() });
    };
    this.connection.onconnectionstatechange = () => this.#follow();
    if (side === 'caller') {
      const streams = [this.#stream];
      withoutFeedback(this.connection.addTransceiver(media.microphone ?? 'audio', { streams }));
      this.connection.addTransceiver('video', {
        streams,
        sendEncodings: [{ maxBitrate: MAX_VIDEO_BITRATE }],
      });
      this.#enqueue(() => this.#offer());
    }
  }

  /** The transceiver of audio or ordinary video, once there is one: at the callee with the offer. */
  transceiver(kind: 'audio' | 'video'): RTCRtpTransceiver | undefined {
    return this.connection.getTransceivers().find(({ receiver }) => receiver.track.kind === kind);
  }

  /** Takes what the peer's link said; what is of no use (any more) is dropped. */
  handle(signal: PeerSignal): void {
    this.#enqueue(async () => {
      const { connection, options } = this;
      if (signal.kind === 'candidate') {
        await connection.addIceCandidate(signal.candidate);
      } else if (signal.kind === 'restart') {
        if (options.side === 'caller') await this.#offer();
      } else if (signal.kind === 'answer') {
        const wanted = signal.n === this.#offers && connection.signalingState !== 'stable';
        if (wanted) await connection.setRemoteDescription({ type: 'answer', sdp: signal.sdp });
      } else if (options.side === 'callee') {
        await connection.setRemoteDescription({ type: 'offer', sdp: signal.sdp });
        await this.#addMedia();
        await connection.setLocalDescription();
        options.send({ kind: 'answer', n: signal.n, sdp: connection.localDescription!.sdp });
      }
    });
  }

  /** Looks for another path, unless the present one works. */
  repair(): void {
    clearTimeout(this.#repair);
    if (this.connection.connectionState === 'connected') return;
    this.#repair = setTimeout(() => this.repair(), RETRY_MS);
    if (this.options.side === 'caller') this.#enqueue(() => this.#offer());
    else this.options.send({ kind: 'restart' });
  }

  close(): void {
    clearTimeout(this.#repair);
    this.connection.onconnectionstatechange = null;
    this.connection.close();
  }

  async #offer(): Promise<void> {
    const { connection, options } = this;
    this.#offers += 1;
    if (this.#offers > 1) connection.restartIce();
    await connection.setLocalDescription();
    const { sdp } = connection.localDescription!;
    options.send({ kind: 'offer', n: this.#offers, sdp });
  }

  /** The callee's tracks, in the transceivers that the offer made. */
  async #addMedia(): Promise<void> {
    for (const transceiver of this.connection.getTransceivers()) {
      if (transceiver.direction === 'sendrecv') continue;
      transceiver.direction = 'sendrecv';
      const { sender, receiver } = transceiver;
      sender.setStreams(this.#stream);
      if (receiver.track.kind === 'audio') {
        await sender.replaceTrack(this.options.media.microphone ?? null);
      } else {
        const parameters = sender.getParameters();
        for (const encoding of parameters.encodings) encoding.maxBitrate = MAX_VIDEO_BITRATE;
        await sender.setParameters(parameters);
      }
    }
  }

  #follow(): void {
    const { connectionState } = this.connection;
    if (connectionState === 'connected') {
      clearTimeout(this.#repair);
      this.#become('connected');
    } else if (connectionState === 'disconnected' || connectionState === 'failed') {
      clearTimeout(this.#repair);
      this.#repair = setTimeout(
        () => this.repair(),
        connectionState === 'failed' ? 0 : PATIENCE_MS,
      );
      this.#become('interrupted');
    }
  }

  #become(state: LinkState): void {
    if (state === this.state) return;
    this.state = state;
    this.options.onState(state);
  }

  /** One at a time, in order; a step that fails (stale, or the connection was closed) is left out. */
  #enqueue(step: () => Promise<void>): void {
    this.#work = this.#work.then(step).catch(() => undefined);
  }
}
