import type { FrameState } from './logs.js';

/** Plots as inline SVG. Colours come from the page: classes `c1`, `c2`, `grid` and the states' names. */

const WIDTH = 880;
const MARGIN = { left: 52, right: 12, top: 14, bottom: 38 };
const INNER = WIDTH - MARGIN.left - MARGIN.right;

/** More points than pixels would only make the page heavy. */
const MAX_POINTS = 600;

export const escapeXml = (text: string): string =>
  text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

export interface Line {
  readonly name: string;
  /** `c1` or `c2`. */
  readonly color: string;
  readonly dashed?: boolean;
  /** In order of x. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Axes {
  /** What the plot shows, for those who do not see it. */
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly height?: number;
}

/** Lines over a common x. Values above `yMax` are cut off, and the highest of them is named. */
export function linePlot(
  lines: readonly Line[],
  axes: Axes & { readonly yMin?: number; readonly yMax?: number },
): string {
  const all = lines.flatMap((line) => line.points);
  const [xMin, xMax] = extent(all.map(([x]) => x));
  const highest = extent(all.map(([, y]) => y))[1];
  const yTicks = ticks(axes.yMin ?? 0, axes.yMax ?? highest, 4);
  const plot = frame(axes, ticks(xMin, xMax, 8, 'inside'), yTicks, [xMin, xMax]);
  const cut = axes.yMax !== undefined && highest > yTicks.at(-1)!;
  const paths = lines.map((line) => {
    const points = thin(line.points).map(
      ([x, y]) => `${plot.x(x)},${plot.y(Math.min(y, yTicks.at(-1)!))}`,
    );
    return `<polyline class="line ${line.color}${line.dashed ? ' dashed' : ''}" points="${points.join(' ')}"/>`;
  });
  if (cut) {
    const [x] = all.find(([, y]) => y === highest)!;
    const side = plot.x(x) < WIDTH / 2 ? 'start' : 'end';
    const shift = side === 'start' ? 8 : -8;
    paths.push(
      `<text class="note" x="${fixed(plot.x(x) + shift)}" y="${MARGIN.top + 16}" text-anchor="${side}">↑ ${number(highest)}</text>`,
    );
  }
  return plot.svg(paths.join(''));
}

/** How often values fall into each of up to 30 equal bins; the marks are named lines across. */
export function histogram(
  values: readonly number[],
  axes: Axes,
  marks: readonly { readonly name: string; readonly at: number }[],
): string {
  const [min, max] = extent(values);
  const xTicks = ticks(min, max, 8);
  const [low, high] = [xTicks[0], xTicks.at(-1)!];
  const bins = new Array<number>(
    Math.min(30, Math.max(8, Math.ceil(Math.sqrt(values.length) * 2))),
  ).fill(0);
  for (const value of values) {
    bins[Math.min(bins.length - 1, Math.floor(((value - low) / (high - low)) * bins.length))]++;
  }
  const plot = frame(axes, xTicks, ticks(0, Math.max(...bins), 3), [low, high]);
  const step = INNER / bins.length;
  const bars = bins.map((count, at) => {
    const top = plot.y(count);
    return `<rect class="bar c1" x="${fixed(MARGIN.left + at * step + 1)}" y="${top}" width="${fixed(step - 2)}" height="${fixed(plot.y(0) - top)}"/>`;
  });
  const lines = marks.map(
    ({ name, at }) =>
      `<line class="mark" x1="${plot.x(at)}" x2="${plot.x(at)}" y1="${MARGIN.top}" y2="${plot.y(0)}"/><text class="note" x="${fixed(plot.x(at) + 4)}" y="${MARGIN.top + 10}">${escapeXml(name)}</text>`,
  );
  return plot.svg(bars.join('') + lines.join(''));
}

/** From the best to the worst; where frames share a column the worst is shown. */
export const FRAME_STATES: readonly FrameState[] = [
  'decoded',
  'still',
  'interpolated',
  'extrapolated',
  'held',
];

