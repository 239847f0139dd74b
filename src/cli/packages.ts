import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

/** The part of a package.json that is used. */
export interface PackageJson {
  readonly name?: string;
  readonly version?: string;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** The package.json in a folder. */
export async function readPackage(folder: string): Promise<PackageJson> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
}

/**
 * Where a program in `cwd` finds a package, and which version; undefined where it is not installed. It is
 * looked for by its main module: `exports` may hide all else.
 */
export async function findPackage(
  name: string,
  cwd: string,
): Promise<{ readonly folder: string; readonly version: string } | undefined> {
  let folder: string;
  try {
    folder = dirname(createRequire(join(resolve(cwd), 'package.json')).resolve(name));
  } catch {
    return undefined;
  }
  for (; folder !== dirname(folder); folder = dirname(folder)) {
    const found = await readPackage(folder).catch(() => undefined);
    if (found?.name === name && found.version) return { folder, version: found.version };
  }
  return undefined;
}

/** Whether a version is the one of a range 1.2.3, or of its major and no older for ^1.2.3. */
export function satisfies(version: string, range: string): boolean {
  if (!range.startsWith('^')) return version === range;
  const [major, ...rest] = numbers(version);
  const [wantedMajor, ...wanted] = numbers(range.slice(1));
  const differs = rest.findIndex((part, index) => part !== wanted[index]);
  return major === wantedMajor && (differs < 0 || rest[differs] > wanted[differs]);
}

const numbers = (version: string) => version.split('-')[0].split('.').map(Number);
