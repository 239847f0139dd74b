import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { personalise } from '../src/cli/commands/personalise.js';
import { findPython, runTraining } from '../src/cli/training/python.js';
import { UserError } from '../src/cli/user-error.js';
import { openPack } from '../src/models/pack-node.js';
import { openPersonalPack } from '../src/models/personal-node.js';
import { runCli, temporaryFolder, writeClip } from './support/cli.js';
import { itNeeds, pythonPath } from './tools.js';

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => rm(folder, { recursive: true }));

const signal = new AbortController().signal;

/** The one line that a command that cannot go on says. */
async function complaint(command: Promise<unknown>): Promise<string> {
  const error = await command.then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  expect(error.message).toMatch(/^[^\n]+$/);
  return error.message;
}

describe('visavis personalise', () => {
  it('says what it lacks', async () => {
    const run = (...args: string[]) => complaint(personalise(args, signal));
    expect(await run('clip.mp4')).toMatch(/--out is missing: give a folder/);
    expect(await run('--out', at('out'))).toMatch(/give one clip, about a minute/);
    expect(await run('a.mp4', '--out', at('out'), '--pack', 'warp')).toMatch(
      /pack warp has no network to train: give --pack portrait-256-cpu/,
    );
    expect(await run('a.mp4', '--out', at('out'), '--minutes', '0')).toMatch(
      /--minutes must be a number 0.01–1440, not 0/,
    );
  });
});

describe('a Python that trains', () => {
  const python = async (name: string, script: string) => {
    await writeFile(at(name), `#!/bin/sh\n${script}\n`);
    await chmod(at(name), 0o755);
    return at(name);
  };

  it('is the first that has what it needs', async () => {
    const good = await python('good', 'exit 0');
    const bare = await python('bare', 'exit 4');
    expect(await findPython([at('none'), bare, good])).toBe(good);
  });

  it('is asked for in a line that says how', async () => {
    const bare = await python('bare', 'exit 4');
    const old = await python('old', 'exit 3');
    expect(await complaint(findPython([at('none')]))).toMatch(
      /there is no Python.*: on Debian and Ubuntu apt-get install python3-torch/,
    );
    expect(await complaint(findPython([old, bare, at('none')]))).toMatch(
      /bare has no PyTorch.*apt-get install python3-torch/,
    );
    expect(await complaint(findPython([at('none'), old]))).toMatch(/old is older than Python 3.11/);
  });

  it('tells line by line, and its failure is its last line', async () => {
    const fails = await python('fails', 'echo 1; echo "[2]"; echo oh >&2; echo no >&2; exit 5');
    const lines: unknown[] = [];
    const options = { module: 'm', args: [], signal, onLine: (line: unknown) => lines.push(line) };
    expect(await complaint(runTraining(fails, options))).toBe(
      'the training ended with status 5: no',
    );
    expect(lines).toEqual([1, [2]]);
  });

  it('is stopped with the command', async () => {
    const controller = new AbortController();
    const waits = await python('waits', 'echo 1; exec sleep 60');
    const onLine = () => controller.abort(new UserError('stopped'));
    const options = { module: 'm', args: [], signal: controller.signal, onLine };
    expect(await complaint(runTraining(waits, options))).toBe('stopped');
  });
});

/** A pack of a tiny network that knows nothing. */
const MAKE_PACK = `
import sys, torch
from portrait.model import Portrait, Shape
torch.manual_seed(1)
shape = Shape(code=8, layout=8, encoder=8, near=8, far=8, trunk=8, deep=8, deepest=8, fine=8)
model = Portrait(shape)
for weight in model.parameters(): weight.data += 0.01 * torch.randn_like(weight)
torch.save({'shape': vars(shape), 'weights': model.state_dict()}, sys.argv[1])
sys.argv = ['export', sys.argv[1], sys.argv[2], '--name', 'tiny']
from portrait import export
export.main()
`;

itNeeds('torch')(
  'a clip becomes a personal pack that fits its base and leaves nothing else',
  async () => {
    const cwd = fileURLToPath(new URL('../training', import.meta.url));
    const env = { ...process.env, PYTHONPATH: cwd, PYTHONDONTWRITEBYTECODE: '1' };
    const { spawnSync } = await import('node:child_process');
    const made = spawnSync(pythonPath, ['-c', MAKE_PACK, at('tiny.pt'), at('tiny')], { cwd, env });
    expect(made.status, String(made.stderr)).toBe(0);
    const seal = fileURLToPath(new URL('../tools/seal-pack.ts', import.meta.url));
    const sealed = spawnSync(process.execPath, ['--import', 'tsx', seal, at('tiny')]);
    expect(sealed.status, String(sealed.stderr)).toBe(0);
    const clip = await writeClip(at('clip.webp'), 85);
    await mkdir(at('mine'));
    const { status, stdout, lines } = await runCli(
      ['personalise', clip, '--pack', at('tiny'), '--out', at('mine'), '--minutes', '0.02'],
      {},
    );
    expect([status, lines.at(-1)]).toEqual([0, expect.stringContaining('training')]);
    expect(stdout).toMatch(/trained +on 48 frames; measured on 12 of the clip's last fifth/);
    expect(stdout).toMatch(/gained +PSNR \d+\.\d\d → \d+\.\d\d dB \([+−]\d\.\d\d dB/);
    expect(stdout).toContain(`used      by visavis send CLIP --pack ${at('tiny')}`);
    expect((await readdir(at('mine'))).sort()).toEqual(['personal.bin', 'personal.json']);
    const base = await openPack(at('tiny'));
    const pack = await openPersonalPack(at('mine'), base);
    expect(pack.personal).toEqual(
      Uint8Array.from(await readFile(join(at('mine'), 'personal.bin'))),
    );
    expect(pack.networks.generator).not.toEqual(base.networks.generator);
    expect(pack.networks.generator.length).toBe(base.networks.generator.length);

    const short = await writeClip(at('short.webp'), 60);
    const refused = await runCli(['personalise', short, '--pack', at('tiny'), '--out', at('no')]);
    expect(refused.status).toBe(1);
    expect(refused.lines.at(-1)).toMatch(/shows a face in 35 frames .* 50 are needed: give/);
    expect(await readdir(at('no'))).toEqual([]);
  },
  120_000,
);
