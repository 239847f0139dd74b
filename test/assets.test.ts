import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { satisfies } from '../src/cli/packages.js';
import { runCli, temporaryFolder } from './support/cli.js';

const repositoryPath = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => rm(folder, { recursive: true }));

/** An application's folder, with packages by name: a folder to link, or the text of files to write. */
async function application(
  name: string,
  packages: Record<string, string | Record<string, string>>,
): Promise<string> {
  const cwd = join(folder, name);
  await mkdir(cwd);
  for (const [name, content] of Object.entries(packages)) {
    const path = join(cwd, 'node_modules', name);
    await mkdir(dirname(path), { recursive: true });
    if (typeof content === 'string') await symlink(content, path);
    else {
      await mkdir(path);
      for (const [file, text] of Object.entries(content)) await writeFile(join(path, file), text);
    }
  }
  return cwd;
}

const ORT = { 'onnxruntime-web': repositoryPath('node_modules/onnxruntime-web') };
const MEDIAPIPE = {
  '@mediapipe/tasks-vision': repositoryPath('node_modules/@mediapipe/tasks-vision'),
};
const notesOf = (stdout: string) => stdout.split('\n').filter((line) => line.startsWith('note'));

test('bundles, packs and runtimes are written, and nothing else is touched', async () => {
  const cwd = await application('whole', { ...ORT, ...MEDIAPIPE });
  await mkdir(join(cwd, 'public/visavis/packs/mine'), { recursive: true });
  await writeFile(join(cwd, 'public/visavis/packs/mine/manifest.json'), 'mine');
  const first = await runCli(['assets', 'public/visavis'], { cwd });
  const again = await runCli(['assets', 'public/visavis'], { cwd });
  expect(first).toMatchObject({ status: 0, lines: [] });
  expect(again).toEqual(first);
  expect(notesOf(first.stdout)).toEqual([]);
  expect(first.stdout).toContain("script-src 'self' 'wasm-unsafe-eval'");
  const sources = {
    'visavis.js': 'dist/assets/visavis.js',
    'visavis-worker.js': 'dist/assets/visavis-worker.js',
    'packs/portrait-256-cpu/manifest.json': 'packs/portrait-256-cpu/manifest.json',
    'packs/tracker/LICENSE': 'packs/tracker/LICENSE',
    'packs/warp/basis.bin': 'packs/warp/basis.bin',
    'onnxruntime/ort.wasm.min.mjs': 'node_modules/onnxruntime-web/dist/ort.wasm.min.mjs',
    'onnxruntime/ort-wasm-simd-threaded.asyncify.wasm':
      'node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.wasm',
    'mediapipe/vision_bundle.mjs': 'node_modules/@mediapipe/tasks-vision/vision_bundle.mjs',
    'mediapipe/wasm/vision_wasm_module_internal.wasm':
      'node_modules/@mediapipe/tasks-vision/wasm/vision_wasm_module_internal.wasm',
  };
  for (const [to, from] of Object.entries(sources)) {
    const written = await readFile(join(cwd, 'public/visavis', to));
    expect(written.equals(await readFile(repositoryPath(from))), to).toBe(true);
  }
  expect(await readFile(join(cwd, 'public/visavis/packs/mine/manifest.json'), 'utf8')).toBe('mine');
});

test('without the runtimes it says what will not run, and what installs them', async () => {
  const cwd = await application('bare', {});
  const { status, stdout } = await runCli(['assets', 'out', '--pack', 'warp'], { cwd });
  expect(status).toBe(0);
  expect(notesOf(stdout)).toEqual([
    `note     onnxruntime-web is not installed in ${cwd}, so no network runs in a page: not the tracker pack, and of the decoders only warp: npm install onnxruntime-web@1.30.0, then this again`,
    `note     @mediapipe/tasks-vision is not installed in ${cwd}, so a face_landmarker.task does not run in a page (the tracker pack does): npm install @mediapipe/tasks-vision@1.1.0, then this again`,
  ]);
  expect(stdout).toContain('packs/warp/manifest.json');
  expect(stdout).not.toContain('portrait');
});

test('runtimes of other versions are noted', async () => {
  const files = ['vision_bundle.mjs', 'wasm'];
  const cwd = await application('old', {
    'onnxruntime-web': {
      'package.json': '{ "name": "onnxruntime-web", "version": "1.18.0", "main": "index.js" }',
      'index.js': '',
    },
    '@mediapipe/tasks-vision': {
      'package.json':
        '{ "name": "@mediapipe/tasks-vision", "version": "2.0.0", "main": "index.js" }',
      'index.js': '',
    },
  });
  for (const file of files) {
    const path = `node_modules/@mediapipe/tasks-vision/${file}`;
    await symlink(repositoryPath(path), join(cwd, path));
  }
  const { status, stdout } = await runCli(['assets', 'out', '--pack', 'warp'], { cwd });
  expect(status).toBe(0);
  expect(notesOf(stdout)).toEqual([
    'note     onnxruntime-web 1.18.0 has no dist/ort.wasm.min.mjs, so no network runs in a page: not the tracker pack, and of the decoders only warp: npm install onnxruntime-web@1.30.0, then this again',
    'note     @mediapipe/tasks-vision is 2.0.0; visavis is made for 1.1.0: npm install @mediapipe/tasks-vision@1.1.0, then this again',
  ]);
  expect(stdout).toContain('mediapipe/vision_bundle.mjs');
});

test('which versions a range takes', () => {
  const taken = ['1.30.0', '1.30.1', '1.31.0', '1.30.2-dev.1'];
  expect(taken.filter((version) => !satisfies(version, '^1.30.0'))).toEqual([]);
  const refused = ['1.29.9', '2.0.0', '0.40.0'];
  expect(refused.filter((version) => satisfies(version, '^1.30.0'))).toEqual([]);
  expect([satisfies('1.1.0', '1.1.0'), satisfies('1.1.1', '1.1.0')]).toEqual([true, false]);
});

test.each<[says: string, args: string[]]>([
  ['give a folder to write', []],
  ['give a folder to write', ['a', 'b']],
  ['no pack nix in visavis: one of', ['out', '--pack', 'nix']],
  ['no pack ../src in visavis', ['out', '--pack', '../src']],
  ['/dev/null/x cannot be written', ['/dev/null/x']],
])('%s', async (says, args) => {
  const { status, lines, stdout } = await runCli(['assets', ...args], { cwd: folder });
  expect(status).toBeGreaterThan(0);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain(says);
  expect(stdout).toBe('');
});
