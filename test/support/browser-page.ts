/** What test/browser.test.ts does in a page. */
import {
  adaptDataChannels,
  createBrowserPictureCodec,
  createDataChannels,
  fetchPack,
} from '../../src/browser.js';
import type { Landmarks } from '../../src/geometry/landmarks.js';
import {
  CallReceiver,
  CallSender,
  callClock,
  createDecoder,
  enrol,
  toCropUnits,
} from '../../src/index.js';
import { syntheticFace } from '../synthetic-face.js';
import { drawFace, MOUTH, openMouth } from './drawn-face.js';

/** Frames at rest, then with the mouth open, then at rest again. */
export const PHASE_FRAMES = 20;
/** Frames on their way at most: the fewest that `room` allows. */
const WINDOW = 28;

/** What was on the canvas at the end of each phase: the mouth, and the forehead beside it. */
export interface SelfCallResult {
  readonly origins: string[];
  readonly mouths: number[][];
  readonly foreheads: number[][];
  readonly referenceCount: number;
  /** What `room` says to a window that would never open. */
  readonly tooFew: unknown;
}

/** A call from the page to itself, over two connections, by sessions of its own. */
export async function selfCall(): Promise<SelfCallResult> {
  const pack = await fetchPack('packs/warp');
  const pictureCodec = createBrowserPictureCodec();
  const rest = syntheticFace();
  const phases = [rest, openMouth(rest, 12), rest];
  const { identity, crop, referenceCount } = await enrol(
    [rest, openMouth(rest, 1)].map((landmarks) => ({ landmarks, picture: drawFace(landmarks) })),
    { size: 256, references: 2, codec: pictureCodec },
  );
  const [ours, theirs] = [new RTCPeerConnection(), new RTCPeerConnection()];
  const [outward, inward] = [ours, theirs].map((connection) =>
    adaptDataChannels(createDataChannels(connection)),
  );
  await connect(ours, theirs);
  await Promise.all([outward.opened, inward.opened]);

  const canvas = document.querySelector('canvas')!;
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  const origins: string[] = [];
  const mouths: number[][] = [];
  const foreheads: number[][] = [];
  const pixels = (x: number, y: number, width: number, height: number) => [
    ...context.getImageData(x, y, width, height).data,
  ];
  const receiver = new CallReceiver({
    channels: inward.channels,
    pack,
    maxSize: 256,
    decoder: createDecoder(pack),
    pictureCodec,
    onFrame: ({ origin, picture }) => {
      origins.push(origin);
      if (!picture) return;
      context.putImageData(new ImageData(picture.data, picture.width, picture.height), 0, 0);
      if (origins.length % PHASE_FRAMES !== 0) return;
      mouths.push(pixels(MOUTH.x, MOUTH.y, MOUTH.width, MOUTH.height));
      foreheads.push(pixels(110, 65, 36, 10));
    },
  });
  // As fast as it goes: what a slow machine cannot show in time would be concealed else.
  const stream = { fps: 25, framesPerPacket: 1, redundancy: 0, unpaced: true };
  const sender = new CallSender({ channels: outward.channels, pack, identity, ...stream });
  await sender.ready();
  const tooFew = await sender.room(WINDOW - 1).catch(String);
  for (const [i, face] of phases.flatMap((phase) => Array(PHASE_FRAMES).fill(phase)).entries()) {
    await sender.room(WINDOW);
    sender.sendFrame(toCropUnits(face as Landmarks, crop.square), callClock() + 40 * i);
  }
  sender.end();
  await receiver.ended();
  ours.close();
  theirs.close();
  return { origins, mouths, foreheads, referenceCount, tooFew };
}

async function connect(ours: RTCPeerConnection, theirs: RTCPeerConnection): Promise<void> {
  ours.onicecandidate = ({ candidate }) => candidate && void theirs.addIceCandidate(candidate);
  theirs.onicecandidate = ({ candidate }) => candidate && void ours.addIceCandidate(candidate);
  await ours.setLocalDescription();
  await theirs.setRemoteDescription(ours.localDescription!);
  await theirs.setLocalDescription();
  await ours.setRemoteDescription(theirs.localDescription!);
}

/** How a pack fails that is not at the URL. */
export function missingPack(): Promise<string> {
  return fetchPack('packs/nothing').then(() => 'no error', String);
}
