import { createHash } from 'node:crypto';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MANIFEST_FILE } from '../../models/pack.js';
import { type ConvertedTask, convertTask } from '../../sender/trackers/face-landmarker-task.js';
import { importedTrackerFolder } from '../../sender/trackers/open.js';
import type { TrackerManifest } from '../../sender/trackers/pack.js';
import { checkTask } from '../../sender/trackers/task-check.js';
import { onlyPositional, parseCommand } from '../options.js';
import { makeFolder } from '../out-folder.js';
import { UserError } from '../user-error.js';

/** MediaPipe's file has 3.8 MB. */
const MAX_TASK_BYTES = 64 * 1024 * 1024;

/** `visavis import-tracker FACE_LANDMARKER.task [--out FOLDER]` */
export async function importTracker(args: readonly string[]): Promise<void> {
  const command = parseCommand(args, ['out']);
  const path = onlyPositional(command, "one file, MediaPipe's face_landmarker.task");
  const folder = command.out ?? importedTrackerFolder();
  const task = convertTask(path, await readTask(path));
  if (!task.known) {
    process.stderr.write(
      `warning: ${path} is not the face_landmarker.task (float16/1) that this was made for; its graphs run, but nobody has measured them\n`,
    );
  }
  const deviation = await checkTask(task);
  await writePack(folder, task);
  const checked =
    deviation === undefined
      ? 'both graphs run'
      : `both graphs run, and are off by at most ${deviation.toFixed(4)} from recorded numbers`;
  const use =
    command.out === undefined
      ? 'from now on, where no --tracker is given'
      : `with --tracker ${folder}`;
  process.stdout.write(`checked  ${checked}\nwritten  ${folder}\nused     ${use}\n`);
}

async function readTask(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > MAX_TASK_BYTES) throw new Error(`it has ${size} bytes, not about 4 million`);
    return await readFile(path);
  } catch (cause) {
    throw new UserError(
      `${path} cannot be read (${(cause as Error).message}): give MediaPipe's face_landmarker.task`,
      { cause },
    );
  }
}

/** The manifest comes last: a pack that was not written to its end has none, and is not used. */
async function writePack(folder: string, task: ConvertedTask): Promise<void> {
  const files = { 'detector.onnx': task.detector, 'landmarks.onnx': task.landmarks };
  const hashes = Object.entries(files).map(([name, bytes]) => [
    name,
    createHash('sha256').update(bytes).digest('hex'),
  ]);
  const manifest: TrackerManifest & { readonly source: string } = {
    name: 'tracker-facelandmarker',
    kind: 'face-landmarker',
    license: 'Apache-2.0',
    source: `face_landmarker.task, SHA-256 ${task.sha256}`,
    sha256: Object.fromEntries(hashes),
  };
  try {
    await makeFolder(resolve(folder));
    await rm(join(folder, MANIFEST_FILE), { force: true });
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
    await writeFile(join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
  } catch (cause) {
    throw new UserError(
      `${folder} cannot be written (${(cause as Error).message}): give another folder with --out`,
      { cause },
    );
  }
}
