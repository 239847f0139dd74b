import { callClock } from '../call.js';
import { CallReceiver, type ShownPicture } from '../call-receiver.js';
import type { ConnectionFingerprints } from '../consent/fingerprints.js';
import { openKnownKeys } from '../consent/known-keys.js';
import { createIdentityVerifier } from '../consent/verify.js';
import { createPictureVerifier } from '../consent/verify-picture.js';
import type { Picture } from '../geometry/picture.js';
import type { Pack } from '../models/pack.js';
import { fetchPack } from '../models/pack-fetch.js';
import { createBrowserPictureCodec } from '../models/picture-codec-browser.js';
import type { Concealment } from '../receiver/concealment.js';
import { chooseDecoder } from './decoders.js';
import { openSink, type PictureWriter } from './frame-sink.js';
import { createLabel } from './label.js';
import type { LastingDecoder } from './lasting-decoder.js';
import type { ReceiverSettings, ToWorker } from './messages.js';
import { MedianMeter, RateMeter } from './meters.js';
import type { Page } from './page.js';
import { type Pipeline, PipelineState } from './pipeline.js';
import type { RelayedChannels } from './relayed-channels.js';

/** Messages of the peer in, pictures on a track out. */
export class ReceiverPipeline implements Pipeline {
  readonly #settings: ReceiverSettings;
  readonly #page: Page;
  readonly #pack: Pack;
  readonly #decoder: LastingDecoder;
  readonly #label: (picture: Picture) => void;
  readonly #state: PipelineState<'connecting' | 'showing'>;
  readonly #rate = new RateMeter();
  readonly #decodeMs = new MedianMeter();
  readonly #latencyMs = new MedianMeter();
  #writer: PictureWriter | undefined;
  #receiver: CallReceiver | undefined;
  #concealment: Concealment = 'none';
  #shown = 0;
  #held = 0;
  #closed = false;

  /** Rejects with a PackError where a model or what runs it cannot be loaded. */
  static async open(settings: ReceiverSettings, page: Page): Promise<ReceiverPipeline> {
    const pack = await fetchPack(settings.model);
    return new ReceiverPipeline(settings, page, pack, await chooseDecoder(settings, pack));
  }

  private constructor(settings: ReceiverSettings, page: Page, pack: Pack, decoder: LastingDecoder) {
    this.#settings = settings;
    this.#page = page;
    this.#pack = pack;
    this.#decoder = decoder;
    this.#label = createLabel(settings.label);
    this.#state = new PipelineState(page, 'connecting');
  }

  receive(message: ToWorker): void {
    if (message.type !== 'sink') return;
    this.#writer = openSink(message.sink, (track) =>
      this.#page.post({ type: 'track', track }, [track as unknown as Transferable]),
    );
  }

  connect(channels: RelayedChannels, fingerprints: ConnectionFingerprints | undefined): void {
    // The sender enrols first, which takes as long as it takes: until it speaks there is no handshake to fail.
    void channels.heard.then(() => this.#listen(channels, fingerprints));
  }

  #listen(channels: RelayedChannels, fingerprints: ConnectionFingerprints | undefined): void {
    if (this.#closed || this.#receiver) return;
    if (!channels.control.open) {
      this.#state.set('ended');
      return;
    }
    const known = openKnownKeys();
    const ends = fingerprints && { sender: fingerprints.remote, receiver: fingerprints.local };
    const verify = createIdentityVerifier({
      fingerprints: ends,
      known,
      unsigned: this.#settings.unsigned,
      onAccepted: (identity) => this.#page.event('identity', identity),
    });
    this.#receiver = new CallReceiver({
      channels,
      pack: this.#pack,
      maxSize: this.#settings.size,
      decoder: this.#decoder,
      pictureCodec: createBrowserPictureCodec(),
      verifyIdentity: async (offered) => {
        const refusal = await verify(offered);
        if (refusal) this.#page.event('refused', refusal);
        return refusal;
      },
      verifyPicture: createPictureVerifier({ fingerprints: ends, known }),
      onIdentity: (still) => {
        void this.#write(still, callClock());
        this.#state.set('showing');
      },
      onFrame: (frame) => this.#show(frame),
    });
    this.#receiver.ended().then(
      () => this.#state.set('ended'),
      (error: Error) => this.#state.fail(error),
    );
  }

  getStats() {
    const {
      playoutDelayMs = 0,
      backwardBytes = 0,
      framesByOrigin = { decoded: 0, interpolated: 0, extrapolated: 0, held: 0 },
      drops = {},
      pictures = { used: 0, refused: {} },
      clock,
    } = this.#receiver?.getStats() ?? {};
    const { facts, stats } = this.#decoder;
    return {
      state: this.#state.value,
      decoder: {
        ...facts,
        networkShare: stats.frames > 0 ? stats.networkRuns / stats.frames : 0,
      },
      fps: this.#rate.perSecond(callClock()),
      framesShown: this.#shown,
      framesHeld: this.#held,
      framesByOrigin,
      concealment: this.#concealment,
      decodeMs: this.#decodeMs.median,
      latencyMs: this.#latencyMs.median,
      roundTripMs: clock?.roundTrip,
      playoutDelayMs,
      backwardBytes,
      drops,
      pictures,
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#receiver?.end();
    await this.#decoder.close();
    await this.#writer?.close();
    this.#state.set('ended');
  }

  async #show({ picture, capturedMs, playoutMs, decodedMs }: ShownPicture): Promise<void> {
    if (this.#closed) return;
    this.#tellConcealment();
    if (!picture) {
      this.#held++;
      return;
    }
    await this.#write(picture, playoutMs);
    const nowMs = callClock();
    this.#shown++;
    this.#rate.add(nowMs);
    if (decodedMs !== undefined) this.#decodeMs.add(decodedMs - playoutMs);
    if (capturedMs !== undefined) this.#latencyMs.add(nowMs - capturedMs);
  }

  #tellConcealment(): void {
    const { concealment = 'none' } = this.#receiver?.getStats() ?? {};
    if (concealment === this.#concealment) return;
    this.#concealment = concealment;
    this.#page.event('concealment', { state: concealment });
  }

  async #write(picture: Picture, atMs: number): Promise<void> {
    this.#label(picture);
    await this.#writer?.write(picture, atMs);
  }
}
