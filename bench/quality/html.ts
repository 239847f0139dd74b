import { escapeXml } from '../../src/cli/report/plots.js';
import { STYLE } from '../../src/cli/report/style.js';
import type { QualityReport } from './bench.js';
import { COLUMNS, type Figures, KEYS, printed } from './figures.js';
import { comparisonRows } from './targets.js';

const MORE_STYLE = `
body { max-width: none; padding: 32px; }
table { width: auto; } th, td { padding: 4px 14px 4px 0; white-space: nowrap; }
img { display: block; max-width: 100%; margin-top: 12px; border-radius: 6px; }
.hit { color: var(--decoded); } .miss { color: var(--held); font-weight: 600; }
.scroll { overflow-x: auto; } pre { font-size: 14px; }
`;

const cell = (text: string, attributes = '') => `<td${attributes}>${escapeXml(text)}</td>`;

function figuresTable(decoders: Readonly<Record<string, Figures>>): string {
  const head = KEYS.map((key) => {
    const { heading, unit } = COLUMNS[key];
    return `<th>${escapeXml(heading)}<br>${escapeXml(unit)}</th>`;
  });
  const rows = Object.entries(decoders).map(
    ([name, figures]) =>
      `<tr><th>${escapeXml(name)}</th>${KEYS.map((key) => cell(printed(key, figures[key]))).join('')}</tr>`,
  );
  return `<div class="scroll"><table><thead><tr><th></th>${head.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function comparisonSection(comparison: QualityReport['comparisons'][number]): string {
  const rows = comparisonRows(comparison).map(([heading, unit, delta, text, verdict]) => {
    const cells = [cell(unit), cell(delta), cell(text), cell(verdict, ` class="${verdict}"`)];
    return `<tr><th>${escapeXml(heading)}</th>${cells.join('')}</tr>`;
  });
  const title = escapeXml(`${comparison.own} − ${comparison.other}`);
  return `<h2>${title}</h2><table><thead><tr><th></th><th>unit</th><th>difference</th><th>target</th><th></th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

/** `index.html`: the tables, and the strips (`strips`: a clip's file to the path of its picture). */
export function renderQuality(
  report: QualityReport,
  command: string,
  strips: Readonly<Record<string, string>>,
): string {
  const { clips, means, leftOut, size, stride, tracker } = report;
  const sections = clips.map(
    ({ file, frames, measuredFrames, identityBytes, references, decoders }) => `
<h2>${escapeXml(file)}</h2>
<p class="under">${frames} frames, ${measuredFrames} measured; identity of ${(identityBytes / 1000).toFixed(1)} kB with ${references} references</p>
${figuresTable(decoders)}
<img src="${escapeXml(strips[file])}" alt="Frames, mouths and eyes of the source and of each decoder" loading="lazy">`,
  );
  const left = leftOut.map((line) => `<li>${escapeXml(line)}</li>`).join('');
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Quality of the decoders · visavis</title><style>${STYLE}${MORE_STYLE}</style></head>
<body>
<h1>Quality of the decoders</h1>
<p class="lead">Means over ${clips.length} clips at ${size}×${size}; one frame in ${stride} measured; tracker ${escapeXml(tracker)}. docs/quality.md defines the columns.</p>
<pre>${escapeXml(command)}</pre>
${left && `<ul>${left}</ul>`}
${figuresTable(means)}
${report.comparisons.map(comparisonSection).join('\n')}
${sections.join('\n')}
</body>
</html>
`;
}
