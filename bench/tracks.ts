import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Landmarks, POINT_COUNT } from '../src/geometry/landmarks.js';
import { neutralGeometry } from '../src/geometry/pose.js';
import { type CropSquare, HeadCrop, toCropUnits } from '../src/sender/crop.js';
import { type Clip, dataRoot } from './data.js';
import { readNpz } from './npz.js';

/** A clip's FaceLandmarker tracks as the codec would see them. */
export interface Track {
  readonly clip: Clip;
  /** Landmarks (crop units) of each frame; undefined where FaceLandmarker found no face. */
  readonly frames: (Landmarks | undefined)[];
  /** The square of each picture that the codec sees. */
  readonly squares: (CropSquare | undefined)[];
  /** Neutral geometry from the enrolment frames. */
  readonly neutral: Landmarks;
  /** Frames of the enrolment: the first second. */
  readonly enrolment: number;
}

/** Reads a clip's tracks; undefined where its first second shows no face in five frames. */
export function loadTrack(clip: Clip): Track | undefined {
  const path = resolve(dataRoot(), 'tracks', `${clip.file}.npz`);
  if (!existsSync(path)) return undefined;
  const arrays = readNpz(path);
  const [index, raw] = [arrays.frame.data, arrays.landmarks.data];
  const width = Number(arrays.width.data[0]);
  const height = Number(arrays.height.data[0]);
  const total = Number(arrays.frames.data[0]);
  const pixels: (Landmarks | undefined)[] = Array.from({ length: total });
  for (let row = 0; row < index.length; row++) {
    const points = new Float32Array(3 * POINT_COUNT);
    for (let i = 0; i < points.length; i++) points[i] = Number(raw[row * points.length + i]) / 16;
    pixels[Number(index[row])] = points;
  }
  const enrolment = Math.round(clip.fps);
  const first = pixels.slice(0, enrolment).filter((frame) => frame !== undefined);
  if (first.length < 5) return undefined;
  const crop = new HeadCrop(first, width, height);
  const fixed = crop.square;
  const neutral = neutralGeometry(first.map((frame) => toCropUnits(frame, fixed)));
  const squares = pixels.map((frame) => frame && crop.follow(frame));
  const frames = pixels.map((frame, i) => frame && toCropUnits(frame, squares[i]!));
  return { clip, frames, squares, neutral, enrolment };
}
