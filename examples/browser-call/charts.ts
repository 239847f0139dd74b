/** Lines over the last minute, on a canvas. */
import type { Means, Sample } from './figures.js';

/** Seconds across a chart. */
const SPAN_S = 60;
/** CSS pixels beside the plot, for the numbers. */
const GUTTER = 34;
const PADDING = 8;

/** What a chart shows. */
export interface ChartOptions {
  /** Names of the figures in a sample, first in front, with the CSS variable of their colour. */
  readonly lines: readonly { readonly of: Figure; readonly colour: string }[];
  /**
   * Values with a line and a number, from the lowest to the highest of the chart; the first of these
   * scales that has room for everything is taken.
   */
  readonly scales: readonly (readonly number[])[];
  /** Kilobits differ thirtyfold between the modes. */
  readonly logarithmic?: boolean;
}

type Figure = 'sentKbps' | 'receivedKbps' | 'fps' | 'latencyMs';

export class Chart {
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly options: ChartOptions,
  ) {}

  /** Draws the samples, the newest at the right edge; dashed, the means of the mode not in use. */
  draw(samples: readonly Sample[], other: Means, nowMs: number): void {
    const { canvas, options } = this;
    const { clientWidth: width, clientHeight: height } = canvas;
    const context = canvas.getContext('2d');
    if (!context || width === 0) return;
    const scale = devicePixelRatio;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    context.scale(scale, scale);
    const style = getComputedStyle(canvas);
    const colour = (name: string) => style.getPropertyValue(name);

    const x = (atMs: number) =>
      width - PADDING - ((nowMs - atMs) / 1_000 / SPAN_S) * (width - GUTTER - PADDING);
    const ticks = this.#ticks(samples);
    const y = (value: number) =>
      height - PADDING - this.#share(value, ticks) * (height - 2 * PADDING);

    context.font = `11px ${style.fontFamily}`;
    context.textBaseline = 'middle';
    context.textAlign = 'right';
    for (const tick of ticks) {
      context.strokeStyle = colour('--line');
      context.lineWidth = 1;
      line(context, [
        [GUTTER, Math.round(y(tick)) + 0.5],
        [width - PADDING, Math.round(y(tick)) + 0.5],
      ]);
      context.fillStyle = colour('--muted');
      context.fillText(String(tick), GUTTER - 6, y(tick));
    }
    for (const { of, colour: name } of [...options.lines].reverse()) {
      context.strokeStyle = colour(name);
      context.lineJoin = 'round';
      const mean = other[of];
      if (mean !== undefined) {
        context.lineWidth = 1.5;
        context.setLineDash([5, 4]);
        line(context, [
          [GUTTER, y(mean)],
          [width - PADDING, y(mean)],
        ]);
        context.setLineDash([]);
      }
      context.lineWidth = 2;
      const points = samples.flatMap(({ atMs, [of]: value }): [number, number][] =>
        value === undefined || x(atMs) < GUTTER ? [] : [[x(atMs), y(value)]],
      );
      line(context, points);
    }
  }

  #ticks(samples: readonly Sample[]): readonly number[] {
    const { lines, scales } = this.options;
    const highest = Math.max(0, ...samples.flatMap((each) => lines.map(({ of }) => each[of] ?? 0)));
    return scales.find((ticks) => ticks[ticks.length - 1] >= highest) ?? scales[scales.length - 1];
  }

  /** How high a value lies, 0–1 of the chart's height. */
  #share(value: number, ticks: readonly number[]): number {
    const { logarithmic } = this.options;
    const by = logarithmic ? Math.log : (number: number) => number;
    const low = by(ticks[0]);
    const high = by(ticks[ticks.length - 1]);
    const at = logarithmic ? Math.max(value, ticks[0]) : value;
    return Math.min(1, Math.max(0, (by(at) - low) / (high - low)));
  }
}

function line(context: CanvasRenderingContext2D, points: readonly [number, number][]): void {
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x, y);
  context.stroke();
}
