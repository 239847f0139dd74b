import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { checkOption } from '../protocol/check-options.js';
import type { Parsed } from '../protocol/errors.js';
import { float16Bits, float16Value } from '../protocol/float16.js';
import { MAX_PERSONAL_BYTES } from '../protocol/limits.js';
import {
  MAX_DIFFERENCE,
  parsePersonal,
  serialisePersonal,
  type WeightDifference,
} from '../protocol/personal.js';
import { checkPack, type Pack, PackError } from './pack.js';
import type { WeightPlace } from './weights.js';

/** Role of the network that a personal pack differs in. */
const ROLE = 'generator';

/** The exponent bits of a binary16: all of them are set where it is not finite. */
const NOT_FINITE = 0x7c00;

/** Steps in the standard deviation of a tensor's differences, finest first: 4 bits a weight or less. */
const FINEST = 4;
const COARSER = 0.85;
/** Steps below this, of a binary16, cannot be written. */
const LEAST_STEP = 2 ** -24;

/** The places of the weights that a personal pack of this base may change; none: it has no such packs. */
export function personalPlaces(base: Pack): readonly WeightPlace[] {
  return base.weights?.[ROLE] ?? [];
}

/**
 * The networks of `base` with untrusted differences added. Drops: those of `parsePersonal`,
 * `hash-mismatch` where they are of another base or do not give the network that they announce,
 * `malformed` where a weight would not be finite, `unexpected` where the base takes none.
 */
export function personalNetworks(base: Pack, differences: Uint8Array): Parsed<Pack['networks']> {
  const places = personalPlaces(base);
  if (places.length === 0) return { ok: false, drop: 'unexpected' };
  const parsed = parsePersonal(
    differences,
    places.map(({ count }) => count),
  );
  if (!parsed.ok) return parsed;
  if (parsed.value.base !== base.identity.sha256) return { ok: false, drop: 'hash-mismatch' };
  const network = added(base.networks[ROLE], places, parsed.value.tensors);
  if (!network) return { ok: false, drop: 'malformed' };
  if (hashOf(network) !== parsed.value.network) return { ok: false, drop: 'hash-mismatch' };
  return { ok: true, value: { ...base.networks, [ROLE]: network } };
}

/**
 * A personal pack: it decodes with its own networks and is its base to the peer, whom `CallSender`
 * sends the differences. Rejects with a PackError where they do not fit the base.
 */
export function personalPack(base: Pack, differences: Uint8Array): Pack {
  checkPack(base);
  checkOption(base.personal === undefined, 'base', 'a pack that is not personal itself');
  checkOption(differences instanceof Uint8Array, 'differences', 'bytes of a personal pack');
  const networks = personalNetworks(base, differences);
  if (!networks.ok) {
    throw new PackError(
      `the personal pack does not fit ${base.identity.name} (${networks.drop}): make it anew with npx visavis personalise`,
    );
  }
  return { ...base, networks: networks.value, personal: differences };
}

/**
 * The bytes of a personal pack, at most `MAX_PERSONAL_BYTES`, from what each weight is to differ in:
 * one array for each of `personalPlaces`. Differences are rounded to steps, each tensor's in
 * proportion to their standard deviation, as fine as the limit allows.
 */
export function encodePersonal(base: Pack, differences: readonly Float32Array[]): Uint8Array {
  const places = personalPlaces(base);
  const fits =
    differences.length === places.length &&
    differences.every(({ length }, t) => length === places[t].count);
  checkOption(places.length > 0 && fits, 'differences', 'one number for each weight of the base');
  checkOption(differences.every(allFinite), 'differences', 'finite numbers');
  for (let fineness = FINEST; ; fineness *= COARSER) {
    const tensors = differences.map((values) => rounded(values, fineness));
    const network = added(base.networks[ROLE], places, tensors);
    checkOption(network !== undefined, 'differences', 'numbers that leave the weights finite');
    const bytes = serialisePersonal({
      base: base.identity.sha256,
      network: hashOf(network!),
      tensors,
    });
    if (bytes.length <= MAX_PERSONAL_BYTES) return bytes;
  }
}

const allFinite = (values: Float32Array) => values.every(Number.isFinite);
const hashOf = (bytes: Uint8Array) => bytesToHex(sha256(bytes));

/** Differences in steps of their standard deviation over `fineness`. */
function rounded(values: Float32Array, fineness: number): WeightDifference {
  const deviation = Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
  const step = float16Value(float16Bits(deviation / fineness));
  if (step < LEAST_STEP) return { step: 0, values: new Int8Array(0) };
  return {
    step,
    values: Int8Array.from(values, (value) =>
      Math.max(-MAX_DIFFERENCE, Math.min(MAX_DIFFERENCE, Math.round(value / step))),
    ),
  };
}

/** A network with differences added to its weights; undefined where one would not be finite. */
function added(
  network: Uint8Array,
  places: readonly WeightPlace[],
  tensors: readonly WeightDifference[],
): Uint8Array | undefined {
  const out = Uint8Array.from(network);
  const view = new DataView(out.buffer);
  for (const [t, { offset }] of places.entries()) {
    const { step, values } = tensors[t];
    for (let i = 0; i < values.length; i++) {
      const at = offset + 2 * i;
      const weight = float16Value(view.getUint16(at, true)) + values[i] * step;
      const half = float16Bits(weight);
      if ((half & NOT_FINITE) === NOT_FINITE) return undefined;
      view.setUint16(at, half, true);
    }
  }
  return out;
}
