import { createPicture, type Picture } from '../../src/geometry/picture.js';
import type { FaceDecoder } from '../../src/models/decoder.js';
import { createDecoder } from '../../src/models/decoder-node.js';
import { createDecoder as createAnyDecoder } from '../../src/models/families/index.js';
import { alignReferences } from '../../src/models/families/surround-fit.js';
import { createWarpDecoder } from '../../src/models/families/warp.js';
import { type Pack, PackError } from '../../src/models/pack.js';
import { openPack } from '../../src/models/pack-node.js';

/** Shows the first reference whatever is sent: what any decoder must beat. */
export const STATIC = 'static';
/** The warp, its surround moved as the surround points say: what `portrait` adds its network to. */
export const SURROUND = 'surround';
/** All that the motion says: `portrait` without its network, as where none can be run. */
export const SILENT = 'no-network';
/** The packs that those borrow their motion from. */
const MOTION_OF: Readonly<Record<string, string>> = {
  [STATIC]: 'warp',
  [SURROUND]: 'portrait-256-cpu',
  [SILENT]: 'portrait-256-cpu',
};

/** A decoder to be judged. */
export interface Candidate {
  /** As it was asked for. */
  readonly name: string;
  /** Its motion basis and tables code the motion that it gets. */
  readonly pack: Pack;
  /** A decoder for one clip; the caller closes it. */
  create(): Promise<FaceDecoder>;
}

/** The decoder of `static`. */
function createStaticDecoder(): FaceDecoder {
  let first: Picture = createPicture(0, 0);
  return {
    async setIdentity({ references }) {
      first = references[0].picture;
    },
    async decode() {
      return { ...first, data: first.data.slice() };
    },
    async close() {},
  };
}

/** The decoder of `surround`. */
function createSurroundDecoder(): FaceDecoder {
  const warp = createWarpDecoder();
  return {
    ...warp,
    setIdentity: ({ references, ...identity }) =>
      warp.setIdentity({ ...identity, references: alignReferences(references) }),
  };
}

const WITHOUT_PACK: Readonly<Record<string, (pack: Pack) => FaceDecoder>> = {
  [STATIC]: createStaticDecoder,
  [SURROUND]: createSurroundDecoder,
  [SILENT]: (pack) => createAnyDecoder(pack),
};

/**
 * Opens decoders by `static`, `surround`, `no-network`, a pack's name or the path of its folder. Those whose pack cannot be
 * opened or is of a family that this version does not know are told of by `skip`.
 */
export async function openCandidates(
  names: readonly string[],
  skip: (line: string) => void,
): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  for (const name of names) {
    try {
      const pack = await openPack(MOTION_OF[name] ?? name);
      const open = WITHOUT_PACK[name] ?? createDecoder;
      const create = async () => open(pack);
      await (await create()).close();
      candidates.push({ name, pack, create });
    } catch (error) {
      if (!(error instanceof PackError)) throw error;
      skip(`${name} is left out: ${error.message}`);
    }
  }
  return candidates;
}
