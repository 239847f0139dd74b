import { escapeXml } from '../../src/cli/report/plots.js';
import { STYLE } from '../../src/cli/report/style.js';
import { printed } from '../quality/figures.js';
import { frontier } from './bd-rate.js';
import { decoderOf } from './own-streams.js';
import { type PlotSeries, plotSheet, ratePlot } from './rate-plot.js';
import type { ClipReport, CodecsReport, StreamReport } from './report.js';
import { MEASURES, type MeanStream, meanFigure, meanStreams } from './summary.js';
import {
  bdRateRows,
  namesOf,
  neededRows,
  RATE_HEAD,
  rateRows,
  SPEED_HEAD,
  speedRows,
} from './tables.js';

const MORE_STYLE = `
body { max-width: none; padding: 32px; }
table { width: auto; } th, td { padding: 4px 14px 4px 0; white-space: nowrap; }
img { display: block; max-width: 100%; margin-top: 12px; border-radius: 6px; }
.scroll { overflow-x: auto; } pre { font-size: 14px; }
`;

/** Told apart by people who see colours otherwise too: Okabe and Ito's. */
const COLORS = ['#d55e00', '#0072b2', '#cc79a7', '#56b4e9', '#009e73', '#e69f00', '#7f7f7f'];
/** Plots in a row. */
const COLUMNS = 3;
/** Style of plots that stand alone. */
const ALONE = `text{fill:#626976;font:12px system-ui,sans-serif}text.note{fill:#1c1f26}.grid{stroke:#e4e7ec}.paper{fill:#fcfcfd}`;

/**
 * Plots of the clips of one size: measures over the rate, means over the clips. With `alone` the three that
 * matter most, with a style of their own.
 */
