import type { Landmarks } from '../../geometry/landmarks.js';
import { neutralGeometry } from '../../geometry/pose.js';
import type { DecoderReference } from '../../models/decoder.js';
import { spreadChoice } from '../../sender/enrolment.js';
import type { FaceTracker } from '../../sender/tracker.js';
import type { ClipSource } from '../media/clip-source.js';
import { createCache, MAX_COUNT } from './cache-file.js';
import {
  type Frame,
  type PersonalSamples,
  type PersonalSamplesOptions,
  readPersonalFrames,
} from './personal-frames.js';
import { addSet, boxes, compressed, enrolled } from './sample.js';

/** Sets of references beside the enrolment's: the next call enrols from other pictures. */
const OTHER_SETS = 6;
/** Frames that follow each other, of which such a set is chosen. */
const SET_WINDOW = 10;
/** Frames over which what each reference shows fades to what it should: see `ReferenceChooser`. */
const SETTLING = 3;

/**
 * Writes the cache that `training/portrait/personalise.py` reads: the person in the clip as a call
 * would show them, from the references of their enrolment and from others; the last fifth is marked
 * `held-out`. Throws UserError where nobody can be enrolled or the clip is too short.
 */
export async function writePersonalSamples(
  clip: ClipSource,
  tracker: FaceTracker,
  options: PersonalSamplesOptions,
): Promise<PersonalSamples> {
  const { enrolment, trained, heldOut } = await readPersonalFrames(clip, tracker, options);
  const { basis } = options.pack;
  const cache = createCache(options.folder);
  const toSet = (references: readonly DecoderReference[], neutral: Landmarks) => ({
    set: addSet(cache, references),
    ...enrolled(references, basis, neutral),
  });
  const own = toSet(enrolment.references, enrolment.neutral);
  const others = [];
  for (const window of windowsOf(trained)) {
    const geometries = window.map(({ landmarks }) => landmarks);
    const chosen = spreadChoice(geometries, MAX_COUNT).map((i) => compressed(window[i]));
    others.push(toSet(await Promise.all(chosen), neutralGeometry(geometries)));
  }
  const add = ({ picture, landmarks }: Frame, person: string, from: typeof own) => {
    const { set, inputs, coded } = from;
    const geometry = coded(picture, landmarks);
    for (let i = 0; i < SETTLING; i++) inputs.warp.update(geometry);
    inputs.update(geometry);
    cache.addSample(picture, inputs, { set, person, source: 'personal', ...boxes(landmarks) });
  };
  for (const [i, frame] of trained.entries()) {
    options.signal.throwIfAborted();
    add(frame, 'trained', i % 2 === 0 ? own : others[(i >> 1) % others.length]);
  }
  for (const frame of heldOut) add(frame, 'held-out', own);
  cache.close();
  return { trained: trained.length, heldOut: heldOut.length };
}

/** Stretches of frames, evenly spread. */
function windowsOf(frames: readonly Frame[]): Frame[][] {
  const length = Math.min(SET_WINDOW, frames.length);
  return Array.from({ length: OTHER_SETS }, (_, i) => {
    const start = Math.round((i / (OTHER_SETS - 1)) * (frames.length - length));
    return frames.slice(start, start + length);
  });
}
