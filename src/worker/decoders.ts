import { createDecoder } from '../models/families/index.js';
import { RuntimeError, type RuntimeName } from '../models/inference-web.js';
import type { Pack } from '../models/pack.js';
import { type ChosenDecoder, LastingDecoder } from './lasting-decoder.js';
import type { ReceiverSettings } from './messages.js';
import { openNetworks } from './networks.js';

/** Threads of a network: half of the processor's, and no more than four, beyond which little is gained. */
const MAX_THREADS = 4;
/** Of the time between frames, what the network may take: a frame waits for it, and the picture is to be made yet. */
const NETWORK_BUDGET = 0.7;

/**
 * Chooses what decodes: networks on WebGPU where there is an adapter, else in WebAssembly, else the warped
 * references without a network; in this order it also goes on where one fails later. Rejects where the settings ask
 * for one that cannot be.
 */
export async function chooseDecoder(
  settings: ReceiverSettings,
  pack: Pack,
): Promise<LastingDecoder> {
  return new LastingDecoder(await chooseFirst(settings, pack), {
    warp: (reason) => warp(pack, reason),
    network: ({ runtime }, reason) =>
      runtime === 'webgpu'
        ? withNetworks(settings, pack, 'wasm').then((chosen) => ({ ...chosen, reason }))
        : undefined,
  });
}

async function chooseFirst(settings: ReceiverSettings, pack: Pack): Promise<ChosenDecoder> {
  const { decoder: choice } = settings;
  if (choice === 'warp') return warp(pack, 'the application asks for warp');
  if (Object.keys(pack.networks).length === 0)
    return warp(pack, `the pack ${pack.identity.name} has no network`);
  let chosen: ChosenDecoder;
  try {
    chosen = await withNetworks(settings, pack, choice);
  } catch (error) {
    if (choice !== 'auto') throw error;
    return warp(pack, `no network can be run: ${(error as Error).message}`);
  }
  if (choice === 'webgpu' && chosen.runtime !== choice) {
    chosen.abandon();
    throw new RuntimeError(`WebGPU cannot be had: ${chosen.reason}`);
  }
  return chosen;
}

function warp(pack: Pack, reason: string): ChosenDecoder {
  const decoder = createDecoder(pack);
  return { decoder, runtime: 'warp', threads: 0, reason, abandon: () => void decoder.close() };
}

async function withNetworks(
  { assets }: ReceiverSettings,
  pack: Pack,
  prefer: 'auto' | RuntimeName,
): Promise<ChosenDecoder> {
  const threads = Math.min(MAX_THREADS, Math.ceil(navigator.hardwareConcurrency / 2));
  const { open, terminate, ...facts } = await openNetworks({ assets, prefer, threads });
  const decoder = createDecoder(pack, open, { networkBudget: NETWORK_BUDGET });
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= decoder.close().finally(terminate);
    return closing;
  };
  const abandon = () => {
    terminate();
    close().catch(() => undefined);
  };
  return { ...facts, decoder: { ...decoder, close }, abandon };
}
