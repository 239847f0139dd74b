import { escapeXml } from '../../src/cli/report/plots.js';
import { STYLE } from '../../src/cli/report/style.js';
import { WHAT_DIFFERS } from './papers.js';
import type { FamiliesReport } from './report.js';
import { costTable, paperTable, qualityTable, sizeTable, type Table } from './tables.js';

const MORE_STYLE = `
body { max-width: none; padding: 32px; }
table { width: auto; } th, td { padding: 4px 14px 4px 0; white-space: nowrap; }
img { display: block; max-width: 100%; margin-top: 12px; border-radius: 6px; }
.scroll { overflow-x: auto; } pre { font-size: 14px; }
.papers { margin-top: 44px; padding: 4px 20px 20px; border: 1px dashed var(--soft); border-radius: 10px; }
.papers h2 { margin-top: 16px; }
.papers :is(th, td):nth-child(n + 7) { text-align: left; } .papers td:nth-child(n + 7) { white-space: normal; min-width: 220px; }
.papers tr.ours { background: var(--card); }
`;

function table({ head, units, rows }: Table): string {
  const cells = (row: readonly string[]) =>
    row.map((text, at) =>
      at === 0 ? `<th>${escapeXml(text)}</th>` : `<td>${escapeXml(text)}</td>`,
    );
  const headings = head.map((text, at) => `<th>${escapeXml(text)}<br>${escapeXml(units[at])}</th>`);
  const body = rows.map((row) => {
    const ours = row[0].startsWith('ours:') ? ' class="ours"' : '';
    return `<tr${ours}>${cells(row).join('')}</tr>`;
  });
  return `<div class="scroll"><table><thead><tr>${headings.join('')}</tr></thead><tbody>${body.join('')}</tbody></table></div>`;
}

/** `index.html`: the tables, the papers' figures apart, and the strips (a clip's file to the path of its picture). */
export function renderFamilies(
  report: FamiliesReport,
  command: string,
  strips: Readonly<Record<string, string>>,
): string {
  const { clips, means, leftOut, options, tracker, noCuda, machine } = report;
  const { seconds, stride, size } = options;
  const left = leftOut.map((line) => `<li>${escapeXml(line)}</li>`).join('');
  const cuda = noCuda ? `none here (${noCuda})` : 'the columns of that name';
  const sizes = means.some(({ sizes }) => sizes.length > 0)
    ? `<h2>At the sizes that networks work at</h2>
<p class="under">Source and picture of every pack reduced to so many pixels across: what a small network can be asked for, and what the others show of as many pixels.</p>
${table(sizeTable(means))}`
    : '';
  const sections = clips.map(
    ({ file, frames, references, packs }) => `
<h2>${escapeXml(file)}</h2>
<p class="under">${frames} frames after the enrolment, ${references} references</p>
${table(qualityTable(packs))}
<img src="${escapeXml(strips[file])}" alt="Frames, mouths and eyes of the source and of each pack" loading="lazy">`,
  );
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Decoder families · visavis</title><style>${STYLE}${MORE_STYLE}</style></head>
<body>
<h1>Decoder families</h1>
<p class="lead">Means over ${clips.length} ${clips.length === 1 ? 'clip' : 'clips'} of ${seconds} s of people whom no network was trained on, streamed at ${size}×${size}; one frame in ${stride} compared; tracker ${escapeXml(tracker)}; ${escapeXml(machine.cpu)}, ${machine.cores} cores.</p>
<pre>${escapeXml(command)}</pre>
${left && `<ul>${left}</ul>`}
<h2>What they cost</h2>
<p class="under">GFLOP: twice the multiply-accumulates of convolutions and matrix products. Motion, wire (both directions, all headers), pace, shown and first frame: a real-time call between werift peers in one process, tracked beforehand; where its pace is below 100 % the machine was too slow for it, and the wire’s rate is too low by so much. Enrolment, decode, CPU time (all threads, a frame): the decoder by itself on the CPU; CUDA: ${escapeXml(cuda)}.</p>
${table(costTable(report))}
<h2>What they look like</h2>
<p class="under">At ${size}×${size} whatever a network makes: smaller pictures are enlarged first. docs/quality.md defines the columns; payload and wire are reckoned from the messages there, whatever the machine’s speed.</p>
${table(qualityTable(means))}
${sizes}
<section class="papers">
<h2>The papers’ own figures</h2>
<p>${escapeXml(WHAT_DIFFERS)}</p>
${table(paperTable(report))}
</section>
${sections.join('\n')}
</body>
</html>
`;
}
