import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { FrameKind, FrameStore, FrameWriter } from './media/frame-store.js';
import { createFrameWriter, openFrameFolder } from './media/frame-writer.js';
import { writeError } from './media/queued-writer.js';
import { createRawFrameWriter, openRawFrames } from './media/raw-frames.js';
import { UserError } from './user-error.js';

const OUTPUTS =
  /^(report\.(json|html)|(comparison|received)\.(mp4|webp)|\.(src|dec)\.vvf|(sender|receiver)\.json)$/;
const FRAMES = /^(src|dec)-\d{6,}\.png$/;

/** Makes the folder and takes out what an earlier run left in it, nothing else. */
export async function prepareOut(dir: string): Promise<void> {
  try {
    await makeFolder(resolve(dir));
    await removeMatching(dir, OUTPUTS);
    await removeMatching(join(dir, 'frames'), FRAMES);
  } catch (error) {
    throw new UserError(
      `${dir} cannot be written (${(error as Error).message}): give another folder with --out`,
      { cause: error },
    );
  }
}

/** `mkdir` with `recursive` never returns for a folder in /proc (Node 20). */
export async function makeFolder(path: string): Promise<void> {
  if (await isFolder(path)) return;
  if (path !== dirname(path)) await makeFolder(dirname(path));
  try {
    await mkdir(path);
  } catch (error) {
    // The other end of a call may have made it meanwhile.
    if (!(await isFolder(path))) throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() ?? false;
}

async function removeMatching(dir: string, pattern: RegExp): Promise<void> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  await Promise.all(names.filter((name) => pattern.test(name)).map((name) => rm(join(dir, name))));
}

const rawPath = (dir: string, kind: FrameKind) => join(dir, `.${kind}.vvf`);

/** Where a run's frames go: PNG files to keep, or one raw file until the report is made. */
export function openFrameWriter(dir: string, kind: FrameKind, keep: boolean): Promise<FrameWriter> {
  return keep ? createFrameWriter(dir, kind) : createRawFrameWriter(rawPath(dir, kind));
}

/** Reads back what `openFrameWriter` wrote. */
export function openFrames(dir: string, kind: FrameKind, kept: boolean): Promise<FrameStore> {
  return kept ? openFrameFolder(dir, kind) : openRawFrames(rawPath(dir, kind));
}

/** Writes a run's log as JSON. UserError where the disk does not take it. */
export async function writeLog(path: string, log: unknown): Promise<void> {
  await writeFile(path, JSON.stringify(log ?? null)).catch((error) => {
    throw writeError(error, path, 0);
  });
}

/** Removes the raw files. */
export async function removeRawFrames(dir: string): Promise<void> {
  await Promise.all([
    rm(rawPath(dir, 'src'), { force: true }),
    rm(rawPath(dir, 'dec'), { force: true }),
  ]);
}
