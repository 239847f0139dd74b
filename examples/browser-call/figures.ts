/** What the call costs, once a second: kilobits on the wire, frames shown, latency. */
import type { Call } from './call.js';
import type { Mode } from './video-mode.js';

/** IPv4 and UDP headers of a packet, in bytes: the statistics of a connection leave them out. */
const IP_UDP_BYTES = 28;
/** Record of DTLS 1.3, SCTP's common header and a DATA chunk's, in bytes a message; DTLS 1.2 has 15 more. */
const MESSAGE_BYTES = { dtls13: 50, dtls12: 65 };
/** Authentication tag of an SRTP packet, in bytes, by the cipher. */
const SRTP_TAG_BYTES = { gcm: 16, other: 10 };
/** After a change (of the mode, from the references to the motion) figures are a mixture. */
const SETTLING_MS = 3_000;

/** One second of the call. What is not known is undefined. */
export interface Sample {
  /** `performance.now()`. */
  readonly atMs: number;
  readonly sendMode: Mode;
  readonly receiveMode: Mode;
  /** Everything but the audio, headers counted: picture, feedback, control. */
  readonly sentKbps: number;
  readonly receivedKbps: number;
  readonly audioSentKbps: number;
  readonly audioReceivedKbps: number;
  /** Of the messages of all data channels with their headers; what acknowledges them is not in it. */
  readonly messagesSentKbps: number;
  /** Shown here, of the other side. */
  readonly fps: number | undefined;
  /** From the other side's camera to this screen; without the camera's own. */
  readonly latencyMs: number | undefined;
  /** Whether both talking heads are past their start. */
  readonly started: boolean;
}

interface Counters {
  readonly connection: RTCPeerConnection;
  readonly atMs: number;
  /** Bytes on the wire since the connection began. */
  readonly sent: number;
  readonly received: number;
  readonly audioSent: number;
  readonly audioReceived: number;
  readonly messagesSent: number;
}

/** Takes a sample of the call each time it is asked; about once a second is meant. */
export class Sampler {
  #before: Counters | undefined;
  readonly #frames: FrameMeter;

  constructor(remote: HTMLVideoElement) {
    this.#frames = new FrameMeter(remote);
  }

  /** Undefined while there is nothing to compare with. */
  async sample(call: Call): Promise<Sample | undefined> {
    const { session } = call;
    if (session?.link.state !== 'connected') return undefined;
    const before = this.#before;
    const now = await count(session.link.connection);
    this.#before = now;
    const frames = this.#frames.take();
    const receiveMode = session.mode.peer;
    const { sender, receiver } = session.head;
    const head = receiveMode === 'talking-head' ? await receiver?.getStats() : undefined;
    if (before?.connection !== now.connection) return undefined;
    const kbps = (later: number, earlier: number) =>
      Math.max(0, (later - earlier) * 8) / (now.atMs - before.atMs);
    return {
      atMs: now.atMs,
      sendMode: call.mode,
      receiveMode,
      sentKbps: kbps(now.sent - now.audioSent, before.sent - before.audioSent),
      receivedKbps: kbps(now.received - now.audioReceived, before.received - before.audioReceived),
      audioSentKbps: kbps(now.audioSent, before.audioSent),
      audioReceivedKbps: kbps(now.audioReceived, before.audioReceived),
      messagesSentKbps: kbps(now.messagesSent, before.messagesSent),
      fps: receiveMode === 'ordinary' ? frames.fps : head?.fps,
      latencyMs: receiveMode === 'ordinary' ? frames.latencyMs : head?.latencyMs,
      started: sender?.state === 'streaming' && receiver?.state === 'showing',
    };
  }
}

