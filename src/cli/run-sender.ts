import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { CallError, callClock } from '../call.js';
import { CallSender } from '../call-sender.js';
import { resampleSquare } from '../geometry/resample.js';
import type { Pack } from '../models/pack.js';
import { openPersonalPack } from '../models/personal-node.js';
import { createNodePictureCodec } from '../models/picture-codec-node.js';
import { STREAM_SIZES, type StreamSize } from '../protocol/limits.js';
import { toCropUnits } from '../sender/crop.js';
import { continueFace } from '../sender/face-distance.js';
import type { FrameAnalyser } from '../sender/frame-analyser.js';
import { createFrameAnalyser } from '../sender/frame-analyser-node.js';
import { canKeep, PictureKeeper } from '../sender/picture-keeper.js';
import type { RatePreset } from '../sender/rate-presets.js';
import { type OpenedTracker, openFaceTracker } from '../sender/trackers/open.js';
import type { SimulatedLinkOptions } from '../transport/simulated-link.js';
import { ClipClock } from './clip-clock.js';
import { coarseFirst } from './coarse-first.js';
import { connect } from './connect.js';
import { countChannels } from './counted-channels.js';
import type { FrameWriter } from './media/frame-store.js';
import { openBase } from './open-base.js';
import { type OpenedClip, openEnrolled } from './open-enrolled.js';
import type { SenderLog, SentFrame } from './report/logs.js';
import type { Reporter } from './reporter.js';
import { UserError } from './user-error.js';
import { linkLog, recordWire } from './wire-log.js';

export interface SenderRunOptions {
  readonly clip: string;
  readonly signal: string;
  readonly room: string;
  readonly pack: string;
  /** Folder of a personal pack of it. */
  readonly personal: string | undefined;
  /** Folder of a tracker pack; undefined for the default one. */
  readonly tracker: string | undefined;
  /** Undefined: as `openEnrolled` chooses. */
  readonly size: StreamSize | undefined;
  readonly references: number;
  readonly enrolSeconds: number;
  /** As fast as it goes, not at the clip's own rate. */
  readonly fast: boolean;
  readonly preset: RatePreset;
  /** Frames a message, 1–4; undefined: as rate control chooses. */
  readonly bundle: number | undefined;
  /** Pictures are sent during the call; undefined: where there are cores to spare. */
  readonly pictures: boolean | undefined;
  /** What a simulated network does to what is sent. */
  readonly link: SimulatedLinkOptions | undefined;
  /** Takes the crops that are given to the codec. */
  readonly writer: FrameWriter | undefined;
  readonly abort: AbortSignal;
  readonly reporter: Reporter;
}

/** What became of a run: the log as far as it came, and what ended it early. */
export interface RunResult<Log> {
  readonly log: Log | undefined;
  readonly error: unknown;
}

/** Fewer cores than these have none to spare for a second look at the picture (docs/decisions.md). */
const CORES_FOR_PICTURES = 4;
/** Frames under way to the receiver at most where nothing paces them: a second of feedback and more. */
const UNPACED_WINDOW = 100;

/** Sends a clip to whoever waits in the room. What was done before an error is in the log. */
export async function runSender(options: SenderRunOptions): Promise<RunResult<SenderLog>> {
  const base = await openBase(options.pack);
  const { personal } = options;
  const pack = personal === undefined ? base : await openPersonalPack(personal, base);
  let tracker: OpenedTracker | undefined;
  let opened: OpenedClip | undefined;
  try {
    tracker = await openFaceTracker({ packPath: options.tracker });
    const enrolling = `enrolling from ${options.clip} with ${tracker.name}`;
    const onOpen = () => options.reporter.note(enrolling);
    opened = await openEnrolled({ ...options, onOpen }, tracker);
    return await stream(options, { ...opened, pack, tracker });
  } finally {
    await opened?.close();
    await tracker?.close();
  }
}

interface Source extends OpenedClip {
  readonly pack: Pack;
  readonly tracker: OpenedTracker;
}

interface Streamed extends Source {
  readonly analyser: FrameAnalyser;
  readonly keeper: PictureKeeper | undefined;
}

