import type { FaceDecoder } from '../models/decoder.js';
import { createDecoder } from '../models/families/index.js';
import { RuntimeError } from '../models/inference-web.js';
import type { Pack } from '../models/pack.js';
import type { ReceiverSettings } from './messages.js';
import { type Networks, openNetworks } from './networks.js';

/** A decoder, and what runs its network. */
export interface ChosenDecoder {
  readonly decoder: FaceDecoder;
  readonly runtime: 'webgpu' | 'wasm' | 'warp';
  /** Threads of the network; 0 without one. */
  readonly threads: number;
  /** A sentence: why this one. */
  readonly reason: string;
}

/** Threads of a network: half of the processor's, and no more than four, beyond which little is gained. */
const MAX_THREADS = 4;
/** Of the time between frames, what the network may take: a frame waits for it, and the picture is to be made yet. */
const NETWORK_BUDGET = 0.7;

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
  let networks: Networks;
  try {
    networks = await openNetworks({
      assets,
      prefer: choice,
      threads: Math.min(MAX_THREADS, Math.ceil(navigator.hardwareConcurrency / 2)),
    });
  } catch (error) {
    if (choice !== 'auto') throw error;
    return warp(`no network can be run: ${(error as Error).message}`);
  }
  const { open, terminate, ...chosen } = networks;
  if (choice === 'webgpu' && chosen.runtime !== choice) {
    terminate();
    throw new RuntimeError(`WebGPU cannot be had: ${chosen.reason}`);
  }
  const decoder = createDecoder(pack, open, {
    networkBudget: NETWORK_BUDGET,
  });
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= decoder.close().finally(terminate);
    return closing;
  };
  return { decoder: { ...decoder, close }, ...chosen };
}