/** Bytes on the wire, from the connection's statistics. */
async function count(connection: RTCPeerConnection): Promise<Counters> {
  const report = await connection.getStats();
  const counters = { connection, sent: 0, received: 0, audioSent: 0, audioReceived: 0 };
  let messagesSent = 0;
  let header = IP_UDP_BYTES + MESSAGE_BYTES.dtls12;
  let tag = SRTP_TAG_BYTES.other;
  for (const stats of report.values()) {
    if (stats.type !== 'transport') continue;
    counters.sent += stats.bytesSent + IP_UDP_BYTES * (stats.packetsSent ?? 0);
    counters.received += stats.bytesReceived + IP_UDP_BYTES * (stats.packetsReceived ?? 0);
    if (/GCM/.test(stats.srtpCipher ?? '')) tag = SRTP_TAG_BYTES.gcm;
    if (/^FEFC$/i.test(stats.tlsVersion ?? '')) header = IP_UDP_BYTES + MESSAGE_BYTES.dtls13;
  }
  for (const stats of report.values()) {
    if (stats.type === 'data-channel')
      messagesSent += stats.bytesSent + header * stats.messagesSent;
    if (stats.kind !== 'audio') continue;
    if (stats.type === 'outbound-rtp') {
      const headers = stats.headerBytesSent + stats.packetsSent * (IP_UDP_BYTES + tag);
      counters.audioSent += stats.bytesSent + headers;
    } else if (stats.type === 'inbound-rtp') {
      const headers = stats.headerBytesReceived + stats.packetsReceived * (IP_UDP_BYTES + tag);
      counters.audioReceived += stats.bytesReceived + headers;
    }
  }
  return { ...counters, messagesSent, atMs: performance.now() };
}

/** Counts the frames of ordinary video as they are shown. */
class FrameMeter {
  #frames = 0;
  #latencies: number[] = [];
  #sinceMs = performance.now();

  constructor(private readonly video: HTMLVideoElement) {
    this.#next();
  }

  #next(): void {
    this.video.requestVideoFrameCallback?.((_, { captureTime, expectedDisplayTime }) => {
      this.#frames += 1;
      // The browser estimates it from the sender's RTCP reports, by the clock of this page.
      if (captureTime !== undefined) this.#latencies.push(expectedDisplayTime - captureTime);
      this.#next();
    });
  }

  take(): { fps: number; latencyMs: number | undefined } {
    const nowMs = performance.now();
    const fps = (this.#frames * 1_000) / (nowMs - this.#sinceMs);
    const sorted = this.#latencies.sort((a, b) => a - b);
    this.#frames = 0;
    this.#latencies = [];
    this.#sinceMs = nowMs;
    return { fps, latencyMs: sorted[sorted.length >> 1] };
  }
}

/** Means of one mode; undefined where it was not measured. */
export interface Means {
  readonly sentKbps: number | undefined;
  readonly receivedKbps: number | undefined;
  readonly fps: number | undefined;
  readonly latencyMs: number | undefined;
}

/** The means of each mode over the call, its start and the settling after each change left out. */
export class Comparison {
  readonly #sums = new Map<string, { sum: number; count: number }>();
  #last: Sample | undefined;
  #settledMs = { send: 0, receive: 0 };

  add(sample: Sample): void {
    const last = this.#last;
    this.#last = sample;
    const settled = sample.atMs + SETTLING_MS;
    const changed = last?.started !== sample.started;
    if (changed || last?.sendMode !== sample.sendMode) this.#settledMs.send = settled;
    if (changed || last?.receiveMode !== sample.receiveMode) this.#settledMs.receive = settled;
    if (!sample.started) return;
    if (sample.atMs >= this.#settledMs.send) {
      this.#note(sample.sendMode, 'sentKbps', sample.sentKbps);
    }
    if (sample.atMs < this.#settledMs.receive) return;
    this.#note(sample.receiveMode, 'receivedKbps', sample.receivedKbps);
    this.#note(sample.receiveMode, 'fps', sample.fps);
    this.#note(sample.receiveMode, 'latencyMs', sample.latencyMs);
  }

  means(mode: Mode): Means {
    const mean = (name: keyof Means) => {
      const entry = this.#sums.get(`${mode} ${name}`);
      return entry && entry.sum / entry.count;
    };
    return {
      sentKbps: mean('sentKbps'),
      receivedKbps: mean('receivedKbps'),
      fps: mean('fps'),
      latencyMs: mean('latencyMs'),
    };
  }

  #note(mode: Mode, name: keyof Means, value: number | undefined): void {
    if (value === undefined) return;
    const entry = this.#sums.get(`${mode} ${name}`) ?? { sum: 0, count: 0 };
    this.#sums.set(`${mode} ${name}`, { sum: entry.sum + value, count: entry.count + 1 });
  }
}
