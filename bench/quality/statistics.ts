/** Mean of the values that are there; undefined of none. */
export function mean(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0) return undefined;
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** A sum of squares below this is rounding, of values around 1. */
const LEAST_SQUARES = 1e-12;

/**
 * Pearson's correlation of two series of one length. 0 where `b` alone is constant: what does not move
 * follows nothing. Undefined where `a` varies less than `least` (standard deviation), as there is then
 * nothing to follow.
 */
export function correlation(
  a: readonly number[],
  b: readonly number[],
  least: number,
): number | undefined {
  const meanA = mean(a) ?? 0;
  const meanB = mean(b) ?? 0;
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((value, at) => {
    ab += (value - meanA) * (b[at] - meanB);
    aa += (value - meanA) ** 2;
    bb += (b[at] - meanB) ** 2;
  });
  if (a.length < 2 || Math.sqrt(aa / a.length) < least) return undefined;
  return bb > LEAST_SQUARES ? ab / Math.sqrt(aa * bb) : 0;
}
