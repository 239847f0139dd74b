import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { InferenceSession, OpenSession } from '../../models/inference.js';
import { MANIFEST_FILE, PackError, type ReadPackFile } from '../../models/pack.js';

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

function readManifest(bytes: Uint8Array): TrackerManifest {
  const manifest = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  if (!TRACKER_KINDS.includes(manifest?.kind)) {
    throw new Error(
      `${MANIFEST_FILE} names kind ${manifest?.kind}, not ${TRACKER_KINDS.join(' or ')}`,
    );
  }
  return manifest;
}

/**
 * Opens a tracker pack, wherever it lies: every graph that its manifest names. `label` is what messages
 * call it, `advice` what they say to do. Rejects with a PackError where a file is missing, unreadable
 * or not what the manifest says.
 */
export async function loadTrackerPack(
  label: string,
  advice: string,
  read: ReadPackFile,
  open: OpenSession,
): Promise<TrackerPack> {
  const unusable = (why: string, cause?: unknown) =>
    new PackError(`the tracker pack in ${label} cannot be used (${why}): ${advice}`, { cause });
  const opened = new Map<string, InferenceSession>();
  const close = async () => {
    await Promise.all([...opened.values()].map((session) => session.close()));
  };
  const readFile = (file: string) =>
    read(file).catch((cause: Error) => {
      throw new Error(`${file} cannot be read: ${cause.message}`, { cause });
    });
  try {
    const { name, kind, sha256: hashes } = readManifest(await readFile(MANIFEST_FILE));
    for (const [file, hash] of Object.entries(hashes)) {
      const bytes = await readFile(file);
      if (bytesToHex(sha256(bytes)) !== hash) {
        throw new Error(`${file} does not have the SHA-256 that ${MANIFEST_FILE} says`);
      }
      opened.set(file, await open(bytes));
    }
    return {
      kind,
      name,
      graph(file) {
        const session = opened.get(file);
        if (!session) throw unusable(`${MANIFEST_FILE} names no ${file}`);
        return session;
      },
      close,
    };
  } catch (cause) {
    await close();
    throw unusable((cause as Error).message, cause);
  }
}
