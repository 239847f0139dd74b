import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MANIFEST_FILE } from '../../models/pack.js';
import { openTrackerPack } from './pack-node.js';
import { createPackTracker, type OpenedTracker } from './pack-tracker.js';

export type { OpenedTracker };

/** Options of `openFaceTracker`. */
export interface FaceTrackerOptions {
  /**
   * Folder of the tracker pack. Default: the one that `visavis import-tracker` wrote for this user
   * (`importedTrackerFolder`) where it is there, else the one that comes with the package.
   */
  readonly packPath?: string | undefined;
  /** Whether the points are filtered over time (One-Euro); default true. */
  readonly smooth?: boolean;
}

/** The same three levels up from `src/sender/trackers` and from `dist/sender/trackers`. */
const EMBEDDED = fileURLToPath(new URL('../../../packs/tracker', import.meta.url));

/** Where this system keeps a user's data. `$XDG_DATA_HOME` goes before the system's own custom. */
function userDataFolder(): string {
  const { XDG_DATA_HOME, LOCALAPPDATA } = process.env;
  if (XDG_DATA_HOME) return XDG_DATA_HOME;
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support');
  if (process.platform === 'win32') return LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local');
  return join(homedir(), '.local', 'share');
}

/** The folder that `visavis import-tracker` writes to and `openFaceTracker` looks in first. */
export const importedTrackerFolder = (): string =>
  join(userDataFolder(), 'visavis', 'tracker-facelandmarker');

async function defaultFolder(): Promise<string> {
  const imported = importedTrackerFolder();
  const manifest = await stat(join(imported, MANIFEST_FILE)).catch(() => undefined);
  return manifest ? imported : EMBEDDED;
}

/**
 * Opens a tracker on onnxruntime, one thread. It serves one stream. Rejects with a PackError where the
 * pack is missing or damaged.
 */
export async function openFaceTracker({
  packPath,
  smooth = true,
}: FaceTrackerOptions = {}): Promise<OpenedTracker> {
  const pack = await openTrackerPack(packPath ?? (await defaultFolder()));
  return createPackTracker(pack, { smooth, eyesInTurn: false });
}
