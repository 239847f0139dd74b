import type { Landmarks } from '../../src/geometry/landmarks.js';
import type { Picture } from '../../src/geometry/picture.js';
import { whole } from '../../src/geometry/resample.js';
import type { FaceDecoder } from '../../src/models/decoder.js';
import { createFrameModel } from '../../src/models/frame-model.js';
import { createNodePictureCodec } from '../../src/models/picture-codec-node.js';
import { parseIdentity } from '../../src/protocol/identity.js';
import { MAX_REFERENCE_SIDE } from '../../src/protocol/limits.js';
import { MAX_VALUE } from '../../src/protocol/motion-codec.js';
import { MotionDepacketizer } from '../../src/protocol/motion-depacketizer.js';
import { MotionPacketizer } from '../../src/protocol/motion-packetizer.js';
import {
  DEFAULT_FRAMES_PER_PACKET,
  DEFAULT_INDEPENDENT_INTERVAL,
  DEFAULT_QUANTISER,
} from '../../src/sender/defaults.js';
import { createFrameAnalyser } from '../../src/sender/frame-analyser-node.js';
import type { Candidate } from './candidates.js';
import type { MotionTraffic } from './wire.js';

/** A picture that a decoder showed. */
export interface Shown {
  readonly picture: Picture;
  /** Milliseconds that `decode` took; undefined where the picture before was held. */
  readonly decodeMs: number | undefined;
}

/** One decoder with a codec of its own: landmarks in, motion bytes between, pictures out. */
export interface Lane {
  /**
   * Takes the next frame (crop units; undefined: no face) with the picture that the codec sees, and
   * gives the pictures that it completes.
   */
  push(landmarks: Landmarks | undefined, crop: Picture): Promise<Shown[]>;
  /** The pictures of the frames that still wait for their bundle to be full. */
  flush(): Promise<Shown[]>;
  /** What was sent so far. */
  readonly traffic: MotionTraffic;
  /** Milliseconds that it took to make that of landmarks and pictures. */
  readonly encodeMs: number;
  close(): Promise<void>;
}

/** Opens a decoder and gives it a person (bytes of `encodeIdentity`); one that cannot be read is an Error. */
export async function openDecoder(candidate: Candidate, identityBytes: Uint8Array) {
  const parsed = parseIdentity(identityBytes);
  if (!parsed.ok) throw new Error(`the identity cannot be read: ${parsed.drop}`);
  const { value: identity } = parsed;
  const codec = createNodePictureCodec();
  const references = await Promise.all(
    identity.references.map(async ({ picture, landmarks }) => ({
      picture: await codec.decode(picture, MAX_REFERENCE_SIDE),
      landmarks,
    })),
  );
  const decoder: FaceDecoder = await candidate.create();
  await decoder.setIdentity({ ...identity, references });
  return { decoder, identity };
}

/**
 * Opens a decoder for a person (bytes of `encodeIdentity`), as the two sessions would, without their
 * network: every message arrives, in order and at once. The person's reference is on show before the
 * first frame. An identity that cannot be read is an Error.
 */
export async function openLane(
  candidate: Candidate,
  identityBytes: Uint8Array,
  fps: number,
): Promise<Lane> {
  const { pack } = candidate;
  const { decoder, identity } = await openDecoder(candidate, identityBytes);
  // The receiver shows the first reference while it waits, which also warms the decoder up.
  let picture = await decoder.decode(identity.references[0].landmarks);

  const frameIntervalMs = 1000 / fps;
  const sender = createFrameModel(pack, identity.neutral);
  const receiver = createFrameModel(pack, identity.neutral);
  const codec = createNodePictureCodec();
  const analyser = await createFrameAnalyser({ pack, identity: identityBytes, codec });
  const packetizer = new MotionPacketizer({
    tables: pack.tables,
    framesPerPacket: DEFAULT_FRAMES_PER_PACKET,
    redundancy: 0,
    quantiser: DEFAULT_QUANTISER,
    independentInterval: DEFAULT_INDEPENDENT_INTERVAL,
    frameIntervalMs,
  });
  const depacketizer = new MotionDepacketizer(pack.tables, frameIntervalMs);
  let bytes = 0;
  let messages = 0;
  let encodeMs = 0;
  const now = () => packetizer.sequence * frameIntervalMs;

  async function receive(message: Uint8Array | undefined): Promise<Shown[]> {
    if (!message) return [];
    bytes += message.length;
    messages++;
    const shown: Shown[] = [];
    for (const { state } of depacketizer.receive(message, now())) {
      let decodeMs: number | undefined;
      if (state.facePresent) {
        const geometry = receiver.reconstruct(state.values, state.quantiser);
        const started = performance.now();
        picture = await decoder.decode(geometry);
        decodeMs = performance.now() - started;
      }
      shown.push({ picture, decodeMs });
    }
    const [drop] = depacketizer.takeDrops();
    if (drop) throw new Error(`${candidate.name}: its own motion was dropped: ${drop}`);
    return shown;
  }

  return {
    async push(face, crop) {
      const started = performance.now();
      const landmarks = face && (await analyser.analyse(crop, whole(crop), face));
      const { base, predicted } = packetizer.next;
      const reference = predicted ? base.values : undefined;
      const values = landmarks && sender.quantise(landmarks, reference, base.quantiser, MAX_VALUE);
      const message = packetizer.add(values, now());
      encodeMs += performance.now() - started;
      return receive(message);
    },
    flush: () => receive(packetizer.flush()),
    get traffic() {
      return { bytes, messages, frames: packetizer.sequence, fps };
    },
    get encodeMs() {
      return encodeMs;
    },
    async close() {
      await Promise.all([decoder.close(), analyser.close()]);
    },
  };
}
