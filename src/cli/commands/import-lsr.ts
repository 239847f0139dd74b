import { basename, resolve } from 'node:path';
import { needed, onlyPositional, parseCommand } from '../options.js';
import { makeFolder } from '../out-folder.js';
import { sealPack } from '../seal-pack.js';
import { findPython, runImport } from '../training/python.js';
import { UserError } from '../user-error.js';

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/**
 * `visavis import-lsr LSR.npz --out FOLDER`: a pack of the published LSR weights, from the variables that
 * `training/lsr/dump_checkpoint.py` makes of the checkpoint. Its name is the folder's.
 */
export async function importLsr(args: readonly string[], abort: AbortSignal): Promise<void> {
  const command = parseCommand(args, ['out']);
  const path = onlyPositional(command, 'one file, what dump_checkpoint.py made of the checkpoint');
  const out = resolve(needed(command.out, 'out', 'a folder for the pack'));
  const name = basename(out);
  if (!NAME.test(name))
    throw new UserError(`--out ${out}: its last part, the pack's name, must be of a–z, 0–9, . _ -`);
  const python = await findPython();
  await makeFolder(out).catch((cause: Error) => {
    throw new UserError(`${out} cannot be written (${cause.message}): give another --out`, {
      cause,
    });
  });
  await runImport(python, {
    module: 'lsr.import_published',
    args: [resolve(path), out, '--name', name],
    signal: abort,
    onLine: (line) => process.stdout.write(`${line}\n`),
  });
  const files = await sealPack(out);
  process.stdout.write(`written  ${out}, ${files} files\nused     with --pack ${out}\n`);
}
