import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder, prepareOut } from '../src/cli/out-folder.js';
import { temporaryFolder } from './support/cli.js';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true }));

describe('the folder for a run’s results', () => {
  it('is made beside others whose parents are made at the same time', async () => {
    const names = Array.from({ length: 16 }, (_, i) => `${i}`);
    await Promise.all(names.map((name) => prepareOut(join(folder, 'both', 'ends', name))));
    expect((await readdir(join(folder, 'both', 'ends'))).length).toBe(names.length);
  });

  it('may be made by several at once', async () => {
    const same = join(folder, 'a', 'b');
    await Promise.all(Array.from({ length: 16 }, () => makeFolder(same)));
    expect(await readdir(same)).toEqual([]);
  });

  it('cannot be where a file is', async () => {
    await mkdir(join(folder, 'a'));
    await writeFile(join(folder, 'a', 'b'), '');
    for (const path of ['a/b', 'a/b/c']) {
      await expect(prepareOut(join(folder, path))).rejects.toThrow('cannot be written');
    }
  });
});
