import type { Comparison } from '../media/comparison.js';
import type { StripFrame } from './film-strip.js';
import { format, kilobytes, lostOf, thousands } from './format.js';
import { percentile } from './percentiles.js';
import { escapeXml, FRAME_STATES, histogram, linePlot, stateStrip, waterfall } from './plots.js';
import type { FrameSample, LinkFigures, RateSample, Report } from './schema.js';

export function comparisonSection({ file, note }: Comparison): string {
  const both = file.startsWith('comparison');
  const what = both ? 'Left the source, right what was received' : 'What was received';
  const media = file.endsWith('.mp4')
    ? `<video src="${file}" controls loop muted autoplay playsinline></video>`
    : `<img class="comparison" src="${file}" alt="${what}">`;
  const remark = note === undefined ? '' : ` · ${escapeXml(note)}`;
  return section(
    both ? 'Side by side' : 'Received',
    `<figure>${media}<figcaption>${what} · <a href="${file}">${file}</a>${remark}</figcaption></figure>`,
  );
}

export function stripSection(strip: readonly StripFrame[], fps: number | null): string {
  const cell = (frame: StripFrame) => {
    const time = fps === null ? `frame ${frame.index}` : `${format(frame.index / fps, 1)} s`;
    const likeness = frame.psnrDb === null ? '' : `<br>${format(frame.psnrDb, 1)} dB`;
    return `<span${frame.worst ? ' class="worst"' : ''}>${time}${likeness}${frame.worst ? '<br>worst' : ''}</span>`;
  };
  const image = (kind: string, uri: string, frame: StripFrame) =>
    `<img src="${uri}" alt="${kind}, frame ${frame.index}">`;
  return section(
    strip.length > 1 ? `${strip.length} moments` : 'A moment',
    `<p class="under">The source above, what was received below; among them the frame with the lowest PSNR.</p>
<div class="strip" style="grid-template-columns:repeat(${strip.length},1fr)">
${strip.map((frame) => image('Source', frame.source, frame)).join('')}
${strip.map((frame) => image('Received', frame.received, frame)).join('')}
${strip.map(cell).join('')}
</div>`,
  );
}

export function ratesSection({ series, wire: total }: Report): string {
  if (series.rates.length < 2) return '';
  const line = (name: string, key: keyof RateSample, color: string, dashed: boolean) => ({
    name,
    color,
    dashed,
    points: series.rates.flatMap((rate, at) => {
      const from = at === 0 ? 0 : series.rates[at - 1].second;
      return [[from, rate[key]] as const, [rate.second, rate[key]] as const];
    }),
  });
  const lines = [
    line('wire, forward', 'wire_forward_kbps', 'c1', false),
    line('payload, forward', 'payload_forward_kbps', 'c1', true),
    line('wire, backward', 'wire_backward_kbps', 'c2', false),
    line('payload, backward', 'payload_backward_kbps', 'c2', true),
  ];
  const wire = series.rates.map((rate) => rate.wire_forward_kbps).sort((a, b) => a - b);
  const usual = percentile(wire, 0.7)!;
  const cut = wire.at(-1)! > 3 * usual && usual > 0;
  const plot = linePlot(lines, {
    title: 'Bitrate over time, in kilobits per second',
    xLabel: 'seconds',
    yLabel: 'kbps',
    ...(cut ? { yMax: usual * 1.4 } : {}),
  });
  const remark = cut ? ' The identity, sent once, goes off the scale.' : '';
  return section(
    'Bitrate',
    `<p class="under">Means over a second. Wire is what the UDP socket carried, with the headers of IP, UDP, DTLS and SCTP: ${kilobytes(total.forward_bytes)} forward and ${kilobytes(total.backward_bytes)} back in the whole run.${remark}</p>
${legend(lines.map(({ name, color, dashed }) => [`line ${color}${dashed ? ' dashed' : ''}`, name]))}${plot}`,
  );
}

const STAGES: readonly [keyof Report['stages_ms'], string, string][] = [
  ['track', 'Track', 'picture to landmarks'],
  ['encode', 'Encode', 'landmarks to bits of motion'],
  ['bundle', 'Bundle', 'waiting for its packet'],
  ['network', 'Network', 'sender’s channel to receiver’s'],
  ['jitter_buffer', 'Jitter buffer', 'waiting for its moment'],
  ['decode', 'Decode', 'motion to picture'],
  ['present', 'Present', 'picture to shown'],
];

