/** A rate and what it buys: quality is in any unit, higher is better. */
export interface RatePoint {
  readonly kbps: number;
  readonly quality: number;
}

/** Points of one codec in order of rate, quality rising strictly. */
export type RateCurve = readonly RatePoint[];

/** The points that no other beats at the same rate or a lower one: what a codec does at its best. */
export function frontier(points: readonly RatePoint[]): RatePoint[] {
  const best: RatePoint[] = [];
  for (const point of points.toSorted((a, b) => a.kbps - b.kbps || b.quality - a.quality)) {
    if (point.quality > (best.at(-1)?.quality ?? -Infinity)) best.push(point);
  }
  return best;
}

/**
 * Slopes of the piecewise cubic Hermite interpolant that goes through the points (`x` rising) without
 * overshoot: Fritsch and Butland, SIAM J. Sci. Stat. Comput. 5(2), 1984, with three-point ends, as
 * MATLAB's and SciPy's `pchip`.
 */
function slopes(x: readonly number[], y: readonly number[]): number[] {
  const h = x.slice(1).map((value, at) => value - x[at]);
  const delta = h.map((width, at) => (y[at + 1] - y[at]) / width);
  if (delta.length === 1) return [delta[0], delta[0]];
  const end = (h0: number, h1: number, d0: number, d1: number) => {
    const slope = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1);
    if (slope * d0 <= 0) return 0;
    return d0 * d1 <= 0 && Math.abs(slope) > 3 * Math.abs(d0) ? 3 * d0 : slope;
  };
  const inner = delta.slice(1).map((after, at) => {
    const before = delta[at];
    if (before * after <= 0) return 0;
    const [w1, w2] = [2 * h[at + 1] + h[at], h[at + 1] + 2 * h[at]];
    return (w1 + w2) / (w1 / before + w2 / after);
  });
  const last = delta.length - 1;
  return [
    end(h[0], h[1], delta[0], delta[1]),
    ...inner,
    end(h[last], h[last - 1], delta[last], delta[last - 1]),
  ];
}

/** Nodes and weights on [−1, 1] that integrate a cubic exactly. */
const GAUSS = [-1 / Math.sqrt(3), 1 / Math.sqrt(3)];

/** The interpolant of `slopes`: its value within [x₀, xₙ], and its integral between two such places. */
export function pchip(x: readonly number[], y: readonly number[]) {
  const slope = slopes(x, y);
  const at = (place: number): number => {
    const next = Math.max(
      1,
      x.findIndex((value) => value >= place),
    );
    const from = next - 1;
    const h = x[next] - x[from];
    const t = (place - x[from]) / h;
    return (
      y[from] * (1 + 2 * t) * (1 - t) ** 2 +
      h * slope[from] * t * (1 - t) ** 2 +
      y[next] * t * t * (3 - 2 * t) +
      h * slope[next] * t * t * (t - 1)
    );
  };
  const integral = (low: number, high: number): number => {
    const stops = [low, ...x.filter((value) => value > low && value < high), high];
    return stops.slice(1).reduce((sum, stop, index) => {
      const half = (stop - stops[index]) / 2;
      const middle = (stop + stops[index]) / 2;
      return sum + half * GAUSS.reduce((part, node) => part + at(middle + half * node), 0);
    }, 0);
  };
  return { at, integral };
}

const logRates = (curve: RateCurve) =>
  pchip(
    curve.map(({ quality }) => quality),
    curve.map(({ kbps }) => Math.log(kbps)),
  );

/**
 * Bjøntegaard's delta rate: how much more (+) or less (−) rate `test` takes than `anchor` for the same
 * quality, as a share, the mean of the log rates' difference over the qualities that both reach.
 * Bjøntegaard, VCEG-M33, 2001, with the piecewise cubic of JCTVC-L1100. Undefined where the curves
 * share no quality or one has a single point.
 */
export function bdRate(anchor: RateCurve, test: RateCurve): number | undefined {
  if (anchor.length < 2 || test.length < 2) return undefined;
  const low = Math.max(anchor[0].quality, test[0].quality);
  const high = Math.min(anchor.at(-1)!.quality, test.at(-1)!.quality);
  if (!(high > low)) return undefined;
  const difference = logRates(test).integral(low, high) - logRates(anchor).integral(low, high);
  return Math.exp(difference / (high - low)) - 1;
}

/** The rate that a codec needs for a quality. */
export interface NeededRate {
  /**
   * `at`: so much. `below`: its lowest rate, which is better already. `not reached`: its highest, which
   * is not good enough.
   */
  readonly kind: 'at' | 'below' | 'not reached';
  readonly kbps: number;
}

/** What `curve` (one point at least) needs for `quality`, between its points as `bdRate` interpolates. */
export function neededRate(curve: RateCurve, quality: number): NeededRate {
  const [lowest, highest] = [curve[0], curve.at(-1)!];
  if (quality < lowest.quality) return { kind: 'below', kbps: lowest.kbps };
  if (quality > highest.quality) return { kind: 'not reached', kbps: highest.kbps };
  if (quality === lowest.quality) return { kind: 'at', kbps: lowest.kbps };
  return { kind: 'at', kbps: Math.exp(logRates(curve).at(quality)) };
}
