import { checkOption, checkStreamSize } from '../protocol/check-options.js';
import { CHROMIUM_WIRE } from '../sender/rate-model.js';
import { rateAims } from '../sender/rate-presets.js';
import type { DataChannelPair } from '../transport/rtc-data-channel.js';
import type {
  DecoderChoice,
  LabelPosition,
  LabelSettings,
  ReceiverSettings,
  SenderSettings,
} from '../worker/messages.js';
import type { TalkingHeadReceiverOptions } from './talking-head-receiver.js';
import type { TalkingHeadSenderOptions } from './talking-head-sender.js';

/** What both ends of a call are told. */
export interface TalkingHeadOptions {
  /** The connection that the channels belong to: signatures are bound to its DTLS certificates. */
  readonly connection: RTCPeerConnection;
  /**
   * Two data channels, `outgoing` or `incoming` of `createCallChannels`, or the application's own: `control`
   * reliable and ordered, `motion` unordered without retransmission. They are used for one talking head,
   * and stay the caller's to close.
   */
  readonly channels: DataChannelPair;
  /**
   * Runs `visavis/worker`. A `Worker` may serve several senders and receivers, and is the caller's to
   * terminate; what a function makes is terminated by `close`. Default: one of `visavis-worker.js` in `assets`.
   */
  readonly worker?: Worker | (() => Worker);
  /** Address of the folder that `npx visavis assets` wrote, relative to the page. Default '/visavis/'. */
  readonly assets?: string | URL;
  /** Address of the pack's folder, the same pack at both ends. Default `packs/portrait-256-cpu` in `assets`. */
  readonly model?: string | URL;
}

/** Where `npx visavis assets public/visavis` puts things under a server's root. */
const DEFAULT_ASSETS = '/visavis/';
const DEFAULT_MODEL = 'packs/portrait-256-cpu';
const DEFAULT_TRACKER = 'packs/tracker';
const DEFAULT_SIZE = 256;
const DEFAULT_FPS = 25;
const MAX_FPS = 30;
const DECODERS: readonly DecoderChoice[] = ['auto', 'webgpu', 'wasm', 'warp'];
const POSITIONS: readonly LabelPosition[] = [
  'top-left',
  'top-right',
  'bottom-left',
  'bottom-right',
];
const DEFAULT_LABEL: LabelSettings = { text: 'Synthesised', position: 'bottom-left' };
/** A label that is longer than the picture is wide cannot be read. */
const MAX_LABEL_LENGTH = 48;

/** The sender's options, checked and complete. Throws a TypeError that names the bad one. */
export function senderSettings(options: TalkingHeadSenderOptions): SenderSettings {
  checkOption(typeof options === 'object' && options !== null, 'options', 'an object');
  const { track, tracker, enrolment = 'quick', size = DEFAULT_SIZE, fps = DEFAULT_FPS } = options;
  const { preset = 'balanced', maxBitrateBps, maxLatencyMs } = options;
  checkTrack('track', track);
  const common = commonSettings(options);
  checkStreamSize('size', size);
  checkOption(
    typeof fps === 'number' && fps >= 1 && fps <= MAX_FPS,
    'fps',
    `a number 1–${MAX_FPS}`,
    fps,
  );
  const rate = {
    preset,
    ...(maxBitrateBps !== undefined && { maxBitrateBps }),
    ...(maxLatencyMs !== undefined && { maxLatencyMs }),
  };
  rateAims(rate, CHROMIUM_WIRE);
  const known = enrolment === 'quick' || enrolment === 'guided' || isSaved(enrolment);
  checkOption(known, 'enrolment', "'quick', 'guided' or a saved enrolment", enrolment as never);
  return {
    ...common,
    tracker: trackerSettings(tracker, common.assets),
    enrolment,
    size,
    fps,
    rate,
  };
}

/** The receiver's options, likewise. */
export function receiverSettings(options: TalkingHeadReceiverOptions): ReceiverSettings {
  checkOption(typeof options === 'object' && options !== null, 'options', 'an object');
  const { decoder = 'auto', size = 512, unsigned = 'refuse', label: wanted = {} } = options;
  const common = commonSettings(options);
  checkOneOf('decoder', decoder, DECODERS);
  checkStreamSize('size', size);
  checkOneOf('unsigned', unsigned, ['refuse', 'show']);
  checkOption(typeof wanted === 'object' && wanted !== null, 'label', 'an object');
  const label = { ...DEFAULT_LABEL, ...wanted };
  const { text, position } = label;
  const isText = typeof text === 'string' && text.trim() !== '' && text.length <= MAX_LABEL_LENGTH;
  checkOption(
    isText,
    'label.text',
    `1–${MAX_LABEL_LENGTH} characters: a synthesised picture says so`,
  );
  checkOneOf('label.position', position, POSITIONS);
  return { ...common, decoder, size, label, unsigned };
}

/** A live video track. */
export function checkTrack(path: string, track: MediaStreamTrack): void {
  const isVideo = track instanceof MediaStreamTrack && track.kind === 'video';
  checkOption(isVideo && track.readyState === 'live', path, 'a live video MediaStreamTrack');
}

function commonSettings({ connection, channels, worker, assets, model }: TalkingHeadOptions) {
  checkOption(connection instanceof RTCPeerConnection, 'connection', 'an RTCPeerConnection');
  for (const name of ['control', 'motion'] as const) {
    checkOption(
      typeof channels?.[name]?.send === 'function',
      `channels.${name}`,
      'an RTCDataChannel',
    );
  }
  const isWorker = worker === undefined || worker instanceof Worker || typeof worker === 'function';
  checkOption(isWorker, 'worker', 'a Worker or a function that makes one');
  const folder = folderUrl('assets', assets ?? DEFAULT_ASSETS, document.baseURI);
  return {
    assets: folder,
    model: folderUrl('model', model ?? folder + DEFAULT_MODEL, document.baseURI),
  };
}

function trackerSettings(
  tracker: TalkingHeadSenderOptions['tracker'],
  assets: string,
): SenderSettings['tracker'] {
  if (typeof tracker === 'object' && !(tracker instanceof URL)) {
    const task = tracker?.faceLandmarker;
    return { faceLandmarker: absolute('tracker.faceLandmarker', task, document.baseURI).href };
  }
  return { pack: folderUrl('tracker', tracker ?? assets + DEFAULT_TRACKER, document.baseURI) };
}

function checkOneOf<T extends string>(path: string, value: T, allowed: readonly T[]): void {
  const list = allowed.map((each) => `'${each}'`).join(', ');
  checkOption(allowed.includes(value), path, `one of ${list}`, value);
}

function absolute(path: string, address: string | URL, base: string): URL {
  const isAddress =
    (typeof address === 'string' || address instanceof URL) && URL.canParse(String(address), base);
  checkOption(isAddress, path, 'an address', address as string);
  return new URL(address, base);
}

function folderUrl(path: string, address: string | URL, base: string): string {
  const url = absolute(path, address, base);
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url.href;
}

function isSaved(value: object): boolean {
  const { version, identity, signature } = (value ?? {}) as Record<string, unknown>;
  return version === 1 && identity instanceof Uint8Array && signature instanceof Uint8Array;
}
