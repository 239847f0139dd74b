/** How each side sends its picture: as a talking head, or as ordinary WebRTC video to compare with. */
import type { PeerLink } from './peer-link.js';
import type { TalkingHead } from './talking-head.js';

export type Mode = 'talking-head' | 'ordinary';

/** A track that never has a frame: the sender of the talking head rests while it has this one. */
function silentTrack(): MediaStreamTrack {
  const canvas = document.createElement('canvas');
  canvas.getContext('2d');
  return canvas.captureStream(0).getVideoTracks()[0];
}

/**
 * The two modes over one link. Each side decides for its own picture alone: nobody is switched from
 * the synthesised picture to the camera's by the other side. The peer is told on the `app` channel.
 */
export class VideoMode {
  /** How the peer sends. */
  peer: Mode = 'talking-head';
  #applied: Mode = 'talking-head';
  #work = Promise.resolve();

  constructor(
    private readonly link: PeerLink,
    private readonly head: TalkingHead,
    private readonly camera: MediaStreamTrack,
    /** How this side sends. */
    private own: Mode,
    onPeer: () => void,
  ) {
    link.app.onopen = () => this.set(this.own);
    link.app.onmessage = ({ data }) => {
      if (data !== 'talking-head' && data !== 'ordinary') return;
      this.peer = data;
      onPeer();
    };
  }

  /** Sends in this mode from now on, or from when the link is up. */
  set(mode: Mode): void {
    this.own = mode;
    if (this.link.app.readyState !== 'open') return;
    this.link.app.send(mode);
    this.#work = this.#work.then(() => this.#apply(mode)).catch(() => undefined);
  }

  async #apply(mode: Mode): Promise<void> {
    if (mode === this.#applied) return;
    this.#applied = mode;
    const ordinary = mode === 'ordinary';
    await this.link.transceiver('video')?.sender.replaceTrack(ordinary ? this.camera : null);
    await this.head.sender?.replaceTrack(ordinary ? silentTrack() : this.camera);
  }
}
