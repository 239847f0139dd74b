import { join } from 'node:path';
import { lostOf } from './report/format.js';
import type { Report } from './report/schema.js';

const figure = (value: number | null, digits: number, unit: string) =>
  value === null ? undefined : `${value.toFixed(digits)} ${unit}`;

const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`;

/** What a run came to, in a few lines for a terminal. */
export function summarise(report: Report, video: string | undefined, dir: string): string {
  const { tracker, frames, payload, wire, stages_ms, quality } = report;
  const lines: [string, (string | undefined)[]][] = [
    [
      'frames',
      [`${frames.shown} shown, ${frames.concealed} concealed`, figure(report.shown_fps, 1, 'fps')],
    ],
    [
      'wire',
      [
        figure(wire.steady_forward_kbps, 2, 'kbps forward'),
        figure(wire.steady_backward_kbps, 2, 'kbps backward'),
      ],
    ],
    ['network', [lostOf(report.link.forward, 'forward'), lostOf(report.link.backward, 'backward')]],
    [
      'payload',
      [
        figure(payload.motion_kbps, 2, 'kbps of motion'),
        payload.identity_bytes === null
          ? undefined
          : `identity ${kilobytes(payload.identity_bytes)} once`,
        payload.picture_bytes ? `pictures ${kilobytes(payload.picture_bytes)}` : undefined,
      ],
    ],
    [
      'latency',
      [
        figure(stages_ms.capture_to_shown.p50, 0, 'ms capture to shown (p50)'),
        figure(report.connect_to_first_frame_ms, 0, 'ms connect to first frame'),
      ],
    ],
    ['quality', [figure(quality.psnr_db, 2, 'dB PSNR'), figure(quality.ssim, 3, 'SSIM')]],
    ['tracker', [tracker ?? undefined]],
    ['bound by', [report.bounds ?? undefined]],
    ['see', [join(dir, 'report.html'), video && join(dir, video)]],
  ];
  return lines
    .map(([name, values]) => [name, values.filter((value) => value !== undefined)] as const)
    .filter(([, values]) => values.length > 0)
    .map(([name, values]) => `${name.padEnd(9)}${values.join(', ')}`)
    .join('\n');
}
