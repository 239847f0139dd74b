import { basename } from 'node:path';
import type { Comparison } from '../media/comparison.js';
import type { StripFrame } from './film-strip.js';
import { format, kilobytes, thousands } from './format.js';
import {
  comparisonSection,
  framesSection,
  latencySection,
  ratesSection,
  setupSection,
  stripSection,
} from './html-sections.js';
import { escapeXml } from './plots.js';
import type { Report } from './schema.js';
import { STYLE } from './style.js';

export interface HtmlInput {
  readonly report: Report;
  /** Empty where frames were not compared. */
  readonly strip: readonly StripFrame[];
  /** Undefined where none was made. */
  readonly comparison?: Comparison | undefined;
}

/** `report.html`: one page that needs nothing but the comparison's file beside it. */
export function renderReport({ report, strip, comparison }: HtmlInput): string {
  const clip = report.clip === null ? 'A call' : basename(report.clip);
  const sections = [
    comparison ? comparisonSection(comparison) : '',
    strip.length > 0 ? stripSection(strip, report.fps) : '',
    ratesSection(report),
    latencySection(report),
    framesSection(report),
    setupSection(report),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(clip)} · visavis</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escapeXml(clip)}</h1>
<p class="lead">${summary(report)}</p>
${cards(report)}
</header>
<main>
${sections.filter((section) => section !== '').join('\n')}
</main>
<footer>visavis ${escapeXml(report.version)}. The same figures for programs: <a href="report.json">report.json</a>.</footer>
</body>
</html>
`;
}

function summary({ frames, seconds, fps, payload, pack }: Report): string {
  const sent =
    frames.sent === null || seconds === null
      ? `${frames.shown ?? 0} frames were shown`
      : `${frames.sent} frames, ${format(seconds, 1)} seconds at ${format(fps, 2)} fps, went through a WebRTC data channel`;
  const rate =
    payload.motion_kbps === null
      ? ''
      : ` as ${format(payload.motion_kbps, 2)} kbps of motion, after an identity of ${kilobytes(payload.identity_bytes)}`;
  const by =
    pack.name === null
      ? ''
      : `, and were drawn again by the <b>${escapeXml(pack.name)}</b> decoder`;
  return `${sent}${rate}${by}.`;
}

function cards({ wire, payload, stages_ms, quality, frames, ...report }: Report): string {
  const latency = stages_ms.capture_to_shown;
  const card = (name: string, value: string, unit: string, more: string) =>
    `<div><dt>${name}</dt><dd>${value} <small>${unit}</small></dd><dd class="more">${more}</dd></div>`;
  return `<dl class="cards">${[
    card(
      'On the wire, every header counted',
      format(wire.steady_forward_kbps, 1),
      'kbps',
      `${format(wire.steady_backward_kbps, 1)} kbps back`,
    ),
    card(
      'Motion payload',
      format(payload.motion_kbps, 2),
      'kbps',
      `${thousands(payload.motion_bytes)} bytes in all`,
    ),
    card(
      'Camera to screen, median',
      format(latency.p50, 0),
      'ms',
      `${format(latency.p95, 0)} ms at the 95th percentile`,
    ),
    card(
      'Likeness, PSNR',
      format(quality.psnr_db, 1),
      'dB',
      `SSIM ${format(quality.ssim, 3)} over ${quality.frames_measured} frames`,
    ),
    card(
      'Connecting to first frame',
      format(report.connect_to_first_frame_ms, 0),
      'ms',
      `of which ${format(report.connect_ms, 0)} ms to connect`,
    ),
    card(
      'Shown',
      format(report.shown_fps, 1),
      'fps',
      `${thousands(frames.shown)} frames, ${thousands(frames.concealed)} of them concealed`,
    ),
  ].join('')}</dl>`;
}
