import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { type AppearanceBasis, appearanceValues } from '../geometry/appearance.js';
import { faceValueCount, type MotionBasis, SURROUND_VALUES } from '../geometry/motion-model.js';
import type { MotionVector } from '../geometry/motion-vector.js';
import { checkOption } from '../protocol/check-options.js';
import { type PackIdentity, PROTOCOL_VERSION } from '../protocol/control-messages.js';
import { type MotionTables, parseTables } from '../protocol/motion-tables.js';
import { parseAppearance } from './appearance-data.js';
import { parseBasis } from './motion-data.js';
import { parseVector } from './vector-data.js';
import { parseWeights, type WeightPlace } from './weights.js';

/** Name of a pack's manifest file. Its SHA-256 is the pack's: it holds those of all other files. */
export const MANIFEST_FILE = 'manifest.json';
/** Format of the manifest that this library reads. */
const MANIFEST_FORMAT = 1;
/**
 * Bytes of a pack's file: a pack is kept whole, 20 MB is the largest we ship, and the published systems' networks have
 * up to 71 million weights (the generator of `head2head`) of 2 bytes.
 */
const MAX_FILE_BYTES = 160 * 1024 * 1024;
/** Pixels across of what a network may work at: the largest picture that is shown, and too small for a face. */
const MAX_SIZE = 512;
const MIN_SIZE = 16;
const FILE_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** `manifest.json` of a pack. */
export interface PackManifest {
  readonly format: number;
  /** What people call the pack: 1–64 of a–z, 0–9, `.`, `_` and `-`. */
  readonly name: string;
  readonly version: string;
  /** Decoder family, a name of `createDecoder`'s. */
  readonly family: string;
  /** Major version of the bitstream that the tables are for. */
  readonly protocol: number;
  readonly licence: string;
  /** What it was trained on, for people. */
  readonly trainingData: string;
  /** Files of the motion codec. */
  readonly motion: {
    readonly basis?: string;
    readonly tables: string;
    readonly appearance?: string;
    /** In the place of a basis: the family's own vector. */
    readonly vector?: string;
  };
  /** Files of the decoder's networks by their role in the family, where it has any. */
  readonly networks?: Readonly<Record<string, string>>;
  /** Pixels across of the square pictures that the networks work at, where the family has no size of its own. */
  readonly size?: number;
  /** File that says where the networks' weights lie, where personal packs may be made of this one. */
  readonly weights?: string;
  /** Every file of the pack but the manifest. */
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

/** A verified pack. */
export interface Pack {
  /** Name and hash, as the handshake compares them. */
  readonly identity: PackIdentity;
  readonly manifest: PackManifest;
  /** Without components in a pack whose motion frames are a vector. */
  readonly basis: MotionBasis;
  readonly tables: MotionTables;
  /** Of a family with numbers of its own: what its motion frames are. */
  readonly vector?: MotionVector;
  /** What mouth and eyes may look like, where its motion frames carry that. */
  readonly appearance?: AppearanceBasis;
  /** Values of its motion frames beside the face's: surround points and appearance, or 0. */
  readonly moreValues: number;
  /** The decoder's networks, ONNX graphs, by their role in the family. */
  readonly networks: Readonly<Record<string, Uint8Array>>;
  /** Where the networks' weights lie, by role, in packs that say so. */
  readonly weights?: Readonly<Record<string, readonly WeightPlace[]>>;
  /** Of a personal pack: what was added to the weights of its base, for the receiver. */
  readonly personal?: Uint8Array;
}

/** Throws a TypeError where an option `pack` holds none. */
export function checkPack(pack: Pack): void {
  const holds = Boolean(pack?.manifest && pack.identity && pack.basis && pack.tables);
  checkOption(holds, 'pack', 'a pack of loadPack, openPack or fetchPack');
}

/** A pack that cannot be used; the message says why and what to do. */
export class PackError extends Error {
  override readonly name = 'PackError';
}

/** Reads one file of a pack, whatever it lies in; rejects where it is not there. */
export type ReadPackFile = (file: string) => Promise<Uint8Array>;

/**
 * Loads a pack and verifies every file against the manifest. `label` is what messages call it.
 * Rejects with a PackError.
 */
export async function loadPack(label: string, read: ReadPackFile): Promise<Pack> {
  const fail = (what: string): never => {
    throw new PackError(`pack ${label}: ${what}`);
  };
  const readFile = (file: string) =>
    read(file).catch((error: Error) => fail(`${file} cannot be read (${error.message})`));
  const manifestBytes = await readFile(MANIFEST_FILE);
  const manifest = parseManifest(manifestBytes, fail);
  const contents = new Map<string, Uint8Array>();
  for (const [file, { bytes, sha256: hash }] of Object.entries(manifest.files)) {
    const content = await readFile(file);
    if (content.length !== bytes || bytesToHex(sha256(content)) !== hash) {
      fail(`${file} is damaged (its hash is not the manifest's): install the pack again`);
    }
    contents.set(file, content);
  }
  const content = (file: string) =>
    contents.get(file) ?? fail(`${file} is not among the manifest's files`);
  const motion = readMotion(manifest.motion, content, fail);
  const networks = Object.fromEntries(
    Object.entries(manifest.networks ?? {}).map(([role, file]) => [role, content(file)]),
  );
  const places = manifest.weights && parseWeights(content(manifest.weights), networks);
  const weights = places ? { weights: places } : undefined;
  if (manifest.weights && !weights) fail(`${manifest.weights} does not fit its networks`);
  return {
    identity: { name: manifest.name, sha256: bytesToHex(sha256(manifestBytes)) },
    manifest,
    ...motion,
    networks,
    ...weights,
  };
}

/** Basis of a pack whose motion frames are a vector. */
const NO_BASIS: MotionBasis = {
  components: 0,
  synthesis: new Float32Array(),
  analysis: new Float32Array(),
};

/** What a pack's motion frames are. */
function readMotion(
  files: PackManifest['motion'],
  content: (file: string) => Uint8Array,
  fail: (what: string) => never,
): Pick<Pack, 'basis' | 'tables' | 'moreValues' | 'appearance' | 'vector'> {
  const parsed = parseTables(content(files.tables));
  const vector = files.vector === undefined ? undefined : parseVector(content(files.vector));
  if (files.vector !== undefined && !vector) return fail(`${files.vector} is no motion vector`);
  const basis = files.basis === undefined ? NO_BASIS : parseBasis(content(files.basis));
  if (!basis || !parsed.ok) return fail('its motion basis or tables are not of this format');
  const tables = parsed.value;
  if (vector) {
    if (tables.valueCount !== vector.rest.length) {
      fail('its entropy tables are not those of its motion vector');
    }
    return { basis, tables, vector, moreValues: 0 };
  }
  const { appearance: file } = files;
  const appearance = file === undefined ? undefined : parseAppearance(content(file));
  if (file !== undefined && !appearance) fail(`${file} is no appearance basis`);
  const moreValues = tables.valueCount - faceValueCount(basis);
  const wanted = appearance ? SURROUND_VALUES + appearanceValues(appearance) : SURROUND_VALUES;
  if (moreValues !== wanted && (appearance || moreValues !== 0)) {
    fail('its entropy tables are not those of its motion basis');
  }
  return { basis, tables, moreValues, ...(appearance && { appearance }) };
}
const isSize = (value: unknown): boolean =>
  Number.isInteger(value) && (value as number) >= MIN_SIZE && (value as number) <= MAX_SIZE;

const isTexts = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.values(value).every((entry) => typeof entry === 'string');

/** Names of a basis and perhaps an appearance basis, or of a vector alone. */
function isMotion({ basis, appearance, vector }: PackManifest['motion']): boolean {
  const isText = (value: unknown) => typeof value === 'string';
  if (vector !== undefined)
    return isText(vector) && basis === undefined && appearance === undefined;
  return isText(basis) && (appearance === undefined || isText(appearance));
}

function parseManifest(bytes: Uint8Array, fail: (what: string) => never): PackManifest {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return fail(`${MANIFEST_FILE} is not JSON: install the pack again`);
  }
  const manifest = json as PackManifest;
  if (typeof json !== 'object' || json === null || manifest.format !== MANIFEST_FORMAT) {
    return fail(
      `${MANIFEST_FILE} is not of format ${MANIFEST_FORMAT}: use a pack for this version`,
    );
  }
  const text = (value: unknown) => typeof value === 'string';
  const valid =
    text(manifest.name) &&
    FILE_NAME.test(manifest.name) &&
    text(manifest.version) &&
    text(manifest.family) &&
    text(manifest.licence) &&
    text(manifest.trainingData) &&
    text(manifest.motion?.tables) &&
    isMotion(manifest.motion) &&
    (manifest.networks === undefined || isTexts(manifest.networks)) &&
    (manifest.weights === undefined || text(manifest.weights)) &&
    (manifest.size === undefined || isSize(manifest.size)) &&
    typeof manifest.files === 'object' &&
    manifest.files !== null &&
    Object.entries(manifest.files).every(
      ([file, entry]) =>
        FILE_NAME.test(file) &&
        Number.isInteger(entry?.bytes) &&
        entry.bytes <= MAX_FILE_BYTES &&
        SHA256.test(entry.sha256),
    );
  if (!valid) return fail(`${MANIFEST_FILE} lacks a field or has one of the wrong type`);
  if (manifest.protocol !== PROTOCOL_VERSION.major) {
    return fail(
      `it is for bitstream ${manifest.protocol}, this library speaks ${PROTOCOL_VERSION.major}: use a pack for this version`,
    );
  }
  return manifest;
}
