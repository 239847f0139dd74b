/**
 * Tests that need something beside Node and the npm packages. Such a test is skipped where the tool
 * is missing, and its name then says what is missing and the line that installs it. With
 * `VISAVIS_REQUIRE_TOOLS=1` (the CI, which installs the tools) it fails instead.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';

export type Tool = 'ffmpeg' | 'chromium' | 'torch' | 'data';

const repositoryRoot = fileURLToPath(new URL('..', import.meta.url));

/** Chromium's executable: `CHROMIUM_PATH`, default `/usr/bin/chromium`. */
export const chromiumPath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';

/** The Python that Debian's `python3-torch` belongs to. */
export const pythonPath = '/usr/bin/python3';

/** What training/ imports beside Python's own library. */
const PYTHON_MODULES = ['torch', 'onnx', 'numpy', 'cv2', 'matplotlib'];

/** The folder of clips and models that is not in the repository: `VISAVIS_DATA`, default `../shared`. */
export const dataFolder = resolve(repositoryRoot, process.env.VISAVIS_DATA ?? '../shared');

const runs = (command: string, args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;

const tools: Record<Tool, { readonly found: () => boolean; readonly install: string }> = {
  ffmpeg: {
    found: () => runs('ffmpeg', ['-version']) && runs('ffprobe', ['-version']),
    install: 'apt-get install ffmpeg',
  },
  chromium: { found: () => existsSync(chromiumPath), install: 'apt-get install chromium' },
  torch: {
    found: () =>
      runs(pythonPath, [
        '-c',
        `import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in ${JSON.stringify(PYTHON_MODULES)}))`,
      ]),
    install: 'apt-get install python3-torch python3-onnx python3-opencv python3-matplotlib',
  },
  data: {
    found: () => existsSync(resolve(dataFolder, 'data/splits.json')),
    install: 'VISAVIS_DATA=FOLDER (the project’s data, not published)',
  },
};

const found = new Map<Tool, boolean>();

/** Whether the tool is on this machine (looked up once per test file). */
export function hasTool(tool: Tool): boolean {
  if (!found.has(tool)) found.set(tool, tools[tool].found());
  return found.get(tool)!;
}

/**
 * The missing tools as the text a skipped test's name ends in, or '' where nothing is missing.
 */
function missing(needed: readonly Tool[]): string {
  return needed
    .filter((tool) => !hasTool(tool))
    .map((tool) => `needs ${tool}: ${tools[tool].install}`)
    .join(', ');
}

/** The data cannot be installed, so that a machine without it is not a failure of that machine. */
const mustFail = (needed: readonly Tool[]): boolean =>
  process.env.VISAVIS_REQUIRE_TOOLS === '1' &&
  needed.some((tool) => tool !== 'data' && !hasTool(tool));

/**
 * `it` for tests that need tools: `const itFfmpeg = itNeeds('ffmpeg')`, then
 * `itFfmpeg('reads mp4', async () => {…})`.
 */
export function itNeeds(
  ...needed: Tool[]
): (name: string, test: () => unknown, timeout?: number) => void {
  return (name, test, timeout) => {
    const lack = missing(needed);
    if (lack === '') {
      it(name, async () => void (await test()), timeout);
    } else if (mustFail(needed)) {
      it(`${name} [${lack}]`, () => {
        throw new Error(lack);
      });
    } else {
      it.skip(`${name} [${lack}]`);
    }
  };
}

/** `describe` for groups whose set-up needs tools; see `itNeeds`. */
export function describeNeeds(...needed: Tool[]): (name: string, body: () => void) => void {
  return (name, body) => {
    const lack = missing(needed);
    if (lack === '') describe(name, body);
    else itNeeds(...needed)(name, () => undefined);
  };
}

/**
 * The command lines of running processes that hold the text: what a test left behind. Empty
 * on a system without /proc.
 */
export function processesNaming(text: string): string[] {
  const all = existsSync('/proc') ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : [];
  return all.flatMap((pid) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return line.includes(text) ? [line] : [];
    } catch {
      return []; // ended meanwhile
    }
  });
}
