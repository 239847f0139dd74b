import { resolve } from 'node:path';
import { resampleSquare } from '../src/geometry/resample.js';
import type { DecoderReference } from '../src/models/decoder.js';
import { createNodeSession } from '../src/models/inference-node.js';
import type { Pack } from '../src/models/pack.js';
import { spreadChoice } from '../src/sender/enrolment.js';
import { type AnalysedFrame, createAnalysis } from '../src/sender/frame-analyser.js';
import { openVectorAnalyser } from '../src/sender/vector-analyser.js';
import { dataRoot } from './data.js';
import { readFrames } from './frames.js';
import type { Track } from './tracks.js';

const SIZE = 256;
const REFERENCES = 4;
const THREADS = 2;

/** A track whose frames have all that a sender with this pack sends of them. */
export async function asSent(track: Track, pack: Pack): Promise<Track> {
  if (pack.vector) return withVectors(track, pack);
  return pack.moreValues > 0 ? analysed(track, pack.appearance) : track;
}

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

/** A track whose frames after the enrolment have the pack's own vector behind their points. */
async function withVectors(track: Track, pack: Pack): Promise<Track> {
  const { clip, enrolment, squares } = track;
  const frames = track.frames.slice();
  const analyser = await openVectorAnalyser(pack, (graph) => createNodeSession(graph, THREADS));
  let index = 0;
  for await (const picture of readFrames(resolve(dataRoot(), clip.file), clip)) {
    const [square, landmarks] = [squares[index], frames[index]];
    if (square && landmarks && index >= enrolment)
      frames[index] = await analyser.analyse(picture, square, landmarks);
    if (++index === frames.length) break;
  }
  await analyser.close();
  return { ...track, frames };
}

function chosen(enrolment: readonly DecoderReference[]): DecoderReference[] {
  const geometries = enrolment.map(({ landmarks }) => landmarks);
  return spreadChoice(geometries, REFERENCES).map((i) => enrolment[i]);
}
