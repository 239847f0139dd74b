import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MANIFEST_FILE } from '../../models/pack.js';
import type { FaceTracker } from '../tracker.js';
import { createDistilledFinder } from './distilled.js';
import { createFaceLandmarkerFinder } from './face-landmarker.js';
import { type FaceFinder, followFaces } from './following.js';
import { openTrackerPack, type TrackerPack } from './pack.js';

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

/** A tracker of a pack. */
export interface OpenedTracker extends FaceTracker {
  /** The pack's name. */
  readonly name: string;
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
  try {
    return { name: pack.name, ...followFaces(createFinder(pack), smooth) };
  } catch (error) {
    await pack.close();
    throw error;
  }
}

function createFinder(pack: TrackerPack): FaceFinder {
  switch (pack.kind) {
    case 'distilled':
      return createDistilledFinder(pack);
    case 'face-landmarker':
      return createFaceLandmarkerFinder(pack.graph('detector.onnx'), pack.graph('landmarks.onnx'));
  }
}
