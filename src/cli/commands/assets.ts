import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onlyPositional, parseCommand } from '../options.js';
import { makeFolder } from '../out-folder.js';
import { findPackage, readPackage, satisfies } from '../packages.js';
import { UserError } from '../user-error.js';

/** This package's folder, from src/ and dist/ alike. */
const PACKAGE = fileURLToPath(new URL('../../..', import.meta.url));

const BUNDLES = ['visavis.js', 'visavis-worker.js'];
/** What the defaults of `TalkingHeadSender` and `TalkingHeadReceiver` ask for. */
const DEFAULT_PACKS = ['portrait-256-cpu', 'tracker', 'warp'];

/** A package of the application's, of which the worker loads some files. */
interface Runtime {
  readonly name: string;
  /** Where its files go. */
  readonly folder: string;
  /** Paths in the package, and below `folder`. */
  readonly files: readonly (readonly [from: string, to: string])[];
  /** What is missing in a page without it. */
  readonly lack: string;
}

const ORT_FILES = [
  'ort.wasm.min.mjs',
  'ort.webgpu.min.mjs',
  'ort-wasm-simd-threaded.mjs',
  'ort-wasm-simd-threaded.wasm',
  'ort-wasm-simd-threaded.asyncify.mjs',
  'ort-wasm-simd-threaded.asyncify.wasm',
];
const MEDIAPIPE_FILES = [
  'vision_bundle.mjs',
  'wasm/vision_wasm_module_internal.js',
  'wasm/vision_wasm_module_internal.wasm',
];
const RUNTIMES: readonly Runtime[] = [
  {
    name: 'onnxruntime-web',
    folder: 'onnxruntime',
    files: ORT_FILES.map((file) => [`dist/${file}`, file]),
    lack: 'no network runs in a page: not the tracker pack, and of the decoders only warp',
  },
  {
    name: '@mediapipe/tasks-vision',
    folder: 'mediapipe',
    files: MEDIAPIPE_FILES.map((file) => [file, file]),
    lack: 'a face_landmarker.task does not run in a page (the tracker pack does)',
  },
];

/** What `writeAssets` has done. */
export interface WrittenAssets {
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  /** What will not work and what to do about it, a line each. */
  readonly notes: readonly string[];
}

export interface AssetsOptions {
  /** The application's folder, whose runtimes are copied. Default: the current one. */
  readonly cwd?: string;
  /** Names of the package's packs. Default: those of an ordinary call. */
  readonly packs?: readonly string[];
}

/** `visavis assets FOLDER [--pack NAME]...` */
export async function assets(args: readonly string[]): Promise<void> {
  const command = parseCommand(args, ['pack']);
  const folder = onlyPositional(command, 'a folder to write, public/visavis for one');
  const packs = command.packs.length > 0 ? command.packs : DEFAULT_PACKS;
  process.stdout.write(summary(folder, await writeAssets(folder, { packs })));
}

/**
 * Writes what a page loads into `folder`, which is made where there is none: bundles, packs and the
 * application's runtimes. It removes nothing, and a second time changes nothing. UserError where it cannot.
 */
export async function writeAssets(
  folder: string,
  { cwd = process.cwd(), packs = DEFAULT_PACKS }: AssetsOptions = {},
): Promise<WrittenAssets> {
  const { peerDependencies } = await readPackage(PACKAGE);
  const copies: Copy[] = [...(await bundleCopies()), ...(await packCopies(packs))];
  const notes: string[] = [];
  for (const runtime of RUNTIMES) {
    const found = await runtimeCopies(runtime, cwd, peerDependencies![runtime.name]);
    copies.push(...found.copies);
    notes.push(...found.notes);
  }
  const files: { path: string; bytes: number }[] = [];
  for (const { from, to } of copies) {
    const bytes = await readFile(from);
    await write(folder, to, bytes);
    files.push({ path: to, bytes: bytes.length });
  }
  return { files, notes };
}

interface Copy {
  readonly from: string;
  /** Below the folder to write. */
  readonly to: string;
}

async function write(folder: string, file: string, bytes: Uint8Array): Promise<void> {
  const path = resolve(folder, file);
  try {
    await makeFolder(dirname(path));
    await writeFile(path, bytes);
  } catch (cause) {
    throw new UserError(
      `${folder} cannot be written (${(cause as Error).message}): give another folder`,
      { cause },
    );
  }
}

async function bundleCopies(): Promise<Copy[]> {
  const folder = join(PACKAGE, 'dist/assets');
  const built = await readdir(folder).catch((): string[] => []);
  if (!BUNDLES.every((name) => built.includes(name))) {
    throw new UserError(`${folder} has no bundles: build visavis first (npm run build)`);
  }
  return BUNDLES.map((name) => ({ from: join(folder, name), to: name }));
}

async function packCopies(packs: readonly string[]): Promise<Copy[]> {
  const known = await readdir(join(PACKAGE, 'packs'));
  const unknown = packs.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new UserError(`no pack ${unknown} in visavis: one of ${known.join(', ')}`);
  }
  const lists = packs.map(async (name) => {
    const files = await readdir(join(PACKAGE, 'packs', name));
    return files.map((file) => ({
      from: join(PACKAGE, 'packs', name, file),
      to: `packs/${name}/${file}`,
    }));
  });
  return (await Promise.all(lists)).flat();
}

async function runtimeCopies(
  { name, folder, files, lack }: Runtime,
  cwd: string,
  range: string,
): Promise<{ readonly copies: readonly Copy[]; readonly notes: readonly string[] }> {
  const install = `npm install ${name}@${range.replace('^', '')}, then this again`;
  const without = (why: string) => ({ copies: [], notes: [`${why}, so ${lack}: ${install}`] });
  const found = await findPackage(name, cwd);
  if (!found) return without(`${name} is not installed in ${resolve(cwd)}`);
  const { version } = found;
  const copies: Copy[] = [];
  for (const [file, to] of files) {
    const from = join(found.folder, file);
    const known = await stat(from).catch(() => undefined);
    if (!known) return without(`${name} ${version} has no ${file}`);
    copies.push({ from, to: `${folder}/${to}` });
  }
  const notes = satisfies(version, range)
    ? []
    : [`${name} is ${version}; visavis is made for ${range}: ${install}`];
  return { copies, notes };
}

/** What a server says of a page and of these files; the last two give the page threads. */
const HEADERS = [
  "Content-Security-Policy: script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'",
  'Cross-Origin-Opener-Policy: same-origin',
  'Cross-Origin-Embedder-Policy: require-corp',
];

function summary(folder: string, { files, notes }: WrittenAssets): string {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const width = Math.max(...files.map(({ path }) => path.length));
  const lines = [
    `written  ${folder}: ${files.length} files, ${size(total)}`,
    ...files.map(({ path, bytes }) => `  ${path.padEnd(width)}  ${size(bytes).padStart(8)}`),
    'served   at /visavis/ (elsewhere: the option `assets`). Headers of a page and of these files, the',
    '         first where the page has a policy, the others for threads, which make decoding faster:',
    ...HEADERS.map((line) => `  ${line}`),
    ...notes.map((note) => `note     ${note}`),
  ];
  return `${lines.join('\n')}\n`;
}

const size = (bytes: number) =>
  bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
