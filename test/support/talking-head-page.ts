/** What the tests of TalkingHeadSender and TalkingHeadReceiver do in a page: it calls itself. */
import {
  type SavedEnrolment,
  TalkingHeadReceiver,
  type TalkingHeadReceiverOptions,
  type TalkingHeadReceiverStats,
  TalkingHeadSender,
  type TalkingHeadSenderOptions,
  type TalkingHeadSenderStats,
} from '../../src/browser.js';
import { connectEnds, createEnds, type End, openCamera } from './talking-head-ends.js';

export * from './talking-head-refusals.js';

/** A talking head from one end to the other. */
interface Head {
  readonly sender: TalkingHeadSender;
  readonly receiver: TalkingHeadReceiver;
  readonly video: HTMLVideoElement;
}

/** An event: who dispatched it, its name, what it says. */
export type Logged = [who: 'sender' | 'receiver', type: string, detail: unknown];

type SenderSettings = Partial<Omit<TalkingHeadSenderOptions, 'track' | 'connection' | 'channels'>>;
type ReceiverSettings = Partial<Omit<TalkingHeadReceiverOptions, 'connection' | 'channels'>>;

/** What a call is to be. */
export interface CallSettings {
  readonly sender?: SenderSettings;
  readonly receiver?: ReceiverSettings;
  /** The other end sends its head too, to be shown so. */
  readonly backward?: ReceiverSettings;
  /** One worker for all, of all such calls of the page; else each has its own. */
  readonly shared?: boolean;
  /** The enrolment that an earlier call has left. */
  readonly resume?: boolean;
  /** When the ends are connected: before all is created (default), after it, or when the person is enrolled. */
  readonly connect?: 'before' | 'after' | 'when-enrolled';
}

/** Both videos at one moment. */
export interface Shot {
  readonly ms: number;
  /** JPEG, base64. */
  readonly source: string;
  readonly shown: string;
}

const log: Logged[] = [];
/** Clones, and what was shown. */
const made: MediaStreamTrack[] = [];
let heads: Head[] = [];
let ends: [End, End];
let grey: MediaStreamTrack | undefined;
let saved: SavedEnrolment | undefined;
let sharedWorker: Worker | undefined;

/** A wait that is not over by then is in vain. */
const LIMIT_MS = 30_000;

