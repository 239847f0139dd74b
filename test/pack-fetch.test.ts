import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PackError } from '../src/models/pack.js';
import { fetchPack } from '../src/models/pack-fetch.js';
import { openPack } from '../src/models/pack-node.js';
import { type StaticServer, serveFiles } from './support/static-server.js';

const folder = fileURLToPath(new URL('../packs/warp/', import.meta.url));
let server: StaticServer;

beforeAll(async () => {
  const files = new Map<string, string | Uint8Array>([
    // What a server of a single-page application gives for any path.
    ['application/manifest.json', '<!doctype html>'],
  ]);
  for (const file of await readdir(folder)) {
    const bytes = await readFile(folder + file);
    files.set(`warp/${file}`, bytes);
    files.set(`damaged/${file}`, file === 'tables.bin' ? bytes.subarray(1) : bytes);
    if (file !== 'tables.bin') files.set(`incomplete/${file}`, bytes);
  }
  server = await serveFiles(files);
});

afterAll(() => server.close());

test.each(['warp', 'warp/'])('a pack at %s is the one on disk', async (path) => {
  expect(await fetchPack(server.url + path)).toEqual(await openPack('warp'));
});

test.each([
  ['nothing', 'manifest.json cannot be read (the server says 404 Not Found)'],
  ['incomplete', 'tables.bin cannot be read (the server says 404 Not Found)'],
  ['damaged', 'tables.bin is damaged'],
  ['application', 'manifest.json is not JSON'],
])('the pack at %s cannot be used: %s', async (path, message) => {
  const failed = fetchPack(server.url + path);
  await expect(failed).rejects.toThrow(PackError);
  await expect(failed).rejects.toThrow(`pack ${server.url}${path}/: ${message}`);
});

test('a server that does not answer is a PackError', async () => {
  const gone = await serveFiles(new Map());
  await gone.close();
  const failed = fetchPack(`${gone.url}warp`);
  await expect(failed).rejects.toThrow(PackError);
  await expect(failed).rejects.toThrow('the server does not answer');
});
