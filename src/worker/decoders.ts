import type { FaceDecoder } from '../models/decoder.js';
import { createDecoder } from '../models/families/index.js';
import { loadRuntime, type Runtime, RuntimeError } from '../models/inference-web.js';
import type { Pack } from '../models/pack.js';
import type { ReceiverSettings } from './messages.js';

/** A decoder, and what runs its network. */
export interface ChosenDecoder {
  readonly decoder: FaceDecoder;
  readonly runtime: 'webgpu' | 'wasm' | 'warp';
  /** Threads of the network; 0 without one. */
  readonly threads: number;
  /** A sentence: why this one. */
  readonly reason: string;
}

/** Threads of a network at most: four make a frame in a third of one thread's time, more gain little. */
const MAX_THREADS = 4;
/** Of the receiver's time, what the network may take: the rest is for warping, and for the call's other half. */
const NETWORK_BUDGET = 0.6;

/**
 * Chooses what decodes: networks on WebGPU where there is an adapter, else in WebAssembly, else the warped
 * references without a network. Rejects where the settings ask for one that cannot be.
 */
export async function chooseDecoder(
  { assets, decoder: choice }: ReceiverSettings,
  pack: Pack,
): Promise<ChosenDecoder> {
  const warp = (reason: string): ChosenDecoder => ({
    decoder: createDecoder(pack),
    runtime: 'warp',
    threads: 0,
    reason,
  });
  if (choice === 'warp') return warp('the application asks for warp');
  if (Object.keys(pack.networks).length === 0)
    return warp(`the pack ${pack.identity.name} has no network`);
  let runtime: Runtime;
  try {
    runtime = await loadRuntime({
      assets: new URL(assets),
      prefer: choice,
      threads: Math.min(MAX_THREADS, navigator.hardwareConcurrency),
    });
  } catch (error) {
    if (choice !== 'auto') throw error;
    return warp(`no network can be run: ${(error as Error).message}`);
  }
  const { open, ...chosen } = runtime;
  if (choice === 'webgpu' && chosen.runtime !== choice) throw new RuntimeError(chosen.reason);
  return { decoder: createDecoder(pack, open, { networkBudget: NETWORK_BUDGET }), ...chosen };
}