export function sizePlots(clips: readonly ClipReport[], label: string, alone = false): string {
  const streams = meanStreams(clips);
  const own = [...new Set(namesOf(clips, true).map(decoderOf))];
  const names = [...own, ...namesOf(clips, false)];
  const colorOf = (name: string) => COLORS[names.indexOf(name) % COLORS.length];
  const plots = (alone ? MEASURES.slice(0, COLUMNS) : MEASURES).map((measure) => {
    const sign = measure.higherIsBetter ? 1 : -1;
    const series = names.map((name): PlotSeries => {
      const points = streams
        .filter(({ codec }) => decoderOf(codec) === name)
        .flatMap((stream: MeanStream) => {
          const value = meanFigure(stream, measure);
          return value === undefined ? [] : [{ kbps: stream.rates.call, value }];
        });
      const best = frontier(points.map(({ kbps, value }) => ({ kbps, quality: sign * value })));
      const isBest = ({ kbps, value }: (typeof points)[number]) =>
        best.some((each) => each.kbps === kbps && each.quality === sign * value);
      const isOwn = own.includes(name);
      const line = points
        .filter((point) => isOwn || isBest(point))
        .toSorted((a, b) => a.kbps - b.kbps);
      const others = points.filter((point) => !line.includes(point));
      return { name, color: colorOf(name), line, others, own: isOwn };
    });
    return ratePlot(
      measure.label,
      measure.higherIsBetter ? 'higher is better' : 'lower is better',
      series,
    );
  });
  const legend = names.map((name) => ({ name, color: colorOf(name) }));
  return plotSheet(plots.filter(Boolean), COLUMNS, legend, label, alone ? ALONE : '');
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  `<div class="scroll"><table><thead><tr>${head.map((text) => `<th>${escapeXml(text)}</th>`).join('')}</tr></thead><tbody>${rows
    .map(
      ([first, ...others]) =>
        `<tr><th>${escapeXml(first)}</th>${others.map((text) => `<td>${escapeXml(text)}</td>`).join('')}</tr>`,
    )
    .join('')}</tbody></table></div>`;

const nameOf = ({ codec, own, side, targetKbps }: StreamReport, size: number) =>
  own ? codec : `${codec}${side < size ? ` at ${side}×${side}` : ''}, target ${targetKbps}`;

/** All streams of a clip, by codec. */
function streamsTable({ size, streams }: ClipReport): string {
  const head = [
    ...['', 'payload', 'forward', 'call', 'call, both', 'clip', 'start, kB'],
    ...MEASURES.map(({ label }) => label),
    ...['faces lost, %', 'encode', 'decode', 'encode CPU', 'decode CPU'],
  ];
  const rows = streams
    .toSorted((a, b) => Number(b.own) - Number(a.own) || a.codec.localeCompare(b.codec))
    .map((stream) => {
      const { rates, figures, speed } = stream;
      const kbps = [rates.payload, rates.forward, rates.call, rates.callBoth, rates.clip];
      const ms = [speed.encodeMs, speed.decodeMs, speed.encodeCpuMs, speed.decodeCpuMs];
      return [
        nameOf(stream, size),
        ...kbps.map((value) => value.toFixed(1)),
        (rates.startBytes / 1000).toFixed(1),
        ...MEASURES.map(({ key }) => printed(key, figures[key])),
        printed('lost', figures.lost),
        ...ms.map((value) => value.toFixed(1)),
      ];
    });
  return table(head, rows);
}

function sizeSection(clips: readonly ClipReport[], size: number): string {
  const codecs = namesOf(clips, false);
  const needed = namesOf(clips, true).flatMap((own) =>
    (['call', 'callBoth'] as const).map(
      (rate) =>
        `<h3>For the quality of ${escapeXml(own)}, ${rate === 'call' ? 'forward' : 'both directions'}</h3>${table(['', ...codecs], neededRows(clips, own, rate))}`,
    ),
  );
  return `<h2>${size}×${size}: ${clips.length} clips</h2>
${sizePlots(clips, `Quality over rate at ${size}×${size}`)}
${table(RATE_HEAD, rateRows(clips))}
${needed.join('\n')}
<h3>BD-rate beside ${escapeXml(codecs[0] ?? '')}</h3>${table(['', ...codecs.slice(1)], bdRateRows(clips))}
<h3>Speed</h3>${table(SPEED_HEAD, speedRows(clips))}`;
}

/** `index.html`. `strips`: paths of pictures by clip and size, with what each is. */
export function renderCodecs(
  report: CodecsReport,
  command: string,
  strips: readonly { readonly clip: ClipReport; readonly what: string; readonly path: string }[],
): string {
  const { clips, leftOut } = report;
  const sizes = [...new Set(clips.map(({ size }) => size))].sort((a, b) => a - b);
  const sections = sizes.map((size) =>
    sizeSection(
      clips.filter((clip) => clip.size === size),
      size,
    ),
  );
  const perClip = clips.map((clip) => {
    const pictures = strips
      .filter((strip) => strip.clip === clip)
      .map(
        ({ what, path }) =>
          `<p class="under">${escapeXml(what)}</p><img src="${escapeXml(path)}" alt="${escapeXml(what)}" loading="lazy">`,
      );
    return `<h2>${escapeXml(clip.file)}, ${clip.size}×${clip.size}</h2>
<p class="under">${clip.frames} frames at ${clip.fps} a second, ${clip.measuredFrames} measured; identity of ${(clip.identityBytes / 1000).toFixed(1)} kB with ${clip.references} references. Rates in kbps, times in ms a frame.</p>
${streamsTable(clip)}
${pictures.join('\n')}`;
  });
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>visavis beside video codecs</title><style>${STYLE}${MORE_STYLE}</style></head>
<body>
<h1>visavis beside video codecs</h1>
<p class="lead">Real-time settings, one keyframe, headers of all layers counted: docs/codecs.md says how. Lines join what a codec does at its best, rings are what it does otherwise.</p>
<pre>${escapeXml(command)}</pre>
<p class="under">${escapeXml(`${report.date}; ${report.machine}; tracker ${report.tracker}; ${report.versions}`)}</p>
${leftOut.length > 0 ? `<ul>${leftOut.map((line) => `<li>${escapeXml(line)}</li>`).join('')}</ul>` : ''}
${sections.join('\n')}
${perClip.join('\n')}
</body>
</html>
`;
}
