import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, extname, join, relative, sep } from 'node:path';
import { openClip } from '../../src/cli/media/clip-source.js';
import { startTool } from '../../src/cli/media/ffmpeg-process.js';
import { createProgress } from '../../src/cli/progress.js';
import { UserError } from '../../src/cli/user-error.js';
import { type Landmarks, POINT_COUNT } from '../../src/geometry/landmarks.js';
import { openFaceTracker } from '../../src/sender/trackers/open.js';
import type { TrackedClip } from './clip.js';

/** Files that are taken for videos. */
const VIDEOS =
  '.3gp .avi .flv .gif .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts .webm .webp .wmv';
/** Frames of a clip that are looked at: more people teach more than more minutes of one. */
const MOST_FRAMES = 9000;

/** A video of one's own. */
export interface OwnClip {
  readonly path: string;
  /** Its path in the folder. */
  readonly name: string;
  /** The sub-folder that it lies in, or its own name without the ending. */
  readonly person: string;
}

/** What a track was made of: another clip or tracker makes another. */
interface TrackHeader {
  readonly bytes: number;
  readonly modified: number;
  readonly tracker: string;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** Indices of the frames with a face. */
  readonly frames: readonly number[];
}

/**
 * Every video in a folder and its sub-folders, in order of name. Throws a UserError where there is
 * none, or where they need ffmpeg, as all but WebP and GIF do, and it is not installed.
 */
export async function findClips(folder: string): Promise<OwnClip[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause) => {
    throw new UserError(`${folder} cannot be read as a folder: give one with videos`, { cause });
  });
  const clips = entries
    .filter((entry) => VIDEOS.split(' ').includes(extname(entry.name).toLowerCase()))
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const name = relative(folder, path);
      const [top, ...rest] = name.split(sep);
      const label = rest.length > 0 ? top : top.slice(0, -extname(top).length);
      return { path, name, person: label.replaceAll(/\s+/g, '_') };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  if (clips.length === 0)
    throw new UserError(`${folder} holds no video (${VIDEOS}): give a folder with videos of faces`);
  const needs = clips.find(({ path }) => !/\.(gif|webp)$/i.test(path));
  if (needs) {
    const tool = startTool('ffmpeg', ['-version'], `${needs.path} needs`);
    tool.process.stdout!.resume();
    await tool.ended;
  }
  return clips;
}

/**
 * A clip with its faces: tracked with the imported FaceLandmarker where there is one, else with the
 * embedded tracker, unfiltered; kept in the folder `tracks`, so that the next time is quick. Throws
 * a UserError where the file is no video.
 */
export async function trackClip(clip: OwnClip, tracks: string): Promise<TrackedClip> {
  const source = await openClip(clip.path);
  await source.close();
  const { width, height, fps, frameCount } = source;
  const { size, mtimeMs } = await stat(clip.path);
  const tracker = await openFaceTracker({ smooth: false });
  try {
    const made = { bytes: size, modified: mtimeMs, tracker: tracker.name, width, height, fps };
    const path = join(tracks, `${clip.name}.track`);
    let landmarks = await readTrack(path, made);
    if (!landmarks) {
      landmarks = new Map();
      const progress = createProgress(`tracking ${clip.name}`, process.stderr);
      const total = frameCount && Math.min(frameCount, MOST_FRAMES);
      let index = 0;
      for await (const picture of picturesOf(clip)) {
        const [face] = await tracker.track(picture);
        if (face) landmarks.set(index, face.landmarks);
        index++;
        progress.update({ done: index, total, detail: `${landmarks.size} with a face` });
      }
      progress.finish();
      await writeTrack(path, { ...made, frames: [...landmarks.keys()] }, landmarks);
    }
    const { name, person } = clip;
    return { name, person, width, height, fps, landmarks, pictures: () => picturesOf(clip) };
  } finally {
    await tracker.close();
  }
}

async function* picturesOf({ path }: OwnClip) {
  const source = await openClip(path);
  try {
    let count = 0;
    for await (const picture of source.frames()) {
      yield picture;
      if (++count === MOST_FRAMES) return;
    }
  } finally {
    await source.close();
  }
}

/** A track is a line of JSON (`TrackHeader`), then little-endian float32: 478 × 3 a frame. */
async function writeTrack(
  path: string,
  header: TrackHeader,
  landmarks: ReadonlyMap<number, Landmarks>,
): Promise<void> {
  const points = [...landmarks.values()].map((face) => new Uint8Array(face.buffer));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.part`, [Buffer.from(`${JSON.stringify(header)}\n`), ...points]);
  await rename(`${path}.part`, path);
}

/** The landmarks of a track; undefined where there is none of just this clip and tracker. */
async function readTrack(
  path: string,
  made: Omit<TrackHeader, 'frames'>,
): Promise<Map<number, Landmarks> | undefined> {
  const file = await readFile(path).catch(() => undefined);
  if (!file) return undefined;
  const end = file.indexOf('\n');
  const { frames, ...header } = JSON.parse(file.toString('utf8', 0, end)) as TrackHeader;
  if (JSON.stringify(header) !== JSON.stringify(made)) return undefined;
  const points = new Float32Array(Uint8Array.from(file.subarray(end + 1)).buffer);
  const size = 3 * POINT_COUNT;
  return new Map(frames.map((frame, i) => [frame, points.slice(i * size, (i + 1) * size)]));
}
