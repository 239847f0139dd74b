import { resolve } from 'node:path';
import { openPack } from '../../models/pack-node.js';
import { needed, onlyPositionals, parseCommand } from '../options.js';
import { findPython, runImport } from '../training/python.js';

/** What `training/fsrt/import_published.py` says at its end. */
interface Imported {
  readonly name: string;
  /** Numbers of the expression vector. */
  readonly expression: number;
}

/** `visavis import-fsrt CHECKPOINT KEYPOINTS --out FOLDER` */
export async function importFsrt(args: readonly string[], signal: AbortSignal): Promise<void> {
  const command = parseCommand(args, ['out']);
  const [checkpoint, keypoints] = onlyPositionals(
    command,
    2,
    "two files, FSRT's checkpoint and its keypoint detector's",
  );
  const out = resolve(needed(command.out, 'out', 'a folder for the pack'));
  const python = await findPython();
  let imported: Imported | undefined;
  await runImport(python, {
    module: 'fsrt.import_published',
    args: [resolve(checkpoint), resolve(keypoints), out],
    signal,
    onLine: (line) => {
      imported = JSON.parse(line);
    },
  });
  const pack = await openPack(out);
  process.stdout.write(
    `checked  each graph gives PyTorch's numbers to 1e-3\nwritten  ${out}: ${pack.identity.name}, |e| = ${imported?.expression}\nused     with --pack ${out}\n`,
  );
}
