import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

/** What a browser module may hold of others: messages and hashes, both of which run anywhere. */
const ALLOWED = /^(src\/|node_modules\/(msgpackr|@noble\/hashes)\/)/;

/** Bundles an entry with all its exports; rejects where it reaches a module of Node's. */
async function bundle(entry: string) {
  const { outputFiles, metafile } = await build({
    entryPoints: [`src/${entry}.ts`],
    absWorkingDir: fileURLToPath(new URL('..', import.meta.url)),
    bundle: true,
    minify: true,
    platform: 'browser',
    format: 'esm',
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  return { text: outputFiles[0].text, inputs: Object.keys(metafile.inputs) };
}

test.each(['index', 'protocol/index', 'browser', 'worker'])(
  '%s runs without Node',
  async (entry) => {
    const { text, inputs } = await bundle(entry);
    expect(inputs.filter((input) => !ALLOWED.test(input))).toEqual([]);
    // What a bundler cannot see: Node's globals.
    expect(text).not.toMatch(/\b(process\.(env|versions|platform)|require\(|__dirname)/);
  },
);

test('the check finds what it looks for', async () => {
  await expect(bundle('models/pack-node')).rejects.toThrow('node:');
});

test('./browser is at most 20 kB, and the worker 110 kB, as they are served', async () => {
  // 60 kB are promised; 20 are passed as soon as the page takes anything of the worker's along.
  expect(gzipSync((await bundle('browser')).text).length).toBeLessThan(20_000);
  expect(gzipSync((await bundle('worker')).text).length).toBeLessThan(110_000);
});
