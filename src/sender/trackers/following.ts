import { type Landmarks, MESH_POINT_COUNT } from '../../geometry/landmarks.js';
import type { Picture } from '../../geometry/picture.js';
import { checkPicture } from '../../models/check-options.js';
import { InvalidStateError } from '../../protocol/errors.js';
import { createOneEuroFilter } from '../one-euro.js';
import type { FaceTracker, TrackedFace } from '../tracker.js';
import { type Box, coverage, type Detection } from './blazeface.js';
import { type Region, regionOfPoints } from './region.js';

/** Improves a face's points in place, once it is settled that there is one. */
export type Refine = (picture: Picture, landmarks: Landmarks) => Promise<void>;

/** What the networks of a tracker pack find in one picture. */
export interface FaceFinder {
  /** Faces of the whole picture, best first. */
  detect(picture: Picture): Promise<Detection[]>;
  /** The face in a square of the picture; undefined where there is none. */
  fit(picture: Picture, region: Region): Promise<TrackedFace | undefined>;
  /** Where to look for a face next, from its points. Default: `uprightSquare` with MediaPipe's margin. */
  regionOf?(points: Landmarks): Region;
  /** What improves the points of one face, picture after picture. */
  createRefiner?(): Refine;
  /** Frees the networks. */
  close(): Promise<void>;
}

/** `FaceTracker` gives at most two: enough to see that a face is not alone. */
export const MAX_FACES = 2;
/** Side of the face's square over its extent (MediaPipe's face_landmark graphs). */
const FACE_MARGIN = 1.5;
/** Outer corners of the right and the left eye. */
const RIGHT_EYE = 33;
const LEFT_EYE = 263;
/** Where this much of one face's box lies in another's, they are one face. */
const SAME_FACE = 0.5;
/** Calls between searches for a second face while one is tracked (0.4 s at 25 fps). */
const SEARCH_INTERVAL = 10;

/**
 * Picked on 435 frames of four training clips, two of them of people the network was not trained on:
 * jitter at rest is 0.28 instead of 0.48 % of the inter-ocular distance (FaceLandmarker's own: 0.66),
 * for an error in fast frames of 2.56 instead of 2.54 %. A third of this beta: 0.22 and 2.68 %. The rate
 * is a convention: at 30 fps the filter is a little quicker.
 */
const SMOOTHING = { rate: 25, minCutoff: 1, beta: 240, speedCutoff: 5 };

/** Filters a face's points in place, call by call; `unit` is the side of its square. */
export type PointFilter = (points: Landmarks, unit: number) => void;
export const createPointFilter = (): PointFilter => createOneEuroFilter(SMOOTHING);

interface TrackState {
  region: Region;
  face: TrackedFace;
  readonly refine: Refine | undefined;
  readonly filter: PointFilter | undefined;
}

/** The upright box around the points of a face's mesh. */
export function boxOf(points: Landmarks): Box {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < MESH_POINT_COUNT * 3; i += 3) {
    left = Math.min(left, points[i]!);
    right = Math.max(right, points[i]!);
    top = Math.min(top, points[i + 1]!);
    bottom = Math.max(bottom, points[i + 1]!);
  }
  return { x: left, y: top, width: right - left, height: bottom - top };
}

export const isSameFace = (a: Box, b: Box): boolean => coverage(a, b) >= SAME_FACE;

/** The square around a face's points along the line of its eyes, `margin` times as long as they reach. */
export function uprightSquare(points: Landmarks, margin = FACE_MARGIN): Region {
  return regionOfPoints(points, MESH_POINT_COUNT, RIGHT_EYE, LEFT_EYE, margin);
}

/** The square that a finder looks for a detected face in. */
export function detectionRegion(detection: Detection): Region {
  const { x, y, width, height, eyesX, eyesY } = detection;
  return {
    centreX: x + width / 2,
    centreY: y + height / 2,
    size: Math.max(width, height) * FACE_MARGIN,
    angle: Math.atan2(eyesY, eyesX),
  };
}

/**
 * A tracker on a finder: detects faces where none is tracked and every tenth call; otherwise follows
 * the previous points. `smooth`: the points are filtered over time (One-Euro). Closes the finder.
 */
export function followFaces(finder: FaceFinder, smooth: boolean): FaceTracker {
  let tracks: TrackState[] = [];
  let sinceSearch = 0;
  let size = '';
  let closed = false;

  const faceRegion = finder.regionOf ?? uprightSquare;
  const isNew = (found: Box, others: TrackState[]) =>
    !others.some((other) => isSameFace(boxOf(other.face.landmarks), found));

  async function follow(picture: Picture): Promise<TrackState[]> {
    const kept: TrackState[] = [];
    for (const track of tracks) {
      const face = await finder.fit(picture, track.region);
      if (face && isNew(boxOf(face.landmarks), kept)) kept.push({ ...track, face });
    }
    return kept;
  }

  async function search(picture: Picture, known: TrackState[]): Promise<TrackState[]> {
    const all = [...known];
    for (const detection of await finder.detect(picture)) {
      if (all.length === MAX_FACES) break;
      if (!isNew(detection, all)) continue;
      const rough = await finder.fit(picture, detectionRegion(detection));
      if (!rough || !isNew(boxOf(rough.landmarks), all)) continue;
      // Once more from where the points say the face is: the detector's box is loose.
      const region = faceRegion(rough.landmarks);
      const face = await finder.fit(picture, region);
      if (!face || !isNew(boxOf(face.landmarks), all)) continue;
      const filter = smooth ? createPointFilter() : undefined;
      all.push({ region, face, refine: finder.createRefiner?.(), filter });
    }
    return all;
  }

  return {
    async track(picture, wanted = MAX_FACES) {
      if (closed) throw new InvalidStateError('the tracker is closed');
      checkPicture('picture', picture);
      const newSize = `${picture.width}x${picture.height}`;
      if (newSize !== size) tracks = [];
      size = newSize;
      tracks = await follow(picture);
      sinceSearch++;
      if (tracks.length === 0 || (tracks.length < wanted && sinceSearch >= SEARCH_INTERVAL)) {
        tracks = await search(picture, tracks);
        sinceSearch = 0;
      }
      for (const track of tracks) {
        const { landmarks } = track.face;
        await track.refine?.(picture, landmarks);
        track.region = faceRegion(landmarks);
        track.filter?.(landmarks, track.region.size);
      }
      tracks.sort((a, b) => b.region.size - a.region.size);
      return tracks.map(({ face }) => face);
    },
    async close() {
      if (closed) return;
      closed = true;
      await finder.close();
    },
  };
}
