import { escapeXml } from '../../src/cli/report/plots.js';
import { STYLE } from '../../src/cli/report/style.js';
import { printed } from '../quality/figures.js';
import { frontier } from './bd-rate.js';
import { type PlotSeries, plotSheet, ratePlot } from './rate-plot.js';
import type { ClipReport, CodecsReport, StreamReport } from './report.js';
import {
  MEASURES,
  type MeanStream,
  meanFigure,
  meanStreams,
  neededText,
  summariseBdRate,
  summariseNeeded,
} from './summary.js';

const MORE_STYLE = `
body { max-width: none; padding: 32px; }
table { width: auto; } th, td { padding: 4px 14px 4px 0; white-space: nowrap; }
img { display: block; max-width: 100%; margin-top: 12px; border-radius: 6px; }
.scroll { overflow-x: auto; } pre { font-size: 14px; }
`;

/** Told apart by people who see colours otherwise too: Okabe and Ito's. */
const COLORS = ['#d55e00', '#0072b2', '#cc79a7', '#56b4e9', '#009e73', '#e69f00', '#7f7f7f'];
/** Style of plots that stand alone. */
const ALONE = `text{fill:#626976;font:12px system-ui,sans-serif}text.note{fill:#1c1f26}.grid{stroke:#e4e7ec}.paper{fill:#fcfcfd}`;

/** Names in a fixed order: ours first. */
const namesOf = (clips: readonly ClipReport[], own: boolean) => [
  ...new Set(
    clips.flatMap(({ streams }) => streams.filter((each) => each.own === own)).map((s) => s.codec),
  ),
];

/** The plots of one size: every measure over the rate, means over the clips. */
export function sizePlots(
  clips: readonly ClipReport[],
  label: string,
  keys: readonly string[] = MEASURES.map(({ key }) => key),
  alone = false,
): string {
  const streams = meanStreams(clips);
  const names = [...namesOf(clips, true), ...namesOf(clips, false)];
  const colorOf = (name: string) => COLORS[names.indexOf(name) % COLORS.length];
  const plots = MEASURES.filter(({ key }) => keys.includes(key)).map((measure) => {
    const sign = measure.higherIsBetter ? 1 : -1;
    const series = names.map((name): PlotSeries => {
      const points = streams
        .filter(({ codec }) => codec === name)
        .flatMap((stream: MeanStream) => {
          const value = meanFigure(stream, measure);
          return value === undefined ? [] : [{ kbps: stream.rates.call, value }];
        });
      const best = frontier(points.map(({ kbps, value }) => ({ kbps, quality: sign * value })));
      const isBest = ({ kbps, value }: (typeof points)[number]) =>
        best.some((each) => each.kbps === kbps && each.quality === sign * value);
      const own = streams.some((stream) => stream.codec === name && stream.own);
      const line = points.filter(isBest).toSorted((a, b) => a.kbps - b.kbps);
      const others = points.filter((point) => !isBest(point));
      return { name, color: colorOf(name), line, others, own };
    });
    return ratePlot(
      measure.label,
      measure.higherIsBetter ? 'higher is better' : 'lower is better',
      series,
    );
  });
  const legend = names.map((name) => ({ name, color: colorOf(name) }));
  return plotSheet(plots.filter(Boolean), alone ? 3 : 3, legend, label, alone ? ALONE : '');
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  `<div class="scroll"><table><thead><tr>${head.map((text) => `<th>${escapeXml(text)}</th>`).join('')}</tr></thead><tbody>${rows
    .map(
      ([first, ...others]) =>
        `<tr><th>${escapeXml(first)}</th>${others.map((text) => `<td>${escapeXml(text)}</td>`).join('')}</tr>`,
    )
    .join('')}</tbody></table></div>`;

/** Rows of who needs how much for the quality of one of our decoders. */
export function neededRows(
  clips: readonly ClipReport[],
  own: string,
  rate: 'call' | 'callBoth',
): string[][] {
  return MEASURES.map((measure) => [
    measure.label,
    ...namesOf(clips, false).map((codec) =>
      neededText(summariseNeeded(clips, own, codec, measure, rate)),
    ),
  ]);
}

/** Rows of BD-rates beside the first codec. */
export function bdRateRows(clips: readonly ClipReport[]): string[][] {
  const [anchor, ...others] = namesOf(clips, false);
  if (!anchor) return [];
  return MEASURES.map((measure) => [
    measure.label,
    ...others.map((codec) => {
      const found = summariseBdRate(clips, anchor, codec, measure);
      if (!found) return 'no overlap';
      const percent = 100 * found.mean;
      const part = found.clips < clips.length ? ` (${found.clips} of ${clips.length} clips)` : '';
      return `${percent > 0 ? '+' : '−'}${Math.abs(percent).toFixed(0)} %${part}`;
    }),
  ]);
}

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

/** Times a frame, means over the streams of each codec: milliseconds. */
export function speedRows(clips: readonly ClipReport[]): string[][] {
  const all = clips.flatMap(({ streams, size }) => streams.filter(({ side }) => side === size));
  return [...namesOf(clips, true), ...namesOf(clips, false)].map((name) => {
    const of = all.filter(({ codec }) => codec === name);
    const mean = (value: (stream: StreamReport) => number) =>
      (of.reduce((sum, stream) => sum + value(stream), 0) / of.length).toFixed(1);
    return [
      name,
      mean(({ speed }) => speed.encodeMs),
      mean(({ speed }) => speed.decodeMs),
      mean(({ speed }) => speed.encodeCpuMs),
      mean(({ speed }) => speed.decodeCpuMs),
    ];
  });
}
export const SPEED_HEAD = ['ms a frame', 'encode', 'decode', 'encode CPU', 'decode CPU'];

/** Rates of ours and the lowest of theirs, means over the clips, in kbps. */
export function rateRows(clips: readonly ClipReport[]): string[][] {
  const streams = meanStreams(clips);
  return [...namesOf(clips, true), ...namesOf(clips, false)].flatMap((name) => {
    const lowest = streams
      .filter(({ codec }) => codec === name)
      .toSorted((a, b) => a.rates.call - b.rates.call)[0];
    if (!lowest) return [];
    const { own, side, targetKbps, rates } = lowest;
    const what = own ? name : `${name}, lowest (target ${targetKbps}, ${side}×${side})`;
    const values = [rates.payload, rates.forward, rates.call, rates.callBoth, rates.clip];
    return [[what, ...values.map((value) => value.toFixed(1))]];
  });
}
export const RATE_HEAD = ['kbps', 'payload', 'forward', 'call', 'call, both ways', 'clip alone'];

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