export function latencySection({ stages_ms, series, bounds }: Report): string {
  const latencies = series.frames.flatMap((frame) => frame.capture_to_shown_ms ?? []);
  const { p50, p95 } = stages_ms.capture_to_shown;
  const marks = [
    ...(p50 === null ? [] : [{ name: 'p50', at: p50 }]),
    ...(p95 === null ? [] : [{ name: 'p95', at: p95 }]),
  ];
  const plot =
    latencies.length === 0
      ? ''
      : histogram(
          latencies,
          {
            title: 'Histogram of the time from capture to shown',
            xLabel: 'milliseconds from capture to shown',
            yLabel: 'frames',
            height: 190,
          },
          marks,
        );
  const cells = ({ p50, p95, p99 }: Report['stages_ms']['track']) =>
    [p50, p95, p99].map((value) => `<td>${format(value, 1)}</td>`).join('');
  const medians = STAGES.map(([key]) => stages_ms[key].p50 ?? 0);
  const rows = STAGES.map(([key, name, what], at) => {
    const bar = waterfall(medians, at);
    return `<tr><th scope="row">${name}</th><td class="what">${what}</td><td class="fall">${bar}</td>${cells(stages_ms[key])}</tr>`;
  });
  return section(
    'Latency',
    `${bounds === null ? '' : `<p class="under">The rate is bounded by ${escapeXml(bounds)}.</p>`}${plot}
<table><thead><tr><th scope="col">Stage, ms</th><td class="what"></td><td></td><th scope="col">p50</th><th scope="col">p95</th><th scope="col">p99</th></tr></thead>
<tbody>${rows.join('')}</tbody>
<tfoot><tr><th scope="row">Capture to shown</th><td class="what"></td><td></td>${cells(stages_ms.capture_to_shown)}</tr></tfoot></table>`,
  );
}

export function framesSection({ series, frames, drops }: Report): string {
  if (series.frames.length === 0) return '';
  const measured = series.frames.filter((frame) => frame.psnr_db !== null);
  const values = measured.map((frame) => frame.psnr_db!);
  const psnr =
    values.length < 2
      ? ''
      : linePlot(
          [{ name: 'PSNR', color: 'c1', points: measured.map((f) => [f.index, f.psnr_db!]) }],
          {
            title: 'PSNR of each frame, in decibels',
            xLabel: 'frame',
            yLabel: 'PSNR, dB',
            height: 180,
            yMin: Math.min(20, Math.floor(Math.min(...values))),
          },
        );
  const count = (state: FrameSample['state']) =>
    series.frames.filter((frame) => frame.state === state).length;
  const states = FRAME_STATES.map(
    (state) => [state, `${state}: ${thousands(count(state))}`] as const,
  );
  const dropped = Object.entries(drops).filter(([, number]) => number > 0);
  const losses =
    dropped.length === 0
      ? 'No message was dropped.'
      : `Dropped messages: ${dropped.map(([code, number]) => `${escapeXml(code)} ${number}`).join(', ')}.`;
  return section(
    'Frames',
    `<p class="under">${thousands(frames.received)} of ${thousands(frames.sent)} frames arrived; the receiver made up for ${thousands(frames.concealed)}. ${losses}</p>
${psnr}${stateStrip(
  series.frames.map((frame) => frame.state),
  'How each frame came about, in order',
)}
${legend(states.map(([state, text]) => [state, text]))}`,
  );
}

export function setupSection({ tracker, pack, config, machine, frames, link }: Report): string {
  const rows: [string, string][] = [
    ['Tracker', tracker ?? '–'],
    ['Pack', pack.name ?? '–'],
    ['Pack SHA-256', pack.sha256 === null ? '–' : `${pack.sha256.slice(0, 16)}…`],
    ...Object.entries(config).map(([key, value]): [string, string] => [
      key[0].toUpperCase() + key.slice(1).replaceAll('_', ' '),
      String(value ?? '–'),
    ]),
    ...(['forward', 'backward'] as const).flatMap((direction): [string, string][] => {
      const lost = lostOf(link[direction], direction);
      return lost === undefined
        ? []
        : [[`Simulated network, ${direction}`, `${lost}: ${linkOptions(link[direction]!)}`]];
    }),
    ['Frames without a face', thousands(frames.no_face)],
    ['Processor', `${machine.cpu}, ${machine.cores} cores`],
    ['Memory', `${machine.memory_gb} GB`],
    ['System', machine.os],
    ['Node', machine.node],
  ];
  const row = ([name, value]: [string, string]) =>
    `<div><dt>${escapeXml(name)}</dt><dd>${escapeXml(value)}</dd></div>`;
  return section('Setup', `<dl class="pairs">${rows.map(row).join('')}</dl>`);
}

const linkOptions = ({ options }: LinkFigures): string =>
  Object.entries(options)
    .map(([name, value]) => `${name} ${JSON.stringify(value)}`)
    .join(', ');

const section = (title: string, content: string): string =>
  `<section><h2>${title}</h2>\n${content}\n</section>`;

function legend(entries: readonly (readonly [classes: string, text: string])[]): string {
  const sample = (classes: string) =>
    classes.startsWith('line')
      ? `<polyline class="${classes}" points="0,5 22,5"/>`
      : `<rect class="${classes}" width="22" height="10" rx="2"/>`;
  return `<ul class="legend">${entries
    .map(
      ([classes, text]) =>
        `<li><svg viewBox="0 0 22 10" aria-hidden="true">${sample(classes)}</svg>${escapeXml(text)}</li>`,
    )
    .join('')}</ul>`;
}