/** One column a frame (or a few frames), coloured by how it came about. */
export function stateStrip(states: readonly FrameState[], title: string): string {
  const columns = Math.min(states.length, MAX_POINTS);
  const worst = Array.from({ length: columns }, (_, at) => {
    const from = Math.floor((at * states.length) / columns);
    const to = Math.floor(((at + 1) * states.length) / columns);
    return Math.max(...states.slice(from, to).map((state) => FRAME_STATES.indexOf(state)));
  });
  const rects: string[] = [];
  for (let from = 0; from < columns; ) {
    let to = from + 1;
    while (to < columns && worst[to] === worst[from]) to++;
    const x = MARGIN.left + (from / columns) * INNER;
    rects.push(
      `<rect class="${FRAME_STATES[worst[from]]}" x="${fixed(x)}" y="0" width="${fixed(((to - from) / columns) * INNER)}" height="18"/>`,
    );
    from = to;
  }
  return `<svg viewBox="0 0 ${WIDTH} 18" role="img" aria-label="${escapeXml(title)}"><title>${escapeXml(title)}</title>${rects.join('')}</svg>`;
}

/** One row of bars that follow each other: where value `at` lies in the sum of all. */
export function waterfall(values: readonly number[], at: number): string {
  const scale = 240 / (values.reduce((sum, value) => sum + Math.max(0, value), 0) || 1);
  const before = values.slice(0, at).reduce((sum, value) => sum + Math.max(0, value), 0);
  return `<svg viewBox="0 0 240 10" preserveAspectRatio="none" aria-hidden="true"><rect class="bar c1" x="${fixed(before * scale)}" width="${Math.max(0.6, fixed(Math.max(0, values[at]) * scale))}" height="10"/></svg>`;
}

/** The axes of a plot, and where a value lies in it. */
function frame(
  axes: Axes,
  xTicks: readonly number[],
  yTicks: readonly number[],
  [xMin, xMax]: readonly [number, number],
) {
  const height = axes.height ?? 220;
  const bottom = height - MARGIN.bottom;
  const [yMin, yMax] = [yTicks[0], yTicks.at(-1)!];
  const x = (value: number) => fixed(MARGIN.left + ((value - xMin) / (xMax - xMin || 1)) * INNER);
  const y = (value: number) =>
    fixed(bottom - ((value - yMin) / (yMax - yMin || 1)) * (bottom - MARGIN.top));
  const grid = yTicks.map(
    (tick) =>
      `<line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(tick)}" y2="${y(tick)}"/><text x="${MARGIN.left - 8}" y="${fixed(y(tick) + 4)}" text-anchor="end">${number(tick)}</text>`,
  );
  const below = xTicks.map(
    (tick) => `<text x="${x(tick)}" y="${bottom + 16}" text-anchor="middle">${number(tick)}</text>`,
  );
  const labels = `<text class="axis" x="${WIDTH - MARGIN.right}" y="${height - 4}" text-anchor="end">${escapeXml(axes.xLabel)}</text><text class="axis" transform="translate(12 ${MARGIN.top}) rotate(-90)" text-anchor="end">${escapeXml(axes.yLabel)}</text>`;
  const svg = (content: string) =>
    `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeXml(axes.title)}"><title>${escapeXml(axes.title)}</title>${grid.join('')}${below.join('')}${labels}${content}</svg>`;
  return { x, y, svg };
}

/** Round numbers that span a range, or with 'inside' those within it. */
export function ticks(
  min: number,
  max: number,
  count: number,
  where: 'around' | 'inside' = 'around',
): number[] {
  const range = max > min ? max - min : 1;
  const power = 10 ** Math.floor(Math.log10(range / count));
  const step = [1, 2, 5, 10].map((unit) => unit * power).find((size) => size * count >= range)!;
  const around = where === 'around';
  const first = around ? Math.floor(min / step) : Math.ceil(min / step - 1e-9);
  const last = around
    ? Math.max(first + 1, Math.ceil((min + range) / step - 1e-9))
    : Math.floor(max / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, at) =>
    Number(((first + at) * step).toPrecision(12)),
  );
}

/** At most MAX_POINTS points, each the mean of its neighbours. */
function thin(points: Line['points']): Line['points'] {
  const size = Math.ceil(points.length / MAX_POINTS);
  if (size <= 1) return points;
  const groups: [number, number][] = [];
  for (let at = 0; at < points.length; at += size) {
    const group = points.slice(at, at + size);
    const mean = (axis: 0 | 1) => group.reduce((sum, point) => sum + point[axis], 0) / group.length;
    groups.push([mean(0), mean(1)]);
  }
  return groups;
}

function extent(values: readonly number[]): [number, number] {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return values.length > 0 ? [min, max] : [0, 1];
}

const fixed = (value: number): number => Math.round(value * 10) / 10;

/** Three digits that matter, thousands apart. */
const number = (value: number): string =>
  Number(value.toPrecision(3)).toLocaleString('en', { useGrouping: Math.abs(value) >= 10_000 });
