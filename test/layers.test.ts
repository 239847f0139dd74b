import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface Layer {
  readonly name: string;
  /** Starts of paths. */
  readonly holds: readonly string[];
  /** Names of the layers that it may import, itself included. */
  readonly mayImport: readonly string[];
}

/** The table of docs/architecture.md: `| places | what they hold | what they may import |`. */
function readTable(markdown: string): Layer[] {
  const rows = [...markdown.matchAll(/^\| (`src\/.*) \| .* \| (.*) \|$/gm)];
  const layers: Layer[] = [];
  for (const [, places, rule] of rows) {
    const [first, ...others] = [...places.matchAll(/`([^`]+)`/g)].map(([, place]) => place);
    const holds = [first, ...others.map((place) => join('src', place))];
    const name = first.replace(/^src\/|\W+$|\*?\.ts$/g, '');
    const above = layers.map((layer) => layer.name);
    const named = rule.replace(/\(.*\)/, '').split(', ');
    const mayImport = named.flatMap((part) => {
      const word = part.trim();
      if (/^nothing of the project$/.test(word)) return [];
      if (/^(the layers above|all of the above)$/.test(word)) return above;
      if (!above.includes(word)) throw new Error(`docs/architecture.md: no layer ${word} above`);
      return [word];
    });
    layers.push({ name, holds, mayImport: [name, ...mayImport] });
  }
  return layers;
}

/** Whether a place of the table (a folder, a file, a name with `*`) holds a file. */
function isIn(place: string, file: string): boolean {
  const [start, end] = place.split('*');
  if (end !== undefined) return file.startsWith(start) && file.endsWith(end);
  return place.endsWith('/') ? file.startsWith(place) : file === place;
}

const layerOf = (layers: readonly Layer[], file: string) =>
  layers.find(({ holds }) => holds.some((place) => isIn(place, file)));

/** The source of what an import names: `.js` also stands for `.ts`. */
const written = (path: string) =>
  existsSync(join(ROOT, path)) ? path : path.replace(/\.js$/, '.ts');

/** Paths of the project's files that a module imports or exports again, types included. */
function importsOf(file: string, text: string): string[] {
  const statements =
    /^(?:import|export)\b[^;'"]*?['"](\.[^'"]*)['"]|\bimport\(\s*['"](\.[^'"]*)['"]/gm;
  return [...text.matchAll(statements)].map(([, fixed, dynamic]) =>
    written(join(dirname(file), fixed ?? dynamic)),
  );
}

/** What is wrong with a module's place or imports, a line each. */
function violations(layers: readonly Layer[], file: string, text: string): string[] {
  const layer = layerOf(layers, file);
  if (!layer) return [`${file} is in no layer of docs/architecture.md`];
  return importsOf(file, text).flatMap((imported) => {
    const target = layerOf(layers, imported);
    if (target && layer.mayImport.includes(target.name)) return [];
    return [`${file} (${layer.name}) imports ${imported} (${target?.name ?? 'no layer'})`];
  });
}

const table = readTable(readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8'));
const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .map((file) => join('src', file))
  .filter((file) => /\.[jt]s$/.test(file));
const textOf = (file: string) => readFileSync(join(ROOT, file), 'utf8');

test('nothing imports upward', () => {
  expect(files.flatMap((file) => violations(table, file, textOf(file)))).toEqual([]);
});

test('every place of the table is there, and every import leads to a file', () => {
  const empty = table.flatMap(({ holds }) =>
    holds.filter((place) => !files.some((file) => isIn(place, file))),
  );
  const lost = files.flatMap((file) =>
    importsOf(file, textOf(file)).filter((imported) => !existsSync(join(ROOT, imported))),
  );
  expect({ empty, lost }).toEqual({ empty: [], lost: [] });
});

test('the check sees what it looks for', () => {
  const upward = (statement: string) => violations(table, 'src/geometry/pose.ts', statement);
  expect(upward("import type { Pack } from '../models/pack.js';")).toHaveLength(1);
  expect(upward("import {\n  type Pack,\n} from '../models/pack.js';")).toHaveLength(1);
  expect(upward("export * from '../protocol/bytes.js';")).toHaveLength(1);
  expect(upward("import '../worker.js';")).toHaveLength(1);
  expect(upward("const a = await import('../cli/main.js');")).toHaveLength(1);
  expect(upward("import { b } from './regions.js';")).toEqual([]);
  expect(violations(table, 'src/elsewhere.ts', '')).toHaveLength(1);
});
