/** What bench/browser-call.ts does in each of its two pages. */

import {
  createCallChannels,
  TalkingHeadReceiver,
  type TalkingHeadReceiverOptions,
  TalkingHeadSender,
  type TalkingHeadSenderOptions,
} from '../../src/browser.js';
import { describe } from '../browser/describe.js';

/** What a page is asked for. */
export interface PageOptions {
  readonly side: 'caller' | 'callee';
  readonly sends: boolean;
  readonly receives: boolean;
  /** The camera, or two stills that take turns at random: what the latency is measured by. */
  readonly source: 'camera' | 'stills';
  readonly sender: Partial<TalkingHeadSenderOptions>;
  readonly receiver: Partial<TalkingHeadReceiverOptions>;
}

/** A change from one still to the other, as it was drawn or seen; milliseconds since 1970. */
export interface Flip {
  readonly atMs: number;
  readonly still: number;
}

/** What was seen or heard, and when. */
export interface Level {
  readonly atMs: number;
  readonly level: number;
}

interface Bench {
  connection: RTCPeerConnection;
  sender?: TalkingHeadSender;
  receiver?: TalkingHeadReceiver;
  readonly drawn: Flip[];
  readonly seen: Level[];
  readonly heard: Level[];
  readonly longTasks: number[];
  /** When remote frames were shown, from the call's first on; milliseconds since 1970. */
  readonly shownAt: number[];
  /** The receiver's own figures each second. */
  readonly sampled: { readonly atMs: number; readonly latencyMs: number | undefined }[];
  shownFrames: number;
}

/** Milliseconds that a still stays, at least and at most: longer than any latency to be measured. */
const STILL_MS = [900, 1500] as const;
const SOURCE_FPS = 25;
const LISTEN_MS = 8;
/** Of the voice while the first still is shown. */
const QUIET = 0.05;
let voice: GainNode | undefined;
/** Pixels across what is looked at of the remote picture. */
const WATCHED = 32;

const bench: Bench = {
  connection: new RTCPeerConnection(),
  drawn: [],
  seen: [],
  heard: [],
  longTasks: [],
  shownAt: [],
  sampled: [],
  shownFrames: 0,
};
const now = () => performance.timeOrigin + performance.now();

new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) bench.longTasks.push(duration);
}).observe({ type: 'longtask', buffered: true });

async function stills(): Promise<MediaStreamTrack> {
  const pictures = await Promise.all(
    [0, 1].map(async (n) => createImageBitmap(await (await fetch(`still-${n}.png`)).blob())),
  );
  const [{ width, height }] = pictures;
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d')!;
  let still = 0;
  let nextMs = 0;
  setInterval(() => {
    const nowMs = now();
    if (nowMs >= nextMs) {
      still = 1 - still;
      nextMs = nowMs + STILL_MS[0] + Math.random() * (STILL_MS[1] - STILL_MS[0]);
      bench.drawn.push({ atMs: nowMs, still });
      if (voice) voice.gain.value = still ? 1 : QUIET;
    }
    context.drawImage(pictures[still], 0, 0);
    // A canvas that is drawn the same gives no frame.
    context.fillStyle = `rgb(${Math.floor(nowMs) % 8} 0 0)`;
    context.fillRect(0, 0, 1, 1);
  }, 1000 / SOURCE_FPS);
  return canvas.captureStream(SOURCE_FPS).getVideoTracks()[0];
}

async function camera(): Promise<MediaStreamTrack> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: true });
  return stream.getVideoTracks()[0];
}

