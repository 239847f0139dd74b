import { escapeXml, ticks } from '../../src/cli/report/plots.js';

const WIDTH = 440;
const HEIGHT = 300;
const MARGIN = { left: 52, right: 14, top: 34, bottom: 42 };
/** Rates that the axis may name, in kbps. */
const RATE_TICKS = [5, 10, 20, 50, 100, 200, 500];

/** One codec's points. */
export interface PlotSeries {
  readonly name: string;
  /** A CSS colour. */
  readonly color: string;
  /** Joined by a line: in order of rate. */
  readonly line: readonly PlotPoint[];
  /** Not joined: those that others of the same codec beat. */
  readonly others: readonly PlotPoint[];
  /** Large points, and a dashed line across at the first: ours. */
  readonly own: boolean;
}

export interface PlotPoint {
  readonly kbps: number;
  readonly value: number;
}

/** A plot's place and size are the caller's: the content of an SVG of 440×300. */
export function ratePlot(title: string, better: string, series: readonly PlotSeries[]): string {
  const points = series.flatMap(({ line, others }) => [...line, ...others]);
  if (points.length === 0) return '';
  const rates = points.map(({ kbps }) => kbps);
  const values = points.map(({ value }) => value);
  const [low, high] = [Math.min(...rates) / 1.1, Math.max(...rates) * 1.1];
  const yTicks = ticks(Math.min(...values), Math.max(...values), 5);
  const [bottom, right] = [HEIGHT - MARGIN.bottom, WIDTH - MARGIN.right];
  const fixed = (value: number) => Math.round(value * 10) / 10;
  const x = (kbps: number) =>
    fixed(MARGIN.left + (Math.log(kbps / low) / Math.log(high / low)) * (right - MARGIN.left));
  const y = (value: number) =>
    fixed(bottom - ((value - yTicks[0]) / (yTicks.at(-1)! - yTicks[0])) * (bottom - MARGIN.top));
  const dot = ({ kbps, value }: PlotPoint, radius: number, style: string) =>
    `<circle cx="${x(kbps)}" cy="${y(value)}" r="${radius}" ${style}/>`;
  const parts = [
    `<text class="note" x="${MARGIN.left}" y="16">${escapeXml(title)}</text>`,
    `<text x="${right}" y="16" text-anchor="end">${escapeXml(better)}</text>`,
    ...yTicks.map(
      (tick) =>
        `<line class="grid" x1="${MARGIN.left}" x2="${right}" y1="${y(tick)}" y2="${y(tick)}"/><text x="${MARGIN.left - 6}" y="${y(tick) + 4}" text-anchor="end">${tick}</text>`,
    ),
    ...RATE_TICKS.filter((tick) => tick >= low && tick <= high).map(
      (tick) =>
        `<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${MARGIN.top}" y2="${bottom}"/><text x="${x(tick)}" y="${bottom + 16}" text-anchor="middle">${tick}</text>`,
    ),
    `<text x="${right}" y="${HEIGHT - 8}" text-anchor="end">kbps on the wire, forward, over a call of 5 minutes</text>`,
    ...series.flatMap(({ color, line, others, own }) => [
      ...(own ? line.slice(0, 1) : []).map(
        ({ value }) =>
          `<line x1="${MARGIN.left}" x2="${right}" y1="${y(value)}" y2="${y(value)}" stroke="${color}" stroke-dasharray="3 4"/>`,
      ),
      `<polyline fill="none" stroke="${color}" stroke-width="2" points="${line.map(({ kbps, value }) => `${x(kbps)},${y(value)}`).join(' ')}"/>`,
      ...line.map((point) => dot(point, own ? 6 : 3, `fill="${color}"`)),
      ...others.map((point) => dot(point, 2.5, `fill="none" stroke="${color}"`)),
    ]),
  ];
  return parts.join('');
}

/** Several plots in rows of `columns`, each under the other, with a legend above, as one SVG element. */
export function plotSheet(
  plots: readonly string[],
  columns: number,
  legend: readonly { readonly name: string; readonly color: string }[],
  label: string,
  style = '',
): string {
  const HEAD = 34;
  const width = columns * WIDTH;
  const height = HEAD + Math.ceil(plots.length / columns) * HEIGHT;
  const entry = width / Math.max(6, legend.length);
  const names = legend.map(
    ({ name, color }, at) =>
      `<circle cx="${Math.round(at * entry) + 12}" cy="15" r="5" fill="${color}"/><text class="note" x="${Math.round(at * entry) + 22}" y="19">${escapeXml(name)}</text>`,
  );
  const placed = plots.map(
    (plot, at) =>
      `<g transform="translate(${(at % columns) * WIDTH} ${HEAD + Math.floor(at / columns) * HEIGHT})">${plot}</g>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(label)}"><title>${escapeXml(label)}</title>${style && `<style>${style}</style><rect class="paper" width="${width}" height="${height}"/>`}${names.join('')}${placed.join('')}</svg>`;
}