async function stream(options: SenderRunOptions, source: Source): Promise<RunResult<SenderLog>> {
  const { abort, reporter } = options;
  const { clip, enrolled, pack } = source;
  const codec = createNodePictureCodec();
  const startedMs = callClock();
  const { call, peerJoinedMs, connectedMs } = await connect({
    ...options,
    role: 'sender',
    onWaiting: () => reporter.note(`waiting for a receiver in room ${options.room}`),
  });
  const { channels, payload } = countChannels(call.channels);
  const wire = recordWire(call.wire, payload);
  // On this machine the whole is there in a moment; unpaced frames would not wait for the rest; what a vector says
  // is in no picture's geometry.
  const isNear = call.peerIsHere && options.link?.bandwidth === undefined;
  const offered =
    isNear || options.fast || pack.personal || pack.vector
      ? { identity: enrolled.identity }
      : await coarseFirst(enrolled.identity, pack, codec);
  const sender = new CallSender({
    channels,
    pack,
    ...offered,
    fps: clip.fps,
    preset: options.preset,
    ...(options.bundle !== undefined && { framesPerPacket: options.bundle }),
    unpaced: options.fast,
    firstFrame: enrolled.nextIndex,
    onPicture(report) {
      if (report.state === 'in-use' && sender.references.size >= enrolled.referenceCount) {
        referencesDeliveredMs ??= sampled();
      }
      keeper?.report(report, callClock());
    },
  });
  /** Reads the wire's counters now. */
  const sampled = () => {
    wire.sample();
    return callClock();
  };
  let keeper: PictureKeeper | undefined;
  let analyser: FrameAnalyser | undefined;
  const sent: SentFrame[] = [];
  const counts = { noFace: 0 };
  let identityDeliveredMs: number | null = null;
  let referencesDeliveredMs: number | null = null;
  let error: unknown;
  const stop = () => {
    sender.end();
    void call.close();
  };
  abort.addEventListener('abort', stop, { once: true });
  try {
    abort.throwIfAborted();
    await sender.ready();
    identityDeliveredMs = sampled();
    if (!('coarse' in offered)) referencesDeliveredMs = identityDeliveredMs;
    const { size } = enrolled;
    analyser = await createFrameAnalyser({ pack, identity: offered.identity, codec });
    const wanted = options.pictures ?? availableParallelism() >= CORES_FOR_PICTURES;
    if (wanted && !options.fast && canKeep(pack)) {
      keeper = await PictureKeeper.open({ pack, codec, port: sender, analyser, size });
    }
    const streamed = { ...source, analyser, keeper };
    await sendFrames(options, streamed, sender, sent, counts, () => call.wire.sentBytes);
  } catch (reason) {
    error = abort.aborted ? abort.reason : forUser(reason);
  }
  const first = enrolled.nextIndex;
  sender.end({ fps: clip.fps, firstFrame: first });
  if (error === undefined) {
    await sender.closed().catch((reason) => {
      error = reason;
    });
    if (abort.aborted) error = abort.reason;
  }
  abort.removeEventListener('abort', stop);
  await keeper?.close();
  await analyser?.close();
  const log = wire.finish();
  await call.close();
  const stats = sender.getStats();
  return {
    error,
    log: {
      clip: options.clip,
      tracker: source.tracker.name,
      fps: clip.fps,
      framesSent: stats.framesSent,
      frames: sent,
      identityBytes: stats.identityBytes,
      motionBytes: stats.motionBytes,
      pictureBytes: stats.pictureBytes,
      controlBytes: stats.controlBytes,
      wire: log,
      link: linkLog(options.link, call),
      peerJoinedMs,
      connectedMs,
      identityDeliveredMs,
      referencesDeliveredMs,
      noFaceFrames: counts.noFace,
      startedMs,
      endedMs: callClock(),
      size: enrolled.size,
      references: enrolled.referenceCount,
      preset: options.preset,
      bundle: stats.rate.framesPerPacket,
      rate: stats.rate,
    },
  };
}

/** A receiver in a page may show less than this clip has. */
function forUser(reason: unknown): unknown {
  if (!(reason instanceof CallError) || reason.code !== 'unsupported-size') return reason;
  const [size] = STREAM_SIZES;
  const message = `the receiver shows at most ${size}×${size} pixels: give --size ${size}`;
  return new UserError(message, { cause: reason });
}

async function sendFrames(
  { fast, writer, abort, reporter }: SenderRunOptions,
  { clip, frames, tracker, enrolled, analyser, keeper }: Streamed,
  sender: CallSender,
  sent: SentFrame[],
  counts: { noFace: number },
  wireBytes: () => number,
): Promise<void> {
  const { crop, nextIndex, size } = enrolled;
  const intervalMs = 1000 / clip.fps;
  const startMs = callClock();
  const clock = new ClipClock(startMs, intervalMs);
  const startBytes = wireBytes();
  let { face } = enrolled;
  let bundled: SentFrame[] = [];
  let next = frames.next();
  for (let index = nextIndex; ; index++) {
    const { value: picture, done } = await next;
    if (done) break;
    // The next picture is decoded while this one is tracked. Its failure is met at the next turn.
    next = frames.next();
    next.catch(() => undefined);
    const dueMs = clock.dueMs(index - nextIndex);
    if (fast) await sender.room(UNPACED_WINDOW);
    else if (dueMs > callClock()) await sleep(dueMs - callClock(), undefined, { signal: abort });
    abort.throwIfAborted();
    const captureMs = callClock();
    const faces = await tracker.track(picture);
    const found = continueFace(faces, face);
    const trackMs = callClock();
    face = found ?? face;
    const square = found ? crop.follow(found.landmarks) : crop.square;
    if (!found) counts.noFace++;
    const landmarks = found && toCropUnits(found.landmarks, square);
    const geometry = landmarks && (await analyser.analyse(picture, square, landmarks));
    const left = sender.sendFrame(
      keeper ? keeper.toSend(geometry) : geometry,
      fast ? dueMs : clock.captureMs(index - nextIndex, captureMs),
    );
    const encodeMs = callClock();
    bundled.push({ index, captureMs, trackMs, encodeMs, sentMs: encodeMs });
    if (left) {
      for (const frame of bundled) sent.push({ ...frame, sentMs: encodeMs });
      bundled = [];
    }
    const busy = captureMs > dueMs + intervalMs;
    await keeper?.watch({ picture, square, faces, geometry, nowMs: captureMs, busy });
    await writer?.write(index, resampleSquare(picture, square, size));
    const seconds = (callClock() - startMs) / 1000;
    const count = index + 1 - nextIndex;
    const kbps = (((wireBytes() - startBytes) * 8) / 1000 / Math.max(seconds, 0.001)).toFixed(1);
    const rate = (count / Math.max(seconds, 0.001)).toFixed(1);
    reporter.progress({
      done: count,
      ...(clip.frameCount !== undefined && { total: clip.frameCount - nextIndex }),
      detail: fast ? `${rate} fps` : `${rate} fps  wire ${kbps} kbps`,
    });
  }
  for (const frame of bundled) sent.push({ ...frame, sentMs: callClock() });
  reporter.finish();
  if (sent.length === 0) {
    throw new CallError('empty', 'the clip ends with the enrolment: give a longer clip');
  }
}
