/** Where the weights of one tensor lie in the file of its network: little-endian binary16. */
export interface WeightPlace {
  /** Bytes from the file's start. */
  readonly offset: number;
  readonly count: number;
}

/** Bytes of a binary16 and of a binary32. */
const HALF = 2;
const SINGLE = 4;

/**
 * Reads a pack's `weights.json` (spec/bitstream.md, "Weights"): by the role of the network, the places
 * of its binary16 tensors in the file's order. Undefined where it does not fit the networks.
 */
export function parseWeights(
  bytes: Uint8Array,
  networks: Readonly<Record<string, Uint8Array>>,
): Record<string, readonly WeightPlace[]> | undefined {
  let json: { networks?: unknown } | null;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
  if (!isObject(json?.networks)) return undefined;
  const places: Record<string, WeightPlace[]> = {};
  for (const [role, tensors] of Object.entries(json.networks)) {
    if (!Object.hasOwn(networks, role) || !isObject(tensors)) return undefined;
    places[role] = [];
    for (const place of Object.values(tensors)) {
      if (!Array.isArray(place)) return undefined;
      const [offset, count, size] = place;
      const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(count);
      const fits = offset >= 0 && count >= 1 && offset + count * size <= networks[role].length;
      if (!whole || !fits || (size !== HALF && size !== SINGLE)) return undefined;
      if (size === HALF) places[role].push({ offset, count });
    }
  }
  return places;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
