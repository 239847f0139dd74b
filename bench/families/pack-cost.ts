import type { Landmarks } from '../../src/geometry/landmarks.js';
import type { DecoderIdentity } from '../../src/models/decoder.js';
import { createDecoder } from '../../src/models/families/index.js';
import type { OpenSession } from '../../src/models/inference.js';
import type { Pack } from '../../src/models/pack.js';
import { countMacs, countParameters } from './graph-cost.js';
import { type RecordedRun, recordRuns } from './recorded-open.js';

/** What a pack's networks hold, and what they take at the receiver. */
export interface PackCost {
  /** Bytes of its files. */
  readonly packBytes: number;
  /** Numbers in the weights of all its networks, the sender's too. */
  readonly parameters: number;
  /** Floating-point operations (two a multiply-accumulate; convolutions and matrix products alone), 10⁹. */
  readonly enrolmentGflop: number;
  readonly frameGflop: number;
  /** The sender's part of a frame, tracker not counted. */
  readonly senderGflop: number;
}

const FLOP_PER_MAC = 2;

/** Floating-point operations of runs, 10⁹. */
export async function gflopOf(runs: readonly RecordedRun[]): Promise<number> {
  let macs = 0;
  const known = new Map<string, number>();
  const graphs = new Map<Uint8Array, number>();
  for (const { graph, inputs } of runs) {
    if (!graphs.has(graph)) graphs.set(graph, graphs.size);
    // Parts of a picture are alike.
    const key = `${graphs.get(graph)} ${JSON.stringify(inputs)}`;
    if (!known.has(key)) {
      const counts = Object.values(await countMacs(graph, inputs));
      known.set(
        key,
        counts.reduce((sum, count) => sum + count, 0),
      );
    }
    macs += known.get(key)!;
  }
  return (FLOP_PER_MAC * macs) / 1e9;
}

/**
 * Counts what a pack takes for a person and a frame; `senderRuns` are those of its analyser for one frame. Rejects where an
 * operator's multiplications are not known.
 */
export async function packCost(
  pack: Pack,
  identity: DecoderIdentity,
  geometry: Landmarks,
  senderRuns: readonly RecordedRun[],
  open: OpenSession,
): Promise<PackCost> {
  const recorded = recordRuns(open);
  const decoder = createDecoder(pack, recorded.open);
  try {
    await decoder.setIdentity(identity);
    const enrolment = recorded.take();
    await decoder.decode(geometry);
    const frame = recorded.take();
    const networks = Object.values(pack.networks);
    const files = Object.values(pack.manifest.files);
    return {
      packBytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      parameters: networks.reduce((sum, graph) => sum + countParameters(graph), 0),
      enrolmentGflop: await gflopOf(enrolment),
      frameGflop: await gflopOf(frame),
      senderGflop: await gflopOf(senderRuns),
    };
  } finally {
    await decoder.close();
  }
}
