import type { DecoderOptions, FaceDecoder } from './decoder.js';
import { createDecoder as createAnyDecoder } from './families/index.js';
import { createNodeSession } from './inference-node.js';
import type { Pack } from './pack.js';

/** Threads of one network: what a machine of two cores has. */
const THREADS = 2;

/**
 * A decoder of the pack's family; its networks run with onnxruntime-node on the CPU. PackError where
 * this version does not know the family or the pack lacks a network of it, a TypeError that names a bad option.
 */
export function createDecoder(pack: Pack, options?: DecoderOptions): FaceDecoder {
  return createAnyDecoder(pack, (graph) => createNodeSession(graph, THREADS), options);
}
