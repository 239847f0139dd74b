/** The report's looks: light and dark, no font or picture from anywhere else. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fcfcfd; --ink: #1c1f26; --soft: #626976; --rule: #e4e7ec; --card: #f3f4f7;
  --c1: #2563c9; --c2: #d9730d;
  --decoded: #3a9a6b; --still: #4a7fc1; --interpolated: #e0b03a; --extrapolated: #e07b39; --held: #c43d4b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14161b; --ink: #e6e9ef; --soft: #98a1b0; --rule: #2a2f39; --card: #1d2129;
    --c1: #6ea8ff; --c2: #f2a65a;
    --decoded: #4fb584; --still: #6d9fdd; --interpolated: #e5bd57; --extrapolated: #ea935a; --held: #e06470;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 960px; padding: 48px 24px 64px; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums;
}
h1 { font-size: 30px; line-height: 1.2; letter-spacing: -0.02em; margin: 0 0 8px; }
h2 { font-size: 18px; letter-spacing: -0.01em; margin: 44px 0 4px; }
p { margin: 0 0 14px; max-width: 70ch; }
p.lead { font-size: 17px; color: var(--soft); }
p.under, figcaption, .label { color: var(--soft); font-size: 14px; }
a { color: var(--c1); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(250px, 1fr)); gap: 12px; margin: 24px 0 0; padding: 0; }
.cards div { background: var(--card); border-radius: 10px; padding: 14px 16px; }
.cards dt { color: var(--soft); font-size: 14px; }
.cards dd { margin: 0; font-size: 26px; font-weight: 600; letter-spacing: -0.02em; line-height: 1.3; }
.cards dd small { font-size: 15px; font-weight: 400; letter-spacing: 0; color: var(--soft); }
.cards dd.more { font-size: 14px; font-weight: 400; letter-spacing: 0; color: var(--soft); line-height: 1.45; }
figure { margin: 12px 0 0; }
figure video, figure img.comparison { display: block; width: 100%; max-width: 720px; border-radius: 10px; background: #16181d; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
svg text.note { fill: var(--ink); }
.grid { stroke: var(--rule); }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.dashed { stroke-dasharray: 5 5; }
.line.c1 { stroke: var(--c1); } .line.c2 { stroke: var(--c2); }
.bar.c1 { fill: var(--c1); }
.mark { stroke: var(--ink); stroke-dasharray: 2 3; }
rect.decoded { fill: var(--decoded); } rect.interpolated { fill: var(--interpolated); }
rect.extrapolated { fill: var(--extrapolated); } rect.held { fill: var(--held); }
ul.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 6px 0 10px; padding: 0; font-size: 14px; color: var(--soft); }
ul.legend svg { display: inline-block; width: 22px; height: 10px; margin-right: 7px; vertical-align: 0; }
table { border-collapse: collapse; width: 100%; font-size: 15px; margin-top: 12px; }
th, td { padding: 6px 12px 6px 0; text-align: right; border-bottom: 1px solid var(--rule); }
th:first-child, td:first-child { text-align: left; }
td:last-child, th:last-child { padding-right: 0; }
th { font-weight: 500; white-space: nowrap; }
thead th { color: var(--soft); font-size: 14px; }
tfoot th, tfoot td { font-weight: 600; border-bottom: 0; }
td.what { text-align: left; color: var(--soft); font-size: 14px; }
td.fall { width: 34%; }
td.fall svg { height: 10px; }
.strip { display: grid; gap: 4px; }
.strip img { display: block; width: 100%; border-radius: 4px; }
.strip span { font-size: 12px; line-height: 1.35; color: var(--soft); }
.strip .worst { color: var(--held); font-weight: 600; }
.pairs { columns: 2; column-gap: 40px; margin: 12px 0 0; font-size: 15px; }
.pairs div { display: flex; justify-content: space-between; gap: 16px; border-bottom: 1px solid var(--rule); padding: 5px 0; break-inside: avoid; }
.pairs dt { color: var(--soft); } .pairs dd { margin: 0; text-align: right; overflow-wrap: anywhere; }
footer { margin-top: 48px; color: var(--soft); font-size: 14px; }
@media (max-width: 640px) { .pairs { columns: 1; } body { padding: 28px 16px; } td.what { display: none; } }
`.trim();
