import { type Cache, MAX_COUNT } from '../../src/cli/training/cache-file.js';
import { UserError } from '../../src/cli/user-error.js';
import type { Landmarks } from '../../src/geometry/landmarks.js';
import type { Picture } from '../../src/geometry/picture.js';
import { neutralGeometry } from '../../src/geometry/pose.js';
import { resampleSquare } from '../../src/geometry/resample.js';
import type { DecoderReference } from '../../src/models/decoder.js';
import { NETWORK_SIZE } from '../../src/models/families/portrait-inputs.js';
import { type CropSquare, HeadCrop, toCropUnits } from '../../src/sender/crop.js';
import { spreadChoice } from '../../src/sender/enrolment.js';
import { addSet, basis, boxes, compressed, enrolled } from './samples.js';

/** Faces that the first second must show: fewer are no enrolment. */
export const FEWEST_FACES = 5;
/** Frames of a whole clip that its second set of references is chosen from. */
const POOL = 60;
/** Frames over which what each reference shows fades to what it should: see `ReferenceChooser`. */
const SETTLING = 3;

/** A clip whose faces are known. */
export interface TrackedClip {
  /** What messages call it. */
  readonly name: string;
  /** Label of whom it shows. */
  readonly person: string;
  /** Pixels of its pictures. */
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** 478 points in pixels, by the index of the frame; frames without a face have none. */
  readonly landmarks: ReadonlyMap<number, Landmarks>;
  /** Its pictures, in order. */
  pictures(): AsyncIterable<Picture>;
}

export interface ClipSelection {
  /** Targets at most. */
  readonly most: number;
  /** Where the samples come from: `clip`, `hard`, `own`. */
  readonly source: string;
  /** Whether frames of the first second are targets too. */
  readonly withFirst?: boolean;
}

interface Plan {
  /** Frames that show the person as enrolled: from the first second, and from anywhere. */
  readonly sets: readonly { readonly chosen: readonly number[]; readonly neutral: Landmarks }[];
  readonly targets: readonly { readonly frame: number; readonly set: number }[];
}

/**
 * Adds samples of a clip to the cache: targets spread over it, each made from references of its
 * first second (two of three, as in a call) or of the whole clip. Returns how many; 0 where the
 * first second shows too few faces to enrol anyone. Throws a UserError where the clip ends early.
 */
export async function addClip(
  cache: Cache,
  clip: TrackedClip,
  { most, source, withFirst = false }: ClipSelection,
): Promise<number> {
  const second = Math.round(clip.fps);
  const first = [...clip.landmarks.keys()].filter((index) => index < second);
  if (first.length < FEWEST_FACES) return 0;
  const { squares, geometries } = cropped(clip, first);
  const plan = planOf(geometries, first, withFirst ? 0 : second, most);
  const needed = new Set([
    ...plan.sets.flatMap(({ chosen }) => chosen),
    ...plan.targets.map(({ frame }) => frame),
  ]);
  const pictures = await picturesOf(clip, squares, needed);
  const frameAt = (index: number): DecoderReference => ({
    picture: pictures.get(index)!,
    landmarks: geometries.get(index)!,
  });
  const sets = [];
  for (const { chosen, neutral } of plan.sets) {
    const references = await Promise.all(chosen.map((index) => compressed(frameAt(index))));
    sets.push({ set: addSet(cache, references), ...enrolled(references, basis, neutral) });
  }
  for (const target of plan.targets) {
    const { picture, landmarks } = frameAt(target.frame);
    const { set, inputs, coded } = sets[target.set];
    const geometry = coded(picture, landmarks);
    for (let i = 0; i < SETTLING; i++) inputs.warp.update(geometry);
    inputs.update(geometry);
    cache.addSample(picture, inputs, { set, person: clip.person, source, ...boxes(landmarks) });
  }
  return plan.targets.length;
}

/** The crop of each frame with a face, and its geometry there (crop units). */
function cropped({ landmarks, width, height }: TrackedClip, first: readonly number[]) {
  const crop = new HeadCrop(
    first.map((index) => landmarks.get(index)!),
    width,
    height,
  );
  const squares = new Map<number, CropSquare>();
  const geometries = new Map<number, Landmarks>();
  for (const [index, points] of landmarks) {
    const square = crop.follow(points);
    squares.set(index, square);
    geometries.set(index, toCropUnits(points, square));
  }
  return { squares, geometries };
}

function planOf(
  geometries: ReadonlyMap<number, Landmarks>,
  first: readonly number[],
  from: number,
  most: number,
): Plan {
  const indices = [...geometries.keys()];
  const stride = Math.max(1, Math.floor(indices.length / POOL));
  const anywhere = indices.filter((_, i) => i % stride === 0);
  const sets = [first, anywhere].map((pool) => {
    const faces = pool.map((index) => geometries.get(index)!);
    const chosen = spreadChoice(faces, MAX_COUNT).map((i) => pool[i]);
    return { chosen, neutral: neutralGeometry(faces) };
  });
  const candidates = indices.filter((index) => index >= from);
  const every = Math.max(1, candidates.length / most);
  const targets: { frame: number; set: number }[] = [];
  for (let n = 0; n < candidates.length; n += every) {
    const frame = candidates[Math.floor(n)];
    const set = Math.floor(n / every) % 3 === 2 ? 1 : 0;
    if (!sets[set].chosen.includes(frame)) targets.push({ frame, set });
  }
  return { sets, targets };
}

/** The frames that are needed, cut to their squares. */
async function picturesOf(
  clip: TrackedClip,
  squares: ReadonlyMap<number, CropSquare>,
  needed: ReadonlySet<number>,
): Promise<Map<number, Picture>> {
  const pictures = new Map<number, Picture>();
  let index = 0;
  for await (const picture of clip.pictures()) {
    if (needed.has(index))
      pictures.set(index, resampleSquare(picture, squares.get(index)!, NETWORK_SIZE));
    if (pictures.size === needed.size) break;
    index++;
  }
  if (pictures.size < needed.size)
    throw new UserError(
      `${clip.name} ends after ${index} frames, before its tracks do: track it again`,
    );
  return pictures;
}
