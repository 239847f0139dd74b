import { resolve } from 'node:path';
import { resampleSquare } from '../src/geometry/resample.js';
import type { DecoderReference } from '../src/models/decoder.js';
import type { Pack } from '../src/models/pack.js';
import { spreadChoice } from '../src/sender/enrolment.js';
import { type AnalysedFrame, createAnalysis } from '../src/sender/frame-analyser.js';
import { dataRoot } from './data.js';
import { readFrames } from './frames.js';
import type { Track } from './tracks.js';

const SIZE = 256;
const REFERENCES = 4;

/**
 * A track whose frames have surround points and appearance (where `basis` is given) too, found in the
 * clip's pictures as a sender finds them, but for the compression of the references.
 */
export async function analysed(track: Track, basis: Pack['appearance']): Promise<Track> {
  const { clip, enrolment, squares } = track;
  const frames = track.frames.slice();
  const first: DecoderReference[] = [];
  let analyse: ReturnType<typeof createAnalysis> | undefined;
  let before: AnalysedFrame | undefined;
  let index = 0;
  for await (const picture of readFrames(resolve(dataRoot(), clip.file), clip)) {
    const [square, landmarks] = [squares[index], frames[index]];
    if (square && landmarks && index < enrolment) {
      first.push({ picture: resampleSquare(picture, square, SIZE), landmarks });
    } else if (square && landmarks) {
      analyse ??= createAnalysis(chosen(first), basis);
      before = analyse(picture, square, landmarks, before);
      frames[index] = before.geometry;
    }
    if (++index === frames.length) break;
  }
  return { ...track, frames };
}

function chosen(enrolment: readonly DecoderReference[]): DecoderReference[] {
  const geometries = enrolment.map(({ landmarks }) => landmarks);
  return spreadChoice(geometries, REFERENCES).map((i) => enrolment[i]);
}
