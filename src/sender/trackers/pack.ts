import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { InferenceSession } from '../../models/inference.js';
import { createNodeSession } from '../../models/inference-node.js';

/** The three graphs of the tracker pack, opened. */
export interface TrackerPack {
  readonly blazeface: InferenceSession;
  readonly facemesh: InferenceSession;
  readonly iris: InferenceSession;
  /** Closes all three. */
  close(): Promise<void>;
}

/** The same three levels up from `src/sender/trackers` and from `dist/sender/trackers`. */
const DEFAULT_PATH = fileURLToPath(new URL('../../../packs/tracker-facemesh', import.meta.url));

async function readGraphs(path: string): Promise<Uint8Array[]> {
  const manifest = JSON.parse(await readFile(join(path, 'manifest.json'), 'utf8'));
  return Promise.all(
    ['blazeface.onnx', 'facemesh.onnx', 'iris.onnx'].map(async (name) => {
      const bytes = await readFile(join(path, name));
      const hash = createHash('sha256').update(bytes).digest('hex');
      if (hash !== manifest.sha256?.[name])
        throw new Error(`${name} does not have the SHA-256 that manifest.json says`);
      return bytes;
    }),
  );
}

/**
 * Opens the tracker pack in a folder (default: the one that comes with the package). Rejects with
 * one line that says what to do where a file is missing, unreadable or not what the manifest says.
 */
export async function openTrackerPack(path = DEFAULT_PATH): Promise<TrackerPack> {
  const opened: InferenceSession[] = [];
  const close = async () => void (await Promise.all(opened.map((session) => session.close())));
  try {
    for (const graph of await readGraphs(path)) opened.push(await createNodeSession(graph));
  } catch (cause) {
    await close();
    throw new Error(
      `The tracker pack in ${path} cannot be used (${(cause as Error).message}). Reinstall visavis, ` +
        'or give a folder made by training/convert_facemesh.py as packPath.',
      { cause },
    );
  }
  const [blazeface, facemesh, iris] = opened;
  return { blazeface: blazeface!, facemesh: facemesh!, iris: iris!, close };
}
