import { CallError, callClock, closeMessage } from '../call.js';
import { CallSender, type CallSenderOptions } from '../call-sender.js';
import { type DeviceKey, openDeviceKey } from '../consent/device-key.js';
import type { ConnectionFingerprints } from '../consent/fingerprints.js';
import { type SignedPicture, signIdentity, signPicture } from '../consent/sign.js';
import { checkFamily } from '../models/families/index.js';
import type { Pack } from '../models/pack.js';
import { fetchPack } from '../models/pack-fetch.js';
import { createBrowserPictureCodec } from '../models/picture-codec-browser.js';
import { coarseIdentity, codedIdentity } from '../sender/coarse-identity.js';
import { toCropUnits } from '../sender/crop.js';
import { continueFace } from '../sender/face-distance.js';
import { createFrameAnalyser, type FrameAnalyser } from '../sender/frame-analyser.js';
import { PictureKeeper } from '../sender/picture-keeper.js';
import { CHROMIUM_WIRE } from '../sender/rate-model.js';
import type { RateOptions } from '../sender/rate-presets.js';
import type { TrackedFace } from '../sender/tracker.js';
import { FaceFeed } from './face-feed.js';
import type { SenderSettings, ToWorker } from './messages.js';
import { MedianMeter, RateMeter } from './meters.js';
import type { Page } from './page.js';
import { type EnrolledPerson, enrolLive, resumeEnrolment } from './person.js';
import { type Pipeline, PipelineState } from './pipeline.js';
import type { RelayedChannels } from './relayed-channels.js';
import { type OpenedTracker, openTracker } from './trackers.js';

interface Connection {
  readonly channels: RelayedChannels;
  readonly fingerprints: ConnectionFingerprints | undefined;
}

/** Frames that are analysed before the first one that is sent, at most. */
const REHEARSED_FRAMES = 5;

/** Frames from the camera in, messages for the peer out. */
export class SenderPipeline implements Pipeline {
  readonly #settings: SenderSettings;
  readonly #page: Page;
  readonly #pack: Pack;
  readonly #tracker: OpenedTracker;
  readonly #key: DeviceKey;
  readonly #feed: FaceFeed;
  readonly #connected: Promise<Connection>;
  #resolveConnected: (connection: Connection) => void = () => {};
  readonly #state: PipelineState<'enrolling' | 'connecting' | 'streaming'>;
  readonly #rate = new RateMeter();
  readonly #analyseMs = new MedianMeter();
  #skip: (() => void) | undefined;
  #sender: CallSender | undefined;
  #keeper: PictureKeeper | undefined;
  #withoutFace = 0;
  #closed = false;

  /** Rejects with a PackError where a model cannot be loaded. */
  static async open(settings: SenderSettings, page: Page): Promise<SenderPipeline> {
    const [pack, tracker, key] = await Promise.all([
      fetchPack(settings.model),
      openTracker(settings),
      openDeviceKey(),
    ]);
    checkFamily(pack);
    return new SenderPipeline(settings, page, pack, tracker, key);
  }