async function wait(what: string, isOver: () => boolean): Promise<void> {
  const startMs = performance.now();
  while (!isOver()) {
    if (performance.now() - startMs > LIMIT_MS) {
      throw new Error(`waited in vain for ${what}: ${JSON.stringify([await states(), log])}`);
    }
    await sleep(20);
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

function play(stream: MediaStream): HTMLVideoElement {
  const video = document.createElement('video');
  Object.assign(video, { muted: true, srcObject: stream });
  document.body.append(video);
  video.play().catch(() => undefined);
  return video;
}

/** Starts a call, and the log anew. */
export async function startCall(settings: CallSettings = {}): Promise<void> {
  const { sender, receiver, backward, shared, resume, connect = 'before' } = settings;
  log.length = 0;
  heads = [];
  const track = await openCamera();
  track.clone = () => {
    const clone = MediaStreamTrack.prototype.clone.call(track);
    made.push(clone);
    return clone;
  };
  ends = createEnds();
  const [caller, callee] = ends;
  if (connect === 'before') await connectEnds(ends);
  if (shared) sharedWorker ??= new Worker('visavis/visavis-worker.js', { type: 'module' });
  const worker = shared ? { worker: sharedWorker! } : {};
  const enrolment = resume ? { enrolment: saved! } : {};
  const create = async (from: End, to: End, shownAs?: ReceiverSettings): Promise<Head> => {
    const { connection } = to;
    const [outgoing, incoming] = [from.channels.outgoing, to.channels.incoming];
    const created = await Promise.all([
      TalkingHeadSender.create({
        track,
        ...from,
        channels: outgoing,
        ...worker,
        ...enrolment,
        ...sender,
      }).then((made) => record('sender', made, 'statechange', 'enrolment', 'enrolled', 'face')),
      TalkingHeadReceiver.create({ connection, channels: incoming, ...worker, ...shownAs }).then(
        (made) => record('receiver', made, 'statechange', 'identity', 'refused'),
      ),
    ]);
    made.push(created[1].track);
    const video = play(new MediaStream([created[1].track]));
    return { sender: created[0], receiver: created[1], video };
  };
  heads.push(await create(caller, callee, receiver));
  if (backward) heads.push(await create(callee, caller, backward));
  if (connect === 'when-enrolled') await until('connecting', 'connecting');
  if (connect !== 'before') await connectEnds(ends);
}

function record<T extends EventTarget>(who: Logged[0], target: T, ...names: string[]): T {
  for (const name of names) {
    target.addEventListener(name, (event) => {
      const { detail } = event as CustomEvent;
      if (name === 'enrolled') saved = detail.enrolment;
      log.push([who, name, name === 'enrolled' ? Object.keys(detail.enrolment).sort() : detail]);
    });
  }
  return target;
}

/** The events of the call so far. */
export const events = async (): Promise<Logged[]> => log;

/** Resolves when all heads have these states. */
export async function until(sender: string, receiver: string): Promise<void> {
  const isThere = (head: Head) => head.sender.state === sender && head.receiver.state === receiver;
  await wait(`${sender} and ${receiver}`, () => heads.every(isThere));
}

/** Resolves when there is such an event. */
export async function untilEvent(type: string, detail: unknown): Promise<void> {
  const text = JSON.stringify([type, detail]);
  await wait(text, () => log.some(([, ...event]) => JSON.stringify(event) === text));
}

/** Resolves when so many more pictures have been shown on each video. */
export async function shown(count: number): Promise<void> {
  const counts = heads.map(() => 0);
  heads.forEach(({ video }, i) => {
    const next = () => {
      counts[i]++;
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
  });
  await wait(`${count} pictures`, () => counts.every((each) => each >= count));
}

/** States of each head's sender and receiver. */
export const states = async (): Promise<string[][]> =>
  heads.map(({ sender, receiver }) => [sender.state, receiver.state]);

export const stats = (): Promise<[TalkingHeadSenderStats, TalkingHeadReceiverStats][]> =>
  Promise.all(
    heads.map(({ sender, receiver }) => Promise.all([sender.getStats(), receiver.getStats()])),
  );

/** Gives the senders another track: nothing but grey, or the camera's again. */
export async function replaceTrack(by: 'grey' | 'camera'): Promise<void> {
  grey ??= greyTrack();
  const track = by === 'grey' ? grey : await openCamera();
  for (const { sender } of heads) await sender.replaceTrack(track);
}

function greyTrack(): MediaStreamTrack {
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d')!;
  setInterval(() => {
    context.fillStyle = 'grey';
    context.fillRect(0, 0, canvas.width, canvas.height);
  }, 40);
  return canvas.captureStream().getVideoTracks()[0];
}

/** Closes one side of the heads, twice. */
export async function close(who: 'sender' | 'receiver'): Promise<void> {
  for (const head of heads) await Promise.all([head[who].close(), head[who].close()]);
}

export async function closeConnection(which: 0 | 1): Promise<void> {
  ends[which].connection.close();
}

/** What the objects of a closed call say. */
export async function afterClose(): Promise<Record<string, unknown>> {
  const [{ sender, receiver }] = heads;
  const { control, motion } = ends[0].channels.outgoing;
  return {
    states: [sender.state, receiver.state],
    senderStats: await sender.getStats().catch(String),
    receiverStats: await receiver.getStats().catch(String),
    replaceTrack: await sender.replaceTrack(await openCamera()).catch(String),
    shown: receiver.track.readyState,
    channels: [control.readyState, motion.readyState],
  };
}

/** Terminates the shared worker under a call; what `getStats` says then, and the states when it was closed. */
export async function terminateWorker(): Promise<string[]> {
  sharedWorker!.terminate();
  sharedWorker = undefined;
  const [{ sender, receiver }] = heads;
  const stats = sender.getStats().catch(String);
  await Promise.all([sender.close(), receiver.close()]);
  return [String(await stats), sender.state, receiver.state];
}

/** States of the caller's own tracks. */
export const openTracks = async (): Promise<Record<string, string | undefined>> => ({
  camera: (await openCamera()).readyState,
  ...(grey && { grey: grey.readyState }),
});

/** Ends a call and everything of it but the camera and a shared worker. */
export async function endCall(): Promise<void> {
  await Promise.all(heads.flatMap(({ sender, receiver }) => [sender.close(), receiver.close()]));
  for (const { video } of heads) {
    video.srcObject = null;
    video.remove();
  }
  for (const { connection } of ends) connection.close();
  heads = [];
}

/** How many tracks the calls have made and shown, and how many of them live. */
export const madeTracks = async (): Promise<{ made: number; live: number }> => ({
  made: made.length,
  live: made.filter((track) => track.readyState === 'live').length,
});

/** What each head shows. */
export const stills = (): Promise<string[]> =>
  Promise.all(heads.map(async ({ video }) => jpeg(await createImageBitmap(video))));

/** Films camera and first head for `seconds`, `fps` times a second at most, `height` pixels high. */
export async function film(seconds: number, fps: number, height: number): Promise<Shot[]> {
  const source = play(new MediaStream([await openCamera()]));
  const shown = heads[0].video;
  await wait('videos', () => source.readyState >= 2 && shown.readyState >= 2);
  const taken: { ms: number; pictures: ImageBitmap[] }[] = [];
  const startMs = performance.now();
  for (let ms = 0; ms < seconds * 1000; ms = performance.now() - startMs) {
    const options = { resizeHeight: height };
    const pictures = [source, shown].map((video) => createImageBitmap(video, options));
    taken.push({ ms, pictures: await Promise.all(pictures) });
    await sleep(1000 / fps - (performance.now() - startMs - ms));
  }
  Object.assign(source, { srcObject: null }).remove();
  const shots: Shot[] = [];
  for (const { ms, pictures } of taken) {
    const [source, shown] = await Promise.all(pictures.map(jpeg));
    shots.push({ ms, source, shown });
  }
  return shots;
}

async function jpeg(picture: ImageBitmap): Promise<string> {
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  canvas.getContext('2d')!.drawImage(picture, 0, 0);
  picture.close();
  const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.9 });
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}
