import type { OpenSession } from '../../models/inference.js';
import { fetchPackFile, folderUrl } from '../../models/pack-fetch.js';
import { loadTrackerPack } from './pack.js';
import { createPackTracker, type OpenedTracker } from './pack-tracker.js';

/** Options of `openFetchedTracker`. */
export interface FetchedTrackerOptions {
  /** Folder of the tracker pack, relative to the page or worker. */
  readonly url: string | URL;
  /** Opens its graphs: `open` of `loadRuntime`. */
  readonly open: OpenSession;
  /** Whether the points are filtered over time (One-Euro); default true. */
  readonly smooth?: boolean;
}

/**
 * Fetches a tracker pack and opens a tracker on it, for one stream. Where the pack has a network for the
 * eyes, it sees one of them in each picture: in wasm it costs as much as all else. Rejects with a PackError where a
 * file is not there, or not what the manifest says.
 */
export async function openFetchedTracker({
  url,
  open,
  smooth = true,
}: FetchedTrackerOptions): Promise<OpenedTracker> {
  const folder = folderUrl(url);
  const read = (file: string) => fetchPackFile(new URL(file, folder));
  const advice = 'serve the files of one version of it, unchanged';
  const pack = await loadTrackerPack(folder.href, advice, read, open);
  return createPackTracker(pack, { smooth, eyesInTurn: true });
}
