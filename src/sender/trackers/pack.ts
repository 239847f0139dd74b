import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InferenceSession } from '../../models/inference.js';
import { createNodeSession } from '../../models/inference-node.js';
import { MANIFEST_FILE, PackError } from '../../models/pack.js';

/** What kinds of tracker packs there are: `kind` in their manifest. */
export const TRACKER_KINDS = ['distilled', 'face-landmarker'] as const;
export type TrackerKind = (typeof TRACKER_KINDS)[number];

/** An opened tracker pack. */
export interface TrackerPack {
  readonly kind: TrackerKind;
  /** As the manifest names it. */
  readonly name: string;
  /** A graph by its file's name. Throws where the manifest does not name it. */
  graph(file: string): InferenceSession;
  /** Closes all graphs. */
  close(): Promise<void>;
}

/** A tracker pack's `manifest.json`. */
export interface TrackerManifest {
  readonly name: string;
  readonly kind: TrackerKind;
  readonly license: string;
  /** SHA-256 in hexadecimal digits of every graph, by the name of its file. */
  readonly sha256: Readonly<Record<string, string>>;
}

function unusable(folder: string, why: string, cause?: unknown): PackError {
  return new PackError(
    `the tracker pack in ${folder} cannot be used (${why}): import it again with ` +
      '`visavis import-tracker`, or reinstall visavis where it is its own',
    { cause },
  );
}

async function readManifest(folder: string): Promise<TrackerManifest> {
  const manifest = JSON.parse(await readFile(join(folder, MANIFEST_FILE), 'utf8'));
  if (!TRACKER_KINDS.includes(manifest?.kind)) {
    throw new Error(
      `manifest.json names kind ${manifest?.kind}, not ${TRACKER_KINDS.join(' or ')}`,
    );
  }
  return manifest;
}

async function readGraph(folder: string, file: string, sha256: string): Promise<Uint8Array> {
  const bytes = await readFile(join(folder, file));
  if (createHash('sha256').update(bytes).digest('hex') !== sha256) {
    throw new Error(`${file} does not have the SHA-256 that manifest.json says`);
  }
  return bytes;
}

/**
 * Opens the tracker pack in a folder: every graph that its manifest names. Rejects with a
 * PackError where a file is missing, unreadable or not what the manifest says.
 */
export async function openTrackerPack(folder: string): Promise<TrackerPack> {
  const opened = new Map<string, InferenceSession>();
  const close = async () => {
    await Promise.all([...opened.values()].map((session) => session.close()));
  };
  try {
    const { name, kind, sha256 } = await readManifest(folder);
    for (const [file, hash] of Object.entries(sha256)) {
      opened.set(file, await createNodeSession(await readGraph(folder, file, hash)));
    }
    return {
      kind,
      name,
      graph(file) {
        const session = opened.get(file);
        if (!session) throw unusable(folder, `manifest.json names no ${file}`);
        return session;
      },
      close,
    };
  } catch (cause) {
    await close();
    throw unusable(folder, (cause as Error).message, cause);
  }
}
