import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createNodeSession } from '../../models/inference-node.js';
import { loadTrackerPack, type TrackerPack } from './pack.js';

/**
 * Opens the tracker pack in a folder, each graph on one thread. Rejects with a PackError where a file
 * is missing, unreadable or not what the manifest says.
 */
export function openTrackerPack(folder: string): Promise<TrackerPack> {
  return loadTrackerPack(
    folder,
    'import it again with `visavis import-tracker`, or reinstall visavis where it is its own',
    (file) => readFile(join(folder, file)),
    (graph) => createNodeSession(graph),
  );
}
