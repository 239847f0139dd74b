import type { Landmarks } from '../../src/geometry/landmarks.js';
import type { Picture } from '../../src/geometry/picture.js';
import { whole } from '../../src/geometry/resample.js';
import type { Pack } from '../../src/models/pack.js';
import { createNodePictureCodec } from '../../src/models/picture-codec-node.js';
import type { StreamSize } from '../../src/protocol/limits.js';
import { createFrameAnalyser } from '../../src/sender/frame-analyser-node.js';
import { CHROMIUM_WIRE } from '../../src/sender/rate-model.js';
import type { RatePreset } from '../../src/sender/rate-presets.js';
import { createSimulatedCall, type SimulatedCall } from '../../test/support/simulated-call.js';
import type { Candidate } from '../quality/candidates.js';
import { openDecoder } from '../quality/lane.js';
import type { MessageTraffic } from './wire-rates.js';

/** Seconds in which rate control settles; the pass that is measured comes after. */
const SETTLE_SECONDS = 12;
/** The call's time when the first frame is sent, in milliseconds. */
const START_MS = 1000;

export interface PresetOptions {
  readonly pack: Pack;
  /** Bytes of `encodeIdentity`. */
  readonly identity: Uint8Array;
  readonly size: StreamSize;
  readonly fps: number;
  readonly preset: RatePreset;
  /** What is sent of each frame of the clip. */
  readonly geometry: readonly (Landmarks | undefined)[];
}

/** A frame on its way into the codec. */
export interface AnalysedFrame {
  readonly picture: Picture;
  /** Crop units; undefined: no face. */
  readonly landmarks: Landmarks | undefined;
}

/** What the sender says of frames, one after the other, beyond what its tracker found. */
export async function createAnalysis(pack: Pack, identity: Uint8Array) {
  const analyser = await createFrameAnalyser({ pack, identity, codec: createNodePictureCodec() });
  return async ({ picture, landmarks }: AnalysedFrame): Promise<Landmarks | undefined> =>
    landmarks && (await analyser.analyse(picture, whole(picture), landmarks));
}

/**
 * Plays a clip forth and back between two sessions with a preset, in virtual time and without loss, until rate
 * control has settled, and then once more: what was on show for each of its frames then, and what was sent.
 */
export function playPreset({ pack, identity, size, fps, preset, geometry }: PresetOptions): {
  readonly shown: readonly (Landmarks | undefined)[];
  readonly traffic: MessageTraffic;
} {
  const call = createSimulatedCall({
    sender: { pack, identity, fps, preset, wire: CHROMIUM_WIRE },
    receiver: { pack, maxSize: size },
  });
  call.connect();
  call.run(START_MS);
  const count = geometry.length;
  const turn = Math.max(1, 2 * count - 2);
  const before = Math.ceil((SETTLE_SECONDS * fps) / turn) * turn;
  call.stream(before + count, (number) => {
    const at = number % turn;
    return geometry[at < count ? at : turn - at];
  });
  call.hangUp();
  return { shown: onShow(call, before, count), traffic: trafficOf(call, before, count, fps) };
}

/** Geometry on show for frames `first` to `first + count`: that of the frame before where none came. */
function onShow(call: SimulatedCall, first: number, count: number) {
  const byNumber = new Map<number, Landmarks>();
  for (const { sequence, landmarks } of call.shown) {
    if (landmarks) byNumber.set(sequence, landmarks);
  }
  let last: Landmarks | undefined;
  return Array.from({ length: count }, (_, at) => {
    last = byNumber.get(first + at) ?? last;
    return last;
  });
}

function trafficOf(call: SimulatedCall, first: number, count: number, fps: number): MessageTraffic {
  const from = START_MS + (first * 1000) / fps;
  const to = from + (count * 1000) / fps;
  const messages = (direction: 'forward' | 'backward') =>
    call.sent
      .filter((each) => each.channel === 'motion' && each.direction === direction)
      .filter(({ atMs }) => atMs >= from && atMs < to)
      .map(({ bytes }) => bytes);
  return { forward: messages('forward'), back: messages('backward'), seconds: (to - from) / 1000 };
}

/** What a decoder makes of the geometry on show, for the frames at `ordinals`. */
export async function decodePreset(
  candidate: Candidate,
  identity: Uint8Array,
  shown: readonly (Landmarks | undefined)[],
  ordinals: readonly number[],
): Promise<Picture[]> {
  const { decoder, identity: person } = await openDecoder(candidate, identity);
  try {
    const pictures: Picture[] = [];
    for (const at of ordinals) {
      pictures.push(await decoder.decode(shown[at] ?? person.references[0].landmarks));
    }
    return pictures;
  } finally {
    await decoder.close();
  }
}
