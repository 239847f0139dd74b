import { CallPictures } from '../../src/call-pictures.js';
import type { Picture } from '../../src/geometry/picture.js';
import { resampleSquare } from '../../src/geometry/resample.js';
import { createDecoder } from '../../src/models/families/index.js';
import type { Pack } from '../../src/models/pack.js';
import { createNodePictureCodec } from '../../src/models/picture-codec-node.js';
import { toCropUnits } from '../../src/sender/crop.js';
import { enrol } from '../../src/sender/enrolment.js';
import { continueFace } from '../../src/sender/face-distance.js';
import { createFrameAnalyser } from '../../src/sender/frame-analyser.js';
import { PictureKeeper, type PictureKeeperStats } from '../../src/sender/picture-keeper.js';
import type { FaceTracker, TrackedFace } from '../../src/sender/tracker.js';
import { createSimulatedCall } from '../../test/support/simulated-call.js';

/** A picture that the receiver showed. */
export interface SeenFrame {
  /** Number of the camera's picture, and when it was captured, by the call's clock. */
  readonly index: number;
  readonly capturedMs: number;
  readonly shownMs: number;
  /** The camera's, as the codec sees it. */
  readonly source: Picture;
  readonly shown: Picture;
}

export interface WatchedCallOptions {
  readonly pack: Pack;
  readonly tracker: FaceTracker;
  /** The camera's pictures, of one size. */
  readonly frames: AsyncIterable<Picture>;
  readonly fps: number;
  /** Frames that the person is enrolled from, at the beginning. */
  readonly enrolment: number;
  /** For `SenderSessionOptions`: of motion and pictures, bits a second on the wire. */
  readonly maxBitrateBps: number;
  /** Without a keeper, for comparison: false. */
  readonly watched?: boolean;
  /** For `PictureKeeperOptions.now`. */
  readonly now?: () => number;
  readonly onFrame: (frame: SeenFrame) => Promise<void> | void;
  /** Told what the keeper has done so far, picture by picture. */
  readonly onLook?: (index: number, stats: PictureKeeperStats) => void;
}

export interface WatchedCall {
  /** Bits a second on the wire, forwards: messages with 93 bytes around each. */
  readonly wireBps: number;
  readonly stats: PictureKeeperStats | undefined;
}

const SIZE = 256;
const REFERENCES = 4;
const MESSAGE_OVERHEAD_BYTES = 93;

/**
 * A clip through a whole call in virtual time, 20 ms one way and nothing lost: tracker, analyser, keeper,
 * sessions, and a decoder without its network. Coding and decoding take no time of the call's.
 */
export async function watchedCall(options: WatchedCallOptions): Promise<WatchedCall> {
  const {
    pack,
    tracker,
    fps,
    enrolment,
    maxBitrateBps,
    watched = true,
    now,
    onFrame,
    onLook,
  } = options;
  const codec = createNodePictureCodec();
  const frames = options.frames[Symbol.asyncIterator]();
  const first: { picture: Picture; landmarks: Float32Array }[] = [];
  let face: TrackedFace | undefined;
  for (let index = 0; index < enrolment; index++) {
    const { value: picture, done } = await frames.next();
    if (done) throw new Error('the clip ends with the enrolment');
    const faces = await tracker.track(picture);
    face = (face && continueFace(faces, face)) ?? faces[0] ?? face;
    if (face && faces.length > 0 && index % 2 === 0) {
      first.push({ picture, landmarks: face.landmarks.slice() });
    }
  }
  const { crop, identity } = await enrol(first, { size: SIZE, references: REFERENCES, codec });
  const call = createSimulatedCall({
    sender: { pack, identity, fps, maxBitrateBps },
    receiver: { pack, maxSize: 512 },
    // It is used below, once the decoder has it.
    onIdentity: () => undefined,
  });
  const { sender, receiver } = call;
  const decoder = createDecoder(pack);
  const pictures = new CallPictures(
    {
      channels: undefined as never,
      pack,
      maxSize: 512,
      decoder,
      pictureCodec: codec,
      onFrame: () => undefined,
    },
    receiver,
  );
  for (let step = 0; step < 200 && !receiver.offeredIdentity; step++) call.run(call.now + 20);
  const offered = receiver.offeredIdentity!;
  await pictures.setIdentity(offered);
  receiver.useIdentity(offered);
  call.connect();
  const analyser = await createFrameAnalyser({ pack, identity, codec });
  const { pictures: port } = sender;
  const keeper = watched
    ? await PictureKeeper.open({
        pack,
        codec,
        analyser,
        size: SIZE,
        ...(now && { now }),
        port: {
          get pictureBps() {
            return port.bps;
          },
          get urgentPictureBps() {
            return sender.urgentPictureBps;
          },
          get takesPictures() {
            return port.open;
          },
          get picturesPending() {
            return port.pending;
          },
          get references() {
            return port.references;
          },
          sendReference: (reference) => port.sendReference(reference),
          showPlaces: (places) => port.showPlaces(places),
          sendPicture: (picture) => port.sendPicture(picture),
        },
      })
    : undefined;
  const sources: { readonly capturedMs: number; readonly source: Picture }[] = [];
  const startMs = call.now;
  const startSent = call.sent.length;
  let shownCount = call.shown.length;
  let onShow: Picture | undefined;
  for (let index = 0; ; index++) {
    const { value: picture, done } = await frames.next();
    if (done) break;
    const faces = await tracker.track(picture);
    const found = face && continueFace(faces, face);
    face = found ?? face;
    const square = found ? crop.follow(found.landmarks) : crop.square;
    const geometry =
      found && (await analyser.analyse(picture, square, toCropUnits(found.landmarks, square)));
    sources.push({ capturedMs: call.now, source: resampleSquare(picture, square, SIZE) });
    sender.sendFrame(keeper ? keeper.toSend(geometry) : geometry, call.now);
    await keeper?.watch({ picture, square, faces, geometry, nowMs: call.now });
    await keeper?.settled();
    if (keeper) onLook?.(index, keeper.getStats());
    call.run(startMs + ((index + 1) * 1000) / fps);
    for (let next = receiver.pictures.offered; next; next = receiver.pictures.offered) {
      await pictures.take(next);
    }
    for (const frame of call.shown.slice(shownCount)) {
      const still = frame.still && pictures.show(frame.still);
      onShow = still ?? (frame.landmarks ? await decoder.decode(frame.landmarks) : onShow);
      const source = sources[frame.sequence];
      if (!source || !onShow) continue;
      await onFrame({ index: frame.sequence, ...source, shownMs: frame.atMs, shown: onShow });
    }
    shownCount = call.shown.length;
    for (let report = port.nextReport(); report; report = port.nextReport()) {
      keeper?.report(report, call.now);
    }
  }
  const sent = call.sent.slice(startSent).filter(({ direction }) => direction === 'forward');
  const bytes = sent.reduce((sum, message) => sum + message.bytes + MESSAGE_OVERHEAD_BYTES, 0);
  const stats = keeper?.getStats();
  await keeper?.close();
  await decoder.close();
  return { wireBps: (8000 * bytes) / (call.now - startMs), stats };
}
