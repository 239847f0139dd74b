import type { Pack } from '../models/pack.js';
import { openPack } from '../models/pack-node.js';
import { UserError } from './user-error.js';

/** Opens the pack that `--pack` names: one that both sides have. UserError for somebody's own. */
export async function openBase(nameOrPath: string): Promise<Pack> {
  const pack = await openPack(nameOrPath);
  if (!pack.personal) return pack;
  throw new UserError(
    `${nameOrPath} is a personal pack of ${pack.identity.name}: give --pack that one, and the sender --personal ${nameOrPath}`,
  );
}
