/**
 * Time to draw an NMFC image (`src/geometry/nmfc.ts`), one thread: `npx tsx bench/nmfc.ts`.
 */
import { CANONICAL_FACE } from '../src/geometry/canonical-face.js';
import { createNmfcRasteriser } from '../src/geometry/nmfc.js';

const RUNS = 300;

for (const size of [64, 128, 256]) {
  const out = new Float32Array(4 * size * size);
  const rasteriser = createNmfcRasteriser(size, true);
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const geometry = CANONICAL_FACE.map((value) => value + Math.sin(run));
    const started = performance.now();
    rasteriser.draw(geometry, out);
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * RUNS)].toFixed(2);
  console.log(`${size}×${size}: ${at(0.5)} ms (p50), ${at(0.95)} ms (p95)`);
}
