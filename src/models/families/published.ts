import { PackError } from '../pack.js';
import { createFsrtDecoder, FSRT_ROLES } from './fsrt.js';
import { createFsthDecoder } from './fsth.js';
import { createHead2HeadDecoder } from './head2head.js';
import { createLsrDecoder } from './lsr.js';
import { type CreateFamily, networkFamily } from './network-family.js';

/** Nothing but its networks knows what its motion means. */
const fsrt: CreateFamily = (networks, open, appearance, options, size, vector) => {
  if (!open) throw new PackError('the family fsrt needs what runs its networks');
  if (!vector) throw new PackError('the pack has no motion vector, which the family fsrt needs');
  const create = networkFamily('fsrt', FSRT_ROLES, (found) =>
    createFsrtDecoder(found, vector, options),
  );
  return create(networks, open, appearance, options, size);
};

/** The published systems, by their name in a pack's manifest. */
export const PUBLISHED_FAMILIES: Readonly<Record<string, CreateFamily>> = {
  fsrt,
  fsth: networkFamily('fsth', ['encoder', 'generator'], createFsthDecoder),
  lsr: networkFamily('lsr', ['encoder', 'generator'], createLsrDecoder),
  head2head: networkFamily('head2head', ['embedder', 'generator'], createHead2HeadDecoder),
};
