// What a page can load as it is: `npx visavis assets` copies these two into an application.
import { build } from 'esbuild';

await build({
  entryPoints: { visavis: 'dist/browser.js', 'visavis-worker': 'dist/worker.js' },
  outdir: process.argv[2] ?? 'dist/assets',
  bundle: true,
  minify: true,
  platform: 'browser',
  format: 'esm',
  target: 'es2022',
  logLevel: 'warning',
});
