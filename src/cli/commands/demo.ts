import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loopback } from './loopback.js';

const SAMPLE = fileURLToPath(new URL('../../../samples/sample.webp', import.meta.url));
const OUT = join('out', 'demo');

/** `visavis demo [CLIP]`: `loopback` with the embedded sample, into `out/demo`. */
export async function demo(args: readonly string[], abort: AbortSignal): Promise<void> {
  await loopback(args, abort, { clip: SAMPLE, out: OUT });
}