/** Watches what the remote video shows: how bright the middle of its lower half is, frame by frame. */
function watch(video: HTMLVideoElement): void {
  const canvas = new OffscreenCanvas(WATCHED, WATCHED);
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  const look = () => {
    const { videoWidth: w, videoHeight: h } = video;
    context.drawImage(video, w * 0.35, h * 0.5, w * 0.3, h * 0.3, 0, 0, WATCHED, WATCHED);
    const { data } = context.getImageData(0, 0, WATCHED, WATCHED);
    let level = 0;
    for (let i = 0; i < data.length; i += 4) level += data[i] + data[i + 1] + data[i + 2];
    bench.seen.push({ atMs: now(), level: level / (3 * WATCHED * WATCHED) });
    bench.shownFrames++;
    bench.shownAt.push(now());
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
}

/** The voice: a tone that is loud while the second still is shown. */
function addVoice(connection: RTCPeerConnection): void {
  const context = new AudioContext();
  const tone = new OscillatorNode(context, { frequency: 440 });
  voice = new GainNode(context, { gain: QUIET });
  const out = context.createMediaStreamDestination();
  tone.connect(voice).connect(out);
  tone.start();
  connection.addTrack(out.stream.getAudioTracks()[0], out.stream);
}

/** Watches how loud the remote voice is. */
function listen(track: MediaStreamTrack): void {
  const stream = new MediaStream([track]);
  // Chromium decodes what an element plays.
  const element = Object.assign(new Audio(), { srcObject: stream, muted: true });
  void element.play();
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 256 });
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    bench.heard.push({ atMs: now(), level: Math.hypot(...samples) });
  }, LISTEN_MS);
}

/** Its bytes would be among the wire's, where those are measured. */
let withVoice = false;
let sampling: ReturnType<typeof setInterval> | undefined;
let receiverMade: () => void = () => {};
const made = new Promise<void>((resolve) => {
  receiverMade = resolve;
});

const pair = createPair();
let resolvePair: (side: PageOptions['side']) => void;
function createPair() {
  return new Promise<ReturnType<typeof createCallChannels>>((resolve) => {
    resolvePair = (side) => resolve(createCallChannels(bench.connection, side) as never);
  });
}

const api = {
  /** Makes what is needed of sender and receiver; resolves when both have their models. */
  async start({ side, sends, receives, source, ...options }: PageOptions): Promise<void> {
    withVoice = source === 'stills';
    resolvePair(side);
    const { outgoing, incoming } = await pair;
    const { connection } = bench;
    if (receives) {
      connection.ontrack = ({ receiver: audio, track }) => {
        listen(track);
        void made.then(() => bench.receiver!.syncAudio(audio));
      };
      bench.receiver = await TalkingHeadReceiver.create({
        connection,
        channels: incoming,
        ...options.receiver,
      });
      receiverMade();
      sampling = setInterval(async () => {
        const { receiver } = bench;
        if (receiver?.state !== 'showing') return;
        const { latencyMs } = await receiver.getStats();
        bench.sampled.push({ atMs: now(), latencyMs });
      }, 1000);
      const video = document.createElement('video');
      Object.assign(video, { muted: true, srcObject: new MediaStream([bench.receiver.track]) });
      document.body.append(video);
      watch(video);
      void video.play();
    }
    if (sends) {
      const track = await (source === 'stills' ? stills() : camera());
      bench.sender = await TalkingHeadSender.create({
        track,
        connection,
        channels: outgoing,
        ...options.sender,
      });
    }
  },
  async describe(remote?: RTCSessionDescriptionInit): Promise<RTCSessionDescriptionInit> {
    const { connection } = bench;
    await pair;
    if (!remote && withVoice) addVoice(connection);
    return describe(connection, remote);
  },
  states: () => [bench.sender?.state, bench.receiver?.state],
  /** Forgets what was counted so far. */
  reset(): void {
    bench.longTasks.length = 0;
    bench.shownFrames = 0;
    bench.drawn.length = 0;
    bench.seen.length = 0;
    bench.heard.length = 0;
  },
  async read() {
    let [bytes, packets] = [0, 0];
    for (const report of (await bench.connection.getStats()).values()) {
      if (report.type !== 'candidate-pair' || !report.nominated) continue;
      bytes += report.bytesSent;
      packets += report.packetsSent;
    }
    return {
      sent: { bytes, packets },
      shownFrames: bench.shownFrames,
      longTasks: [...bench.longTasks],
      drawn: [...bench.drawn],
      seen: [...bench.seen],
      sender: await bench.sender?.getStats(),
      receiver: await bench.receiver?.getStats(),
      heard: [...bench.heard],
      shownAt: [...bench.shownAt],
      sampled: [...bench.sampled],
    };
  },
  async close(): Promise<void> {
    clearInterval(sampling);
    await Promise.all([bench.sender?.close(), bench.receiver?.close()]);
    bench.connection.close();
  },
};

export type BenchPage = typeof api;
Object.assign(globalThis, { bench: api });
