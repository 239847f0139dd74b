import { resolve } from 'node:path';
import { resampleSquare } from '../src/geometry/resample.js';
import { type SurroundMotion, withSurround } from '../src/geometry/surround.js';
import type { DecoderReference } from '../src/models/decoder.js';
import {
  alignReferences,
  createSurroundFit,
  type SurroundFit,
} from '../src/models/families/surround-fit.js';
import { spreadChoice } from '../src/sender/enrolment.js';
import { dataRoot } from './data.js';
import { readFrames } from './frames.js';
import type { Track } from './tracks.js';

const SIZE = 256;
const REFERENCES = 4;

/**
 * A track whose frames have surround points too, found in the clip's pictures as a sender finds them,
 * but for the compression of the references.
 */
export async function withSurroundPoints(track: Track): Promise<Track> {
  const { clip, enrolment, squares } = track;
  const frames = track.frames.slice();
  const first: DecoderReference[] = [];
  let fit: SurroundFit | undefined;
  let before: SurroundMotion | undefined;
  let index = 0;
  for await (const picture of readFrames(resolve(dataRoot(), clip.file), clip)) {
    const [square, landmarks] = [squares[index], frames[index]];
    if (square && landmarks && index < enrolment) {
      first.push({ picture: resampleSquare(picture, square, SIZE), landmarks });
    } else if (square && landmarks) {
      fit ??= fitOf(first);
      before = fit.fit(picture, square, landmarks, before);
      frames[index] = withSurround(landmarks, before);
    }
    if (++index === frames.length) break;
  }
  return { ...track, frames };
}

function fitOf(enrolment: readonly DecoderReference[]): SurroundFit {
  const geometries = enrolment.map(({ landmarks }) => landmarks);
  return createSurroundFit(
    alignReferences(spreadChoice(geometries, REFERENCES).map((i) => enrolment[i])),
  );
}