  private constructor(
    settings: SenderSettings,
    page: Page,
    pack: Pack,
    tracker: OpenedTracker,
    key: DeviceKey,
  ) {
    this.#settings = settings;
    this.#page = page;
    this.#pack = pack;
    this.#tracker = tracker;
    this.#key = key;
    this.#feed = new FaceFeed(tracker, settings.fps);
    this.#state = new PipelineState(page, 'enrolling');
    this.#connected = new Promise((resolve) => {
      this.#resolveConnected = resolve;
    });
    this.#run().catch((error: Error) => {
      void this.#feed.close();
      this.#state.fail(error);
    });
  }

  receive(message: ToWorker): void {
    if (message.type === 'source') this.#feed.setSource(message.track);
    else if (message.type === 'frame') {
      this.#feed.offer(message.frame, message.captureMs);
      this.#page.post({ type: 'frame-arrived' });
    } else if (message.type === 'skip-prompt') this.#skip?.();
  }

  connect(channels: RelayedChannels, fingerprints: ConnectionFingerprints | undefined): void {
    this.#resolveConnected({ channels, fingerprints });
    void channels.gone.then((reason) => {
      // Once there is a call, that tells why it is over.
      if (this.#sender) return;
      void this.#feed.close();
      this.#state.fail(new CallError(reason, closeMessage(reason, 'receiver')));
    });
  }

  getStats() {
    const { trackMs, ...capture } = this.#feed.stats;
    const {
      framesSent = 0,
      identityBytes = 0,
      motionBytes = 0,
      pictureBytes = 0,
      controlBytes = 0,
      lossFraction = 0,
    } = this.#sender?.getStats() ?? {};
    return {
      state: this.#state.value,
      capture,
      tracker: {
        name: this.#tracker.name,
        runtime: this.#tracker.runtime,
        reason: this.#tracker.reason,
      },
      fps: this.#rate.perSecond(callClock()),
      framesSent,
      framesWithoutFace: this.#withoutFace,
      trackMs,
      analyseMs: this.#analyseMs.median,
      identityBytes,
      motionBytes,
      pictureBytes,
      controlBytes,
      lossFraction,
      rate: this.#sender?.getStats().rate,
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const stopped = this.#feed.close();
    this.#sender?.end();
    await Promise.all([stopped, this.#tracker.close()]);
    this.#state.set('ended');
  }

  async #run(): Promise<void> {
    const person = await this.#enrol();
    if (!person) return;
    this.#state.set('connecting');
    const identity = codedIdentity(person.identity, this.#pack);
    const made = { pack: this.#pack, identity, codec: createBrowserPictureCodec() };
    const [{ channels, fingerprints }, analyser, coarse] = await Promise.all([
      this.#connected,
      createFrameAnalyser(made),
      coarseIdentity(made),
    ]);
    if (this.#closed || !channels.control.open) return;
    const ends = fingerprints && { sender: fingerprints.local, receiver: fingerprints.remote };
    const proofOf = async (bytes: Uint8Array) =>
      ends && { proof: await signIdentity(this.#key, bytes, ends) };
    const signed = ends && {
      signPicture: (picture: SignedPicture) => signPicture(this.#key, picture, ends),
    };
    const call = this.#call({
      channels,
      pack: this.#pack,
      identity,
      coarse: { identity: coarse, ...(await proofOf(coarse)) },
      ...(await proofOf(identity)),
      ...signed,
      fps: person.fps,
      ...rateOptions(this.#settings.rate, person.fps),
      wire: CHROMIUM_WIRE,
      onPicture: (report) => this.#keeper?.report(report, callClock()),
    });
    const [sender] = await Promise.all([call, this.#rehearse(person, analyser, call)]);
    this.#state.set('streaming');
    const keeper = await PictureKeeper.open({
      pack: this.#pack,
      codec: createBrowserPictureCodec(),
      port: sender,
      analyser,
      size: person.saved.size,
    });
    this.#keeper = keeper;
    try {
      await this.#stream(sender, person, analyser, keeper);
    } finally {
      await keeper.close();
      await analyser.close();
    }
  }

  /**
   * Analyses frames until the call has begun: the first ones take several times longer than the others, and the
   * receiver would wait for later ones as long.
   */
  async #rehearse(
    { crop, face }: EnrolledPerson,
    analyser: FrameAnalyser,
    call: Promise<unknown>,
  ): Promise<void> {
    let waits = true;
    const ready = () => {
      waits = false;
    };
    call.then(ready, ready);
    for (let left = REHEARSED_FRAMES; left > 0 && waits; left--) {
      const seen = await this.#feed.next();
      if (!seen) return;
      const found = continueFace(seen.faces, face);
      if (!found) continue;
      const square = crop.follow(found.landmarks);
      await analyser.analyse(seen.picture, square, toCropUnits(found.landmarks, square));
    }
  }

  /** Resolves when the receiver has the identity: its page may still be loading its models. */
  async #call(options: CallSenderOptions): Promise<CallSender> {
    for (;;) {
      const sender = new CallSender(options);
      this.#sender = sender;
      try {
        await sender.ready();
        return sender;
      } catch (error) {
        if (this.#closed || !(error instanceof CallError) || error.code !== 'timeout') throw error;
      }
    }
  }

  async #enrol(): Promise<EnrolledPerson | undefined> {
    const { enrolment, size, fps } = this.#settings;
    if (typeof enrolment !== 'string')
      return resumeEnrolment(this.#feed, enrolment, this.#key, fps);
    const live = enrolLive(this.#feed, { mode: enrolment, size, fps }, this.#key, (status) =>
      this.#page.event('enrolment', status),
    );
    this.#skip = live.skip;
    const person = await live.person;
    this.#skip = undefined;
    if (person) this.#page.event('enrolled', { enrolment: person.saved });
    return person;
  }

  async #stream(
    sender: CallSender,
    { crop, face: enrolled }: EnrolledPerson,
    analyser: FrameAnalyser,
    keeper: PictureKeeper,
  ): Promise<void> {
    let face: TrackedFace = enrolled;
    let present = true;
    for (;;) {
      this.#feed.wanted = keeper.suspicious ? 2 : 1;
      const seen = await this.#feed.next();
      if (!seen || this.#closed) return;
      const { picture, faces, captureMs } = seen;
      const found = continueFace(faces, face);
      if (present !== (found !== undefined)) {
        present = found !== undefined;
        this.#page.event('face', { present });
      }
      const startMs = callClock();
      let geometry: Float32Array | undefined;
      if (found) {
        face = found;
        const square = crop.follow(found.landmarks);
        geometry = await analyser.analyse(picture, square, toCropUnits(found.landmarks, square));
      } else this.#withoutFace++;
      sender.sendFrame(keeper.toSend(geometry), captureMs);
      const { square } = crop;
      const busy = this.#feed.isBehind;
      await keeper.watch({ picture, square, faces, geometry, nowMs: captureMs, busy });
      const nowMs = callClock();
      this.#analyseMs.add(nowMs - startMs);
      this.#rate.add(nowMs);
    }
  }
}

/** Frames much farther apart do not wait for each other: few messages have few headers. */
const TALKING_LATENCY_MS = 65;

/** People who talk: two frames a message, which halves the headers; one where frames lie far apart; never three. */
function rateOptions(rate: RateOptions, fps: number): RateOptions {
  const maxLatencyMs = Math.min(TALKING_LATENCY_MS, 1900 / fps);
  return rate.preset === 'balanced' ? { maxLatencyMs, ...rate } : rate;
}
